/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every path that mhpd touches, relative to the root directory. */

#define NAME_DEVICES "sys/devices"
#define NAME_MEMORY "sys/devices/system/memory"
#define NAME_BLOCK_SIZE NAME_MEMORY "/block_size_bytes"
#define NAME_AUTO_ONLINE_BLOCKS NAME_MEMORY "/auto_online_blocks"
#define NAME_MEMMAP_POLICY NAME_MEMORY "/memmap_policy"
#define NAME_TEARDOWN NAME_MEMORY "/teardown"
#define NAME_NODE "sys/devices/system/node"
#define NAME_NODES_POSSIBLE NAME_NODE "/possible"
#define NAME_NODES_WITH_PROCESSORS NAME_NODE "/has_cpu"
#define NAME_HOTPLUG_PARAMETERS "sys/module/memory_hotplug/parameters"
#define NAME_ONLINE_POLICY NAME_HOTPLUG_PARAMETERS "/online_policy"
#define NAME_AUTO_MOVABLE_RATIO NAME_HOTPLUG_PARAMETERS "/auto_movable_ratio"
#define NAME_AUTO_MOVABLE_NUMA_AWARE NAME_HOTPLUG_PARAMETERS "/auto_movable_numa_aware"
#define NAME_SELF_HOSTING NAME_HOTPLUG_PARAMETERS "/memmap_on_memory"
#define NAME_ACPI_DEVICES "sys/bus/acpi/devices"
#define NAME_ACPI_MEMORY_HID "PNP0C80:"
#define NAME_ACPI_VETO "sys/firmware/acpi/hotplug/memory/enabled"
#define NAME_ACPI_NOTICE "sys/firmware/acpi/hotplug/memory/notify"
#define NAME_ACPI_EJECT "eject"
#define NAME_ACPI_STATUS "status"
#define NAME_ACPI_PHYSICAL_NODE "physical_node"
#define NAME_VIRTIO_MEM_UNPLUG_ONLINE "sys/module/virtio_mem/parameters/unplug_online"
#define NAME_VIRTIO_MEM_DRIVER "sys/bus/virtio/drivers/virtio_mem"
#define NAME_DAX_DEVICES "sys/bus/dax/devices"
#define NAME_KMEM_UNBIND "sys/bus/dax/drivers/kmem/unbind"
#define NAME_STANDBY "sys/firmware/memory"
#define NAME_STANDBY_CONFIG "config"
#define NAME_STANDBY_SWITCH "memmap_on_memory"
#define NAME_HV_BALLOON_DRIVER "sys/bus/vmbus/drivers/hv_balloon"
#define NAME_HYPERVISOR_TYPE "sys/hypervisor/type"
#define NAME_IOMEM "proc/iomem"
#define NAME_ZONEINFO "proc/zoneinfo"
#define NAME_PAGEFLAGS "proc/kpageflags"
#define NAME_PAGECOUNTS "proc/kpagecount"
#define NAME_PAGETYPEINFO "proc/pagetypeinfo"
#define NAME_ARCH "proc/sys/kernel/arch"
#define NAME_PMD_SIZE "sys/kernel/mm/transparent_hugepage/hpage_pmd_size"
#define NAME_VIRTIO_BALLOON_DRIVER "sys/bus/virtio/drivers/virtio_balloon"

/* Where udev has its rules. */
#define NAME_UDEV_ETC "etc/udev/rules.d"
#define NAME_UDEV_RUN "run/udev/rules.d"
#define NAME_UDEV_LOCAL "usr/local/lib/udev/rules.d"
#define NAME_UDEV_USR "usr/lib/udev/rules.d"
#define NAME_UDEV_LIB "lib/udev/rules.d"

/* Below a device. */
#define NAME_DRIVER "driver"
#define NAME_DAX_STATE "state"
#define NAME_DAX_SIZE "size"
#define NAME_DAX_NODE "target_node"
#define NAME_DAX_SWITCH "memmap_on_memory"
#define NAME_VIRTIO_MEM_REQUESTED "requested_size"
#define NAME_VIRTIO_MEM_PLUGGED "plugged_size"
#define NAME_VIRTIO_MEM_USABLE "usable_region_size"
#define NAME_VIRTIO_MEM_BLOCK "device_block_size"
#define NAME_VIRTIO_MEM_MODE "mode"

/* This program, for starting its worker, and what it has open. Absolute: it is not the machine below --sysroot. */
#define NAME_SELF_EXE "/proc/self/exe"
#define NAME_OWN_FD "/proc/self/fd"

/* Below memoryN. */
#define NAME_STATE "state"
#define NAME_VALID_ZONES "valid_zones"
#define NAME_FIRMWARE_NODE "firmware_node"
#define NAME_HOLD "hold"
#define NAME_VMEMMAP_PAGES "nr_vmemmap_pages"

/* Configuration and state, absolute. */
#define NAME_CONFIG_FILE "mhpd.conf"
#define NAME_CONFIG_DROPINS "mhpd.conf.d"
#define NAME_CONFIG_ETC "/etc/mhpd"
#define NAME_CONFIG_VENDOR "/usr/lib/mhpd"
#define NAME_RUNTIME "/run/mhpd"
#define NAME_SETTLED_FILE "settled"
#define NAME_SETTLED_ENV "settled.env"
#define NAME_STATE_FILE "state"
#define NAME_LOCK "lock"
#define NAME_RUNNING "running"
/* There while mhpd runs, and no longer; conf/10-mhpd-memory.rules asks for it. */
#define NAME_RUNNING_MARK NAME_RUNNING "/ready"
#define NAME_RUNTIME_MARK NAME_RUNTIME "/" NAME_RUNNING_MARK
#define NAME_PROCESSES "/proc"
