/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libmhp: the memory blocks of a Linux machine, who brought them, where they went.
 *
 * Units, everywhere in this file: an address or a size is in bytes, a block is a memory block number (the N of
 * /sys/devices/system/memory/memoryN), a node is a NUMA node number. Functions return 0 or a positive answer, or a
 * negative errno. A pointer got from a map belongs to the map and lives until the map changes or is freed. The
 * library keeps no global state; a map may be used by one thread at a time. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* memoryN/state, state_show() in drivers/base/memory.c. UNKNOWN: the file says a word that this version does not know,
 * or has not been read yet. */
enum mhp_state {
        MHP_STATE_UNKNOWN,
        MHP_STATE_OFFLINE,
        MHP_STATE_ONLINE,
        MHP_STATE_GOING_OFFLINE,
        _MHP_STATE_MAX,
};

/* memoryN/valid_zones, valid_zones_show() in drivers/base/memory.c. UNSET: in no zone, because the block is offline, or
 * not known. NONE is the kernel's word `none`: the block spans zones, nodes or holes and can never go offline. */
enum mhp_zone {
        MHP_ZONE_UNSET,
        MHP_ZONE_NONE,
        MHP_ZONE_DMA,
        MHP_ZONE_DMA32,
        MHP_ZONE_NORMAL,
        MHP_ZONE_HIGHMEM,
        MHP_ZONE_MOVABLE,
        MHP_ZONE_DEVICE,
        _MHP_ZONE_MAX,
};

/* What brought the memory. UNKNOWN: cannot be told (yet, or without privilege). */
enum mhp_source {
        MHP_SOURCE_UNKNOWN,
        MHP_SOURCE_BOOT,
        MHP_SOURCE_ACPI,
        MHP_SOURCE_VIRTIO_MEM,
        MHP_SOURCE_DAX,
        MHP_SOURCE_HYPERV,
        MHP_SOURCE_XEN,
        MHP_SOURCE_OTHER,
        _MHP_SOURCE_MAX,
};

/* The words that sysfs, the map's text form and mhpctl use; NULL outside the enumeration, and for UNSET. The string is static. */
const char *mhp_state_name(enum mhp_state state);
const char *mhp_zone_name(enum mhp_zone zone);
const char *mhp_source_name(enum mhp_source source);

struct mhp_map;

/* One memory block as the map has it. */
struct mhp_block_info {
        uint64_t block;        /* block number */
        uint64_t address;      /* physical, bytes */
        uint64_t size;         /* bytes */
        enum mhp_state state;
        enum mhp_zone zone;    /* UNSET unless online */
        int node;              /* the lowest, -1: not known */
        enum mhp_source source;
        const char *group;     /* SOURCE:DEVICE or NULL: not known; owned by the map */
};

/* Reads the blocks of the machine whose root directory is `root` ("/" or a directory that holds sys and proc).
 * -ENOENT: no /sys/devices/system/memory there; -EINVAL: the tree contradicts itself (block size 0 or no power of
 * two); -ENOMEM, or what open(2) and read(2) say. The caller frees the map with mhp_map_free(). */
int mhp_map_scan(const char *root, struct mhp_map **ret);

/* Parses the text form that mhp_map_print() and `mhpctl dump` write. -EINVAL: *ret_line (may be NULL) has the line;
 * so it has with -E2BIG: more than 4,194,304 blocks. */
int mhp_map_parse(const char *text, size_t len, struct mhp_map **ret, unsigned *ret_line);

/* The map's text form, NUL terminated; the caller free()s it. mhp_map_parse() of it gives an equal map. */
int mhp_map_print(const struct mhp_map *map, char **ret);

/* NULL is fine. Returns NULL. */
struct mhp_map *mhp_map_free(struct mhp_map *map);

/* Bytes in a memory block: block_size_bytes, a power of two. */
uint64_t mhp_map_block_size(const struct mhp_map *map);

/* How many blocks the map has. */
size_t mhp_map_n_blocks(const struct mhp_map *map);

/* Walks the blocks by number. Start with *block = 0; 1: *ret is the first block at or after *block and *block has been
 * moved behind it; 0: no more (*ret untouched). */
int mhp_map_next(const struct mhp_map *map, uint64_t *block, struct mhp_block_info *ret);

#ifdef __cplusplus
}
#endif
