/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The map's text form: scenario files, `mhpctl dump`, bug reports and the fuzz corpus speak it.
 *
 *   map 1
 *   block-size 134217728
 *   block 0-7 online zone=none node=0 group=boot goal=kernel reason=found-online
 *   block 32-47 offline valid=Normal,Movable node=0 group=acpi:PNP0C80:00 goal=movable reason=rule rule=1 flags=settled,arrived
 *   group acpi:PNP0C80:00 goal=movable reason=rule rule=1
 *   removal 3 unplug phase=offline target=acpi:PNP0C80:00 group=acpi:PNP0C80:00 held=acpi total=16
 *
 * `map 1` and `block-size` come first; `scanned` after them says that a first scan has ended. One `block` line for each
 * run of consecutive blocks that are alike, one `group` line, after its blocks, for each group that has a goal. Keys that
 * are at their default are left out. Blank lines and lines that start with # are passed over.
 *
 * All keys of a block: zone, valid, node, nodes (how many, if not one), group, source, goal, reason, rule, attempts, error
 * (an errno), retry-at (µs), flags, removal, home, used, fixed, huge (pages). The group's source is the part before its first colon, unless source= says otherwise;
 * blanks in its name are written \x20.
 *
 * `removal` lines come before the blocks that are members of them. Their keys: phase, target, group, held (a source), total, done (blocks), size (bytes), until,
 * wait (µs), ending, blame (a block), error (an errno), fights. */

#include "model/map.h"

/* mhp_map_print() and mhp_map_parse() are in mhp.h. */

/* The removals and their members alone, which is what has to outlive a crash; `map 1` and all, so mhp_map_parse() reads it. */
int mhp_map_print_removals(const struct mhp_map *map, char **ret);

/* One `block` line (with that word) into readings and fields; used by scenario files too. `line` without its newline. -EINVAL, -ERANGE. */
struct mhp_block_line {
        struct mhp_range range;
        struct mhp_block block;  /* nr, group, links unset */
        char group[MHP_GROUP_NAME_MAX]; /* empty: not known */
        enum mhp_source source;  /* of the group */
        uint32_t device_block;   /* of a group line */
};
int mhp_block_line_parse(const char *line, size_t len, struct mhp_block_line *ret);
