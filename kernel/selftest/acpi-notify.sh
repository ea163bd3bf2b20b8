#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# notify, notify_timeout_sec: the files of the hotplug profile of memory devices. Nothing is plugged or ejected.

. "$(dirname "$0")/common.sh"

SYSFS=/sys/firmware/acpi/hotplug/memory
begin notify notify_timeout_sec
notify=$(cat $SYSFS/notify)
seconds=$(cat $SYSFS/notify_timeout_sec)

# good FILE TEXT
good() {
	check "$1: $2" ok "$(put_text "$1" "$2\n")"
	check "$1: $2: reads it" "$2" "$(cat "$SYSFS/$1")"
}

# bad FILE WHAT TEXT
bad() {
	before=$(cat "$SYSFS/$1")
	check "$1: $2" "Invalid argument" "$(put_text "$1" "$3")"
	check "$1: $2: nothing changed" "$before" "$(cat "$SYSFS/$1")"
}

good notify 1
good notify 0
for text in 1 60 3600; do
	good notify_timeout_sec $text
done
for file in notify notify_timeout_sec; do
	bad $file "a lone newline" "\n"
	bad $file "minus one" "\0551\n"
	bad $file "a word" "on\n"
	bad $file "something behind it" "1 1\n"
	bad $file "beyond 32 bits" "4294967297\n"
	check "$file: a megabyte" "Invalid argument" "$(megabyte | put $file)"
done
bad notify two "2\n"
bad notify_timeout_sec zero "0\n"
bad notify_timeout_sec "too long" "3601\n"
check "no notices of other devices" "" "$(ls -d /sys/firmware/acpi/hotplug/*/notify | grep -v /memory/)"

put_text notify_timeout_sec "$seconds\n" >/dev/null
put_text notify "$notify\n" >/dev/null
end
