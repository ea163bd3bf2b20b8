#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# memmap_policy: what is a table of rules and what is not. What the rules do takes memory that is plugged, so that is tested elsewhere.

. "$(dirname "$0")/common.sh"

begin memmap_policy

size=$((0x$(cat $SYSFS/block_size_bytes)))
saved=$(cat $SYSFS/memmap_policy)

# range FIRST LAST: the addresses of blocks from 1 TiB on, as text
range() {
	printf '%x-%x' $(((1 << 40) + $1 * size)) $(((1 << 40) + ($2 + 1) * size - 1))
}

# good WHAT TEXT [AS-READ]: taken, and read back
good() {
	check "$1" ok "$(put_text memmap_policy "$2")"
	check "$1: read back" "$(printf "${3-$2}")" "$(cat $SYSFS/memmap_policy)"
}

# bad WHAT TEXT: refused, and what was there before is still there
bad() {
	before=$(cat $SYSFS/memmap_policy)
	check "$1" "Invalid argument" "$(put_text memmap_policy "$2")"
	check "$1: nothing changed" "$before" "$(cat $SYSFS/memmap_policy)"
}

good "a range" "$(range 0 7) on\n"
good "ranges that touch" "$(range 0 7) on\n$(range 8 8) force\n$(range 9 9) off\n"
good "a node and a default" "node 0 force\ndefault off\n"
good "no newline at the end" "default on" "default on\n"
good "spaces, tabs, zeros and empty lines" "\n  node\t00   on  \n\n000$(range 0 0)\toff\n" "node 0 on\n$(range 0 0) off\n"
good "0x" "0x$(range 0 0) on\n" "$(range 0 0) on\n"
good "rules after the default" "default off\nnode 0 on\n"

bad "an unknown word" "default sometimes\n"
bad "an unknown subject" "cpu 0 on\n"
bad "upper case" "DEFAULT on\n"
bad "no placement" "default\n"
bad "a word too many" "default on off\n"
bad "a good rule and a bad one" "default on\nbad\n"
bad "a range that overlaps" "$(range 0 7) on\n$(range 7 8) off\n"
bad "a range within another" "$(range 0 7) on\n$(range 2 3) off\n"
bad "a range that ends before it begins" "$(range 7 0) on\n"
bad "a range without an end" "10000000000 on\n"
bad "an odd start" "10000000001-$(printf '%x' $(((1 << 40) + size - 1))) on\n"
bad "an odd end" "10000000000-$(printf '%x' $(((1 << 40) + size))) on\n"
bad "an end beyond physical memory" "10000000000-ffffffffffffffff on\n"
bad "an end beyond 64 bits" "10000000000-1ffffffffffffffff on\n"
bad "a sign" "+$(range 0 0) on\n"
bad "an impossible node" "node 4096000 on\n"
bad "a negative node" "node -1 on\n"
bad "a node twice" "node 0 on\nnode 0 on\n"
bad "two defaults" "default on\ndefault off\n"
bad "a comment" "# default on\n"
bad "a NUL" "default on\n\000\n"

before=$(cat $SYSFS/memmap_policy)
check "a megabyte" "Invalid argument" "$(megabyte | put memmap_policy)"
check "a megabyte of rules" "Invalid argument" "$(yes default on | head -c 1048576 | put memmap_policy)"
check "just a page" "Invalid argument" "$(yes '' | head -c "$(getconf PAGESIZE)" | put memmap_policy)"
: >$SYSFS/memmap_policy
check "nothing changed, nor did an empty write" "$before" "$(cat $SYSFS/memmap_policy)"
check "without capabilities" "Operation not permitted" "$(put_unprivileged memmap_policy 'default on\n')"
check "nothing changed" "$before" "$(cat $SYSFS/memmap_policy)"

# A reader never sees half of a table.
one="default on\n"
two="node 0 off\n$(range 0 1) force\ndefault off\n"
put_text memmap_policy "$one" >/dev/null
(for _ in $(seq 40); do put_text memmap_policy "$two"; put_text memmap_policy "$one"; done >/dev/null) &
writer=$!
mixed=0
while kill -0 $writer 2>/dev/null; do
	now=$(cat $SYSFS/memmap_policy)
	[ "$now" = "$(printf "$one")" ] || [ "$now" = "$(printf "$two")" ] || mixed=$((mixed + 1))
done
wait $writer
check "whole tables only" 0 $mixed

good "a lone newline removes all rules" "\n" ""
[ -z "$saved" ] || printf '%s\n' "$saved" >$SYSFS/memmap_policy

end
