#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# teardown: several blocks in a given order, all or none.

. "$(dirname "$0")/common.sh"

begin teardown memory0/hold
need 2
set -- $(blocks)
first=$1
second=$2
zone=$(zone "$first")
missing=1000000

states() {
	for block in "$first" "$second"; do
		echo "$block $(state "$block") $(cat $SYSFS/memory$block/valid_zones) $(cat $SYSFS/memory$block/hold)"
	done
	cat $SYSFS/teardown
}

# bad WHAT TEXT ERROR: refused, and neither a block nor the file has changed
bad() {
	before=$(states)
	check "$1" "$3" "$(put_text teardown "$2")"
	check "$1: nothing changed" "$before" "$(states)"
}

back() {
	for block in "$first" "$second"; do
		verb=online_kernel
		[ "$zone" != Movable ] || verb=online_movable
		put_text memory$block/hold 0
		put_text memory$block/state $verb
	done >/dev/null
}

bad "a lone newline" "\n" "Invalid argument"
bad "a word" "all\n" "Invalid argument"
bad "a comma at the end" "$first,\n" "Invalid argument"
bad "a comma at the start" ",$first\n" "Invalid argument"
bad "two commas" "$first,,$second\n" "Invalid argument"
bad "a space" "$first, $second\n" "Invalid argument"
bad "two lines" "$first\n$second\n" "Invalid argument"
bad "a sign" "+$first\n" "Invalid argument"
bad "a negative number" "-$first\n" "Invalid argument"
bad "a range without an end" "$first-\n" "Invalid argument"
bad "a range of three" "$first-$first-$first\n" "Invalid argument"
bad "hexadecimal" "0x20\n" "Invalid argument"
bad "a NUL" "$first\000" "Invalid argument"
bad "more than 64 bits" "$first,99999999999999999999\n" "Invalid argument"
bad "a block twice" "$first,$first\n" "Invalid argument"
bad "a block in a range and by itself" "$first-$first,$first\n" "Invalid argument"
bad "a block that is not there" "$first,$missing\n" "No such file or directory"
bad "a range to the end of the world" "$first-18446744073709551615\n" "No such file or directory"
before=$(states)
check "a megabyte" "Invalid argument" "$(megabyte | put teardown)"
check "a megabyte of blocks" "Invalid argument" "$(yes "$first" | tr '\n' , | head -c 1048576 | put teardown)"
check "without capabilities" "Operation not permitted" "$(put_unprivileged teardown "$first")"
check "nothing changed" "$before" "$(states)"

check "two blocks" ok "$(put_text teardown "$second,$first\n")"
check "reads ok" ok "$(cat $SYSFS/teardown)"
check "the first is offline" offline "$(state "$first")"
check "the second is offline" offline "$(state "$second")"
check "the first is held" 1 "$(cat $SYSFS/memory$first/hold)"
check "a held block does not come online" "Device or resource busy" "$(put_text memory$first/state online)"
bad "blocks that are offline" "$first,$second\n" "Invalid argument"
back
check "the first is back" "online $zone 0" "$(state "$first") $(zone "$first") $(cat $SYSFS/memory$first/hold)"

# Errors on request, where the kernel has them
modprobe -q memory-notifier-error-inject 2>/dev/null
inject=/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error
if [ -w $inject ]; then
	echo -12 >$inject
	check "a driver objects" "Cannot allocate memory" "$(put_text teardown "$first,$second\n")"
	echo 0 >$inject
	check "block, errno, and no page" "failed $first 12 -" "$(cat $SYSFS/teardown)"
	check "nothing is held" 0 "$(cat $SYSFS/memory$first/hold)"
	check "all are online" "online $zone online $zone" "$(state "$first") $(zone "$first") $(state "$second") $(zone "$second")"
fi

end
