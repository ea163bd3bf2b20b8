#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hold: a block that is held does not come online.

. "$(dirname "$0")/common.sh"

begin memory0/hold
need 1
set -- $(blocks)
block=$1
hold=memory$block/hold
zone=$(zone "$block")
verb=online_kernel
[ "$zone" != Movable ] || verb=online_movable

# bad WHAT TEXT ERROR
bad() {
	before=$(cat $SYSFS/$hold)
	check "$1" "$3" "$(put_text $hold "$2")"
	check "$1: nothing changed" "$before" "$(cat $SYSFS/$hold)"
}

check "0 at first" 0 "$(cat $SYSFS/$hold)"
bad "a lone newline" "\n" "Invalid argument"
bad "two" "2\n" "Invalid argument"
bad "a word" "yes\n" "Invalid argument"
bad "minus one" "-1\n" "Invalid argument"
check "a megabyte" "Invalid argument" "$(megabyte | put $hold)"
check "without capabilities" "Operation not permitted" "$(put_unprivileged $hold 1)"
check "still 0" 0 "$(cat $SYSFS/$hold)"

check "hold an online block" ok "$(put_text $hold '1\n')"
check "reads 1" 1 "$(cat $SYSFS/$hold)"
check "it stays online" online "$(state "$block")"
check "it goes offline" ok "$(put_text memory$block/state offline)"
for word in online online_kernel online_movable; do
	check "$word" "Device or resource busy" "$(put_text memory$block/state $word)"
done
check "1 to the file online" "Device or resource busy" "$(put_text memory$block/online 1)"
check "still offline" offline "$(state "$block")"
check "let it go" ok "$(put_text $hold 0)"
check "it comes online" ok "$(put_text memory$block/state $verb)"
check "in its zone" "$zone" "$(zone "$block")"

end
