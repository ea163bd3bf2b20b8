#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# nr_vmemmap_pages: there for every block, read-only, a number that fits the block, and that page flags agree with.

. "$(dirname "$0")/common.sh"

begin memory0/nr_vmemmap_pages

block_size=$((0x$(cat $SYSFS/block_size_bytes)))
page_size=$(getconf PAGESIZE)

# marked PFN: whether the page holds memmap that describes itself; /proc/kpageflags has it as "owner_priv_1"
marked() {
	flags=$(dd if=/proc/kpageflags bs=8 skip="$1" count=1 status=none | od -An -tu8 | tr -d ' ')
	echo $((flags >> 37 & 1))
}

bad=""
differ=""
for dir in "$SYSFS"/memory[0-9]*; do
	pages=$(cat "$dir/nr_vmemmap_pages")
	case $pages in
	"" | *[!0-9]*) bad="$bad ${dir##*/}" ;;
	*) [ "$pages" -lt $((block_size / page_size)) ] || bad="$bad ${dir##*/}" ;;
	esac
	[ "$(cat "$dir/state")" = online ] || continue
	first=$((0x$(cat "$dir/phys_index") * (block_size / page_size)))
	if [ "$pages" -gt 0 ]; then
		[ "$(marked $first)$(marked $((first + pages - 1)))$(marked $((first + pages)))" = 110 ] || differ="$differ ${dir##*/}"
	fi
done
check "each block has a number smaller than the block" "" "$bad"
check "page flags agree" "" "$differ"
check "memory that was there at boot has its memmap elsewhere" 0 "$(cat $SYSFS/memory0/nr_vmemmap_pages)"
check "read-only" 444 "$(stat -c %a $SYSFS/memory0/nr_vmemmap_pages)"

end
