/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/block.h"

#include <errno.h>
#include <string.h>

static const char *const state_names[_MHP_STATE_MAX] = {
        [MHP_STATE_UNKNOWN] = "unknown",
        [MHP_STATE_OFFLINE] = "offline",
        [MHP_STATE_ONLINE] = "online",
        [MHP_STATE_GOING_OFFLINE] = "going-offline",
};

static const char *const zone_names[_MHP_ZONE_MAX] = {
        [MHP_ZONE_UNSET] = NULL,
        [MHP_ZONE_NONE] = "none",
        [MHP_ZONE_DMA] = "DMA",
        [MHP_ZONE_DMA32] = "DMA32",
        [MHP_ZONE_NORMAL] = "Normal",
        [MHP_ZONE_HIGHMEM] = "HighMem",
        [MHP_ZONE_MOVABLE] = "Movable",
        [MHP_ZONE_DEVICE] = "Device",
};

static const char *const source_names[_MHP_SOURCE_MAX] = {
        [MHP_SOURCE_UNKNOWN] = "unknown",
        [MHP_SOURCE_BOOT] = "boot",
        [MHP_SOURCE_ACPI] = "acpi",
        [MHP_SOURCE_VIRTIO_MEM] = "virtio-mem",
        [MHP_SOURCE_DAX] = "dax",
        [MHP_SOURCE_HYPERV] = "hyperv",
        [MHP_SOURCE_XEN] = "xen",
        [MHP_SOURCE_OTHER] = "other",
        [MHP_SOURCE_DLPAR] = "dlpar",
};

static const char *const want_names[_MHP_WANT_MAX] = {
        [MHP_WANT_UNSET] = NULL,
        [MHP_WANT_AUTO] = "auto",
        [MHP_WANT_MOVABLE] = "movable",
        [MHP_WANT_KERNEL] = "kernel",
        [MHP_WANT_NONE] = "none",
};

static const char *const reason_names[_MHP_REASON_MAX] = {
        [MHP_REASON_UNSET] = NULL,
        [MHP_REASON_RULE] = "rule",
        [MHP_REASON_ONLINE_ZONE] = "online-zone",
        [MHP_REASON_RATIO_ALLOWS] = "ratio-allows",
        [MHP_REASON_RATIO_EXCEEDED] = "ratio-exceeded",
        [MHP_REASON_NODE_RATIO_EXCEEDED] = "node-ratio-exceeded",
        [MHP_REASON_MEMORY_ONLY_NODE] = "memory-only-node",
        [MHP_REASON_KERNEL_PRESSURE] = "kernel-pressure",
        [MHP_REASON_UNIT] = "unit",
        [MHP_REASON_ZONE_NOT_OFFERED] = "zone-not-offered",
        [MHP_REASON_REQUESTED] = "requested",
        [MHP_REASON_FOUND_ONLINE] = "found-online",
        [MHP_REASON_KERNEL_DECIDED] = "kernel-decided",
        [MHP_REASON_ACCEPTED] = "accepted",
        [MHP_REASON_FOREIGN_OFFLINE] = "foreign-offline",
        [MHP_REASON_REMOVAL] = "removal",
        [MHP_REASON_RESTORED] = "restored",
};

static const char *const queue_names[_MHP_QUEUE_MAX] = {
        [MHP_QUEUE_NONE] = "none",
        [MHP_QUEUE_UNSETTLED] = "unsettled",
        [MHP_QUEUE_UNDECIDED] = "undecided",
        [MHP_QUEUE_DRIFT] = "drift",
        [MHP_QUEUE_ONLINE_MOVABLE] = "online-movable",
        [MHP_QUEUE_ONLINE_KERNEL] = "online-kernel",
        [MHP_QUEUE_OFFLINE] = "offline",
        [MHP_QUEUE_WAITING] = "waiting",
        [MHP_QUEUE_BUSY] = "busy",
};

/* Through size_t: a negative value, in an enum that is signed, is out of range too. */
static const char *name_of(const char *const *names, size_t n, size_t value) {
        return value < n ? names[value] : NULL;
}

static int value_of(const char *const *names, size_t n, const char *s, size_t len) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && strlen(names[i]) == len && memcmp(names[i], s, len) == 0)
                        return (int) i;
        return -EINVAL;
}

const char *mhp_state_name(enum mhp_state state) {
        return name_of(state_names, ELEMENTSOF(state_names), (size_t) state);
}

const char *mhp_zone_name(enum mhp_zone zone) {
        return name_of(zone_names, ELEMENTSOF(zone_names), (size_t) zone);
}

const char *mhp_source_name(enum mhp_source source) {
        return name_of(source_names, ELEMENTSOF(source_names), (size_t) source);
}

const char *mhp_want_name(enum mhp_want want) {
        return name_of(want_names, ELEMENTSOF(want_names), (size_t) want);
}

enum mhp_reason mhp_block_reason(const struct mhp_block *block) {
        return block->state == MHP_STATE_OFFLINE && block->flags & MHP_BLOCK_HANDS_OFF ? MHP_REASON_FOREIGN_OFFLINE : (enum mhp_reason) block->reason;
}

const char *mhp_reason_name(enum mhp_reason reason) {
        return name_of(reason_names, ELEMENTSOF(reason_names), (size_t) reason);
}

const char *mhp_queue_name(enum mhp_queue queue) {
        return name_of(queue_names, ELEMENTSOF(queue_names), (size_t) queue);
}

int mhp_state_parse(const char *s, enum mhp_state *ret) {
        int v = value_of(state_names, ELEMENTSOF(state_names), s, strlen(s));

        if (v < 0)
                return v;
        *ret = (enum mhp_state) v;
        return 0;
}

int mhp_zone_parse(const char *s, enum mhp_zone *ret) {
        int v = value_of(zone_names, ELEMENTSOF(zone_names), s, strlen(s));

        if (v < 0)
                return v;
        *ret = (enum mhp_zone) v;
        return 0;
}

int mhp_source_parse(const char *s, enum mhp_source *ret) {
        int v = value_of(source_names, ELEMENTSOF(source_names), s, strlen(s));

        if (v < 0)
                return v;
        *ret = (enum mhp_source) v;
        return 0;
}

int mhp_want_parse(const char *s, enum mhp_want *ret) {
        int v = value_of(want_names, ELEMENTSOF(want_names), s, strlen(s));

        if (v < 0)
                return v;
        *ret = (enum mhp_want) v;
        return 0;
}

int mhp_reason_parse(const char *s, enum mhp_reason *ret) {
        int v = value_of(reason_names, ELEMENTSOF(reason_names), s, strlen(s));

        if (v < 0)
                return v;
        *ret = (enum mhp_reason) v;
        return 0;
}

/* valid_zones_show() asks for MEM_ONLINE alone: in every other state the file lists what onlining may choose from. */
int mhp_valid_zones_parse(const char *s, enum mhp_state state, enum mhp_zone *ret_zone, uint8_t *ret_valid) {
        enum mhp_zone first = MHP_ZONE_UNSET;
        unsigned valid = 0;

        for (;;) {
                size_t n;
                int v;

                s += strspn(s, " \t\n");
                n = strcspn(s, " \t\n");
                if (n == 0)
                        break;
                v = value_of(zone_names, ELEMENTSOF(zone_names), s, n);
                s += n;
                if (v < 0)
                        continue;
                valid |= MHP_ZONE_BIT(v);
                if (first == MHP_ZONE_UNSET)
                        first = (enum mhp_zone) v;
        }
        if (valid == 0)
                return -EINVAL;

        *ret_zone = state == MHP_STATE_ONLINE ? first : MHP_ZONE_UNSET;
        *ret_valid = state == MHP_STATE_ONLINE ? 0 : (uint8_t) valid;
        return 0;
}

enum mhp_want mhp_zone_class(enum mhp_zone zone) {
        switch (zone) {
        case MHP_ZONE_MOVABLE:
                return MHP_WANT_MOVABLE;
        case MHP_ZONE_NONE:
        case MHP_ZONE_DMA:
        case MHP_ZONE_DMA32:
        case MHP_ZONE_NORMAL:
        case MHP_ZONE_HIGHMEM:
                return MHP_WANT_KERNEL;
        case MHP_ZONE_UNSET:
        case MHP_ZONE_DEVICE:
        case _MHP_ZONE_MAX:
                break;
        }
        return MHP_WANT_UNSET;
}

bool mhp_source_is_unit(enum mhp_source source) {
        return source == MHP_SOURCE_ACPI || source == MHP_SOURCE_DAX || source == MHP_SOURCE_DLPAR;
}
