/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A machine made of files: a folder with sys and proc, as an edge wants it. */

#include <stddef.h>
#include <stdint.h>

struct tree {
        char path[64]; /* the folder, in $TMPDIR; goes away with tree_remove() */
        int fd;
};

/* An empty folder. */
void tree_make(struct tree *t);
void tree_remove(struct tree *t);

/* Missing folders on the way are made. A file is written over. */
void tree_file(const struct tree *t, const char *path, const char *content);
void tree_bytes(const struct tree *t, const char *path, const void *data, size_t len);
void tree_dir(const struct tree *t, const char *path);
void tree_link(const struct tree *t, const char *path, const char *target);
void tree_drop(const struct tree *t, const char *path);

/* Holds who opens the file, until the descriptor is closed (fcntl(2), F_SETLEASE). */
int tree_lease(const struct tree *t, const char *path);

/* The content of a file; lives until the next call. */
const char *tree_read(const struct tree *t, const char *path);

/* /sys/devices/system/memory with its block size, in hex as the kernel writes it. */
void tree_memory(const struct tree *t, const char *block_size);

/* memoryN. zones: what valid_zones says, NULL: the file is not there. node: -1: no link yet, as right after `add`. device: the ACPI
 * device that it belongs to, `PNP0C80:00`, or NULL. */
void tree_add_block(const struct tree *t, uint64_t nr, const char *state, const char *zones, int node, const char *device);

/* Parts of it, for a block that is there. */
void tree_add_node(const struct tree *t, uint64_t nr, int node);
void tree_add_firmware_node(const struct tree *t, uint64_t nr, const char *device);
void tree_set(const struct tree *t, uint64_t nr, const char *file, const char *content);
