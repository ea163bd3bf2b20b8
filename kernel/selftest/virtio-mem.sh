#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# requested_size, plugged_size, usable_region_size, device_block_size, mode of each virtio-mem device. None is resized.

. "$(dirname "$0")/common.sh"

SYSFS=/sys/bus/virtio/drivers/virtio_mem
device=$(cd $SYSFS 2>/dev/null && ls -d virtio* 2>/dev/null | head -n 1)
begin "${device:-virtioX}/requested_size"

# holds WHAT CONDITION..: arithmetic that is true
holds() {
	what=$1
	shift
	check "$what" 1 "$(($*))"
}

for device in "$SYSFS"/virtio*; do
	name=${device##*/}
	for file in requested_size plugged_size usable_region_size device_block_size; do
		check "$name: $file is a number" 1 "$(grep -cxE '[0-9]+' "$device/$file")"
		check "$name: $file is read-only" 444 "$(stat -c %a "$device/$file")"
	done
	check "$name: mode" 1 "$(grep -cxE 'sbm|bbm' "$device/mode")"
	unit=$(cat "$device/device_block_size")
	usable=$(cat "$device/usable_region_size")
	for file in requested_size plugged_size; do
		size=$(cat "$device/$file")
		holds "$name: $file is usable" "$size <= $usable"
		holds "$name: $file is whole blocks" "$size % $unit == 0"
	done
done
end
