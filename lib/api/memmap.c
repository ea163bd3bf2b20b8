/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/memmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/companion.h"
#include "edge/knobs.h"
#include "edge/machine.h"
#include "edge/names.h"
#include "edge/sysfs.h"
#include "model/backing.h"

static int read_machine(const struct mhp_root *root, uint64_t block_size, struct mhp_machine *ret) {
        struct mhp_machine machine;
        int r = mhp_machine_read(root, &machine);

        if (r < 0)
                return r;
        mhp_geometry_set_block(&machine.geometry, block_size);
        machine.read |= MHP_GEOMETRY_BLOCK_SIZE;
        r = mhp_geometry_check(&machine.geometry, NULL);
        if (r < 0)
                return r;
        *ret = machine;
        return 0;
}

int mhp_geometry_read(const char *path, struct mhp_geometry *ret, unsigned *ret_read) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_machine machine;
        uint64_t block_size;
        int r = mhp_root_open(path, &root);

        if (r >= 0)
                r = mhp_sysfs_block_size(&root, &block_size);
        if (r >= 0)
                r = read_machine(&root, block_size, &machine);
        if (r < 0)
                return r;
        *ret = machine.geometry;
        if (ret_read)
                *ret_read = machine.read;
        return 0;
}

/* Whatever is set aside of a block, it is no more than its memmap in whole pageblocks. */
static size_t area_pages(const struct mhp_geometry *g) {
        uint64_t bytes = mhp_align_up(mhp_align_up(mhp_memmap_size(g, g->block_size), g->page_size), g->pageblock_size);

        return (size_t) (MIN(bytes + g->page_size, g->block_size) / g->page_size);
}

static int open_blocks(const struct mhp_root *root, struct mhp_memmaps *memmap) {
        struct mhp_companion companion;

        mhp_companion_read(root, &companion);
        memmap->by_table = companion.memmap_policy;
        if (!companion.vmemmap_pages || root->memory_fd < 0)
                return 0;
        memmap->memory_fd = fcntl(root->memory_fd, F_DUPFD_CLOEXEC, 3);
        return memmap->memory_fd < 0 ? -errno : 0;
}

int mhp_memmap_open_on(const struct mhp_root *root, const struct mhp_machine *machine, struct mhp_memmaps *ret) {
        _cleanup_memmaps_ struct mhp_memmaps memmap = MHP_MEMMAPS_NONE;
        uint64_t block_size = machine->geometry.block_size;
        int r = mhp_dax_list(root, &memmap.dax, &memmap.n_dax);

        if (r >= 0)
                r = open_blocks(root, &memmap);
        if (r < 0)
                return r;
        memmap.geometry = machine->geometry;
        memmap.read = machine->read;
        memmap.generic = machine->generic;
        memmap.one_block_only = machine->one_block_only;
        memmap.n_area = area_pages(&memmap.geometry);
        memmap.area = calloc(memmap.n_area, sizeof(*memmap.area));
        if (!memmap.area)
                return -ENOMEM;
        memmap.self_hosting = mhp_knob_self_hosting(root);
        memmap.flags_error = mhp_pageflags_open(root, &memmap.flags);
        mhp_admit(&memmap.geometry, MHP_PLACEMENT_SELF, block_size, &memmap.self);
        mhp_admit(&memmap.geometry, MHP_PLACEMENT_FORCE, block_size, &memmap.force);

        *ret = memmap;
        memmap = MHP_MEMMAPS_NONE;
        return 0;
}

int mhp_memmap_refresh(const struct mhp_root *root, struct mhp_memmaps *memmap) {
        struct mhp_dax *dax;
        size_t n_dax;
        int r = mhp_dax_list(root, &dax, &n_dax);

        if (r < 0)
                return r;
        free(memmap->dax);
        memmap->dax = dax;
        memmap->n_dax = n_dax;
        memmap->asked = false;
        if (memmap->flags_error < 0)
                memmap->flags_error = mhp_pageflags_open(root, &memmap->flags);
        return 0;
}

int mhp_memmap_open(const struct mhp_root *root, uint64_t block_size, struct mhp_memmaps *ret) {
        struct mhp_machine machine;
        int r = read_machine(root, block_size, &machine);

        return r < 0 ? r : mhp_memmap_open_on(root, &machine, ret);
}

void mhp_memmap_done(struct mhp_memmaps *memmap) {
        mhp_pageflags_done(&memmap->flags);
        if (memmap->memory_fd >= 0)
                close(memmap->memory_fd);
        free(memmap->dax);
        free(memmap->area);
        *memmap = MHP_MEMMAPS_NONE;
}

static void set_placement(const struct mhp_memmaps *memmap, enum mhp_placement placement, struct mhp_block_memmap *ret) {
        const struct mhp_admission *admission = placement == MHP_PLACEMENT_FORCE ? &memmap->force : &memmap->self;
        bool dram = placement == MHP_PLACEMENT_DRAM;

        ret->placement = placement;
        ret->pages = memmap->self.memmap_pages;
        ret->set_aside = dram ? 0 : admission->set_aside_pages;
        ret->waste = dram ? 0 : admission->waste_pages;
}

/* A group of the dax bus is called `dax:` and its device. */
static const struct mhp_dax *find_dax(const struct mhp_memmaps *memmap, const char *group) {
        const char *device = strchr(group, ':');

        for (size_t i = 0; device && i < memmap->n_dax; i++)
                if (strcmp(memmap->dax[i].name, device + 1) == 0)
                        return &memmap->dax[i];
        return NULL;
}

/* Memory that is there already: what it was added with, and no wish of a configuration. */
static void decide(const struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_group *group, struct mhp_placement_decision *ret) {
        const struct mhp_config as_it_is = { .placement = MHP_MEMMAP_AUTO };
        struct mhp_placement_case ask = {
                .source = group ? group->source : MHP_SOURCE_UNKNOWN,
                .node = -1,
                .size = mhp_mul_sat(group ? group->n_blocks : 1, map->block_size),
                .self_hosting = memmap->self_hosting,
                .one_block_only = memmap->one_block_only,
        };
        const struct mhp_dax *dax = ask.source == MHP_SOURCE_DAX ? find_dax(memmap, group->name) : NULL;

        if (dax) {
                ask.has_switch = dax->has_switch;
                ask.switched_on = dax->switched_on;
        }
        mhp_placement_decide(&as_it_is, &memmap->geometry, &ask, ret);
        if (ask.source == MHP_SOURCE_UNKNOWN) /* who knows */
                ret->refusal = MHP_REFUSAL_NONE;
}

static void assume(const struct mhp_memmaps *memmap, const struct mhp_group *group, struct mhp_placement_decision *decision) {
        const struct mhp_admission *admission = memmap->assume == MHP_PLACEMENT_FORCE ? &memmap->force : &memmap->self;

        if (!group || group->source == MHP_SOURCE_BOOT || group->source == MHP_SOURCE_UNKNOWN)
                return;
        decision->placement = memmap->assume == MHP_PLACEMENT_DRAM ? MHP_PLACEMENT_DRAM : admission->placement;
        decision->refusal = memmap->assume == MHP_PLACEMENT_DRAM ? MHP_REFUSAL_NONE : admission->reason;
}

void mhp_memmap_predict(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret) {
        const struct mhp_group *group = mhp_map_group(map, block);

        if (!memmap->asked || memmap->last_group != block->group) {
                decide(memmap, map, group, &memmap->last);
                if (memmap->assume != MHP_PLACEMENT_UNSET)
                        assume(memmap, group, &memmap->last);
                memmap->last_group = block->group;
                memmap->asked = true;
        }
        *ret = (struct mhp_block_memmap) { .refusal = memmap->last.refusal, .evidence = MHP_EVIDENCE_ASSUMED };
        set_placement(memmap, memmap->last.placement, ret);
}

/* What the block itself says is set aside in it. -ENODATA: this kernel's blocks do not. */
static int told(const struct mhp_memmaps *memmap, const struct mhp_block *block, uint64_t *ret) {
        char path[64], buf[24];
        int r;

        if (memmap->memory_fd < 0)
                return -ENODATA;
        (void) snprintf(path, sizeof(path), "memory%" PRIu32 "/" NAME_VMEMMAP_PAGES, block->nr);
        r = mhp_root_read_at(memmap->memory_fd, path, buf, sizeof(buf));
        return r < 0 ? r : mhp_parse_u64(buf, ret);
}

/* UNSET: no placement on this machine has so many. Where both set the same pages aside, the parameter tells which it was. */
static enum mhp_placement placement_of(const struct mhp_memmaps *memmap, uint64_t pages) {
        bool self = pages == memmap->self.set_aside_pages, force = pages == memmap->force.set_aside_pages;

        if (pages == 0)
                return MHP_PLACEMENT_DRAM;
        if (self && force)
                return memmap->self_hosting == MHP_SELF_HOSTING_FORCE ? MHP_PLACEMENT_FORCE : MHP_PLACEMENT_SELF;
        return self ? MHP_PLACEMENT_SELF : force ? MHP_PLACEMENT_FORCE : MHP_PLACEMENT_UNSET;
}

/* What was thought to be the reason is none where the memmap lies elsewhere than predicted. */
static void correct(const struct mhp_memmaps *memmap, enum mhp_placement seen, struct mhp_block_memmap *ret) {
        ret->evidence = MHP_EVIDENCE_OBSERVED;
        if (seen == ret->placement)
                return;
        ret->refusal = MHP_REFUSAL_NONE;
        set_placement(memmap, seen, ret);
}

/* Of whoever asks a table, nobody knows what it said: only the machine's sizes may speak against a wish. */
static void forget_refusal(const struct mhp_memmaps *memmap, struct mhp_block_memmap *ret) {
        if (memmap->by_table && (ret->refusal == MHP_REFUSAL_DISABLED || ret->refusal == MHP_REFUSAL_SOURCE_IGNORES))
                ret->refusal = memmap->force.reason;
}

void mhp_memmap_expect(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret) {
        enum mhp_placement seen;
        uint64_t pages;

        mhp_memmap_predict(memmap, map, block, ret);
        if (!memmap->by_table || memmap->assume != MHP_PLACEMENT_UNSET)
                return;
        seen = told(memmap, block, &pages) < 0 ? MHP_PLACEMENT_UNSET : placement_of(memmap, pages);
        if (seen != MHP_PLACEMENT_UNSET)
                correct(memmap, seen, ret);
        forget_refusal(memmap, ret);
}

/* Whether exactly n pages are set aside, by the page that would be the last of them and the one behind it. */
static bool ends_at(const struct mhp_memmaps *memmap, uint64_t pfn, uint64_t n) {
        uint64_t page[2];

        return n > 0 && mhp_pageflags_read(&memmap->flags, pfn + n - 1, page, ELEMENTSOF(page)) >= 0 && mhp_page_is_self_hosted(page[0]) &&
               !mhp_page_is_self_hosted(page[1]);
}

/* UNSET: the flags do not tell. */
static enum mhp_placement observe(const struct mhp_memmaps *memmap, const struct mhp_block *block) {
        uint64_t pfn = mhp_memmap_pfn(memmap, block), first;

        if (memmap->flags_error < 0 || block->state != MHP_STATE_ONLINE || mhp_pageflags_read(&memmap->flags, pfn, &first, 1) < 0 ||
            first == MHP_PAGE_NONE)
                return MHP_PLACEMENT_UNSET;
        if (!mhp_page_is_self_hosted(first))
                return MHP_PLACEMENT_DRAM;
        /* where both set the same pages aside, the parameter tells which it was */
        if (memmap->self_hosting != MHP_SELF_HOSTING_FORCE && ends_at(memmap, pfn, memmap->self.set_aside_pages))
                return MHP_PLACEMENT_SELF;
        return ends_at(memmap, pfn, memmap->force.set_aside_pages) ? MHP_PLACEMENT_FORCE : MHP_PLACEMENT_UNSET;
}

void mhp_memmap_look(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret) {
        enum mhp_placement seen;
        uint64_t pages;

        mhp_memmap_predict(memmap, map, block, ret);
        if (told(memmap, block, &pages) < 0) {
                seen = observe(memmap, block);
                if (seen != MHP_PLACEMENT_UNSET)
                        correct(memmap, seen, ret);
                forget_refusal(memmap, ret);
                return;
        }
        seen = placement_of(memmap, pages);
        correct(memmap, seen == MHP_PLACEMENT_UNSET ? MHP_PLACEMENT_SELF : seen, ret);
        forget_refusal(memmap, ret);
        if (seen == MHP_PLACEMENT_UNSET) {
                ret->set_aside = pages;
                ret->waste = pages > ret->pages ? pages - ret->pages : 0;
        }
}

static int compare_flags(const struct mhp_memmaps *memmap, const struct mhp_block *block, uint64_t expected, struct mhp_block_difference *ret) {
        struct mhp_block_difference difference = { .block = block->nr, .expected = expected, .pfn = MHP_NO_PFN };
        uint64_t pfn = mhp_memmap_pfn(memmap, block);
        int r;

        if (memmap->flags_error < 0)
                return memmap->flags_error;
        if (block->state != MHP_STATE_ONLINE)
                return -ENODATA;
        r = mhp_pageflags_read(&memmap->flags, pfn, memmap->area, memmap->n_area);
        if (r < 0)
                return r;
        /* a block of boot memory that begins with a hole, as arm64's block 0 below the RAM, or one that went offline since */
        if (memmap->area[0] == MHP_PAGE_NONE)
                return -ENXIO;

        for (size_t i = 0; i < memmap->n_area; i++) {
                bool seen = mhp_page_is_self_hosted(memmap->area[i]);

                difference.observed += seen;
                if (seen != (i < expected) && difference.pfn == MHP_NO_PFN)
                        difference.pfn = pfn + i;
        }
        if (difference.pfn == MHP_NO_PFN)
                return 0;
        *ret = difference;
        return 1;
}

int mhp_memmap_compare(const struct mhp_memmaps *memmap, const struct mhp_block *block, uint64_t expected, struct mhp_block_difference *ret) {
        uint64_t pages;
        int r;

        if (told(memmap, block, &pages) < 0)
                return compare_flags(memmap, block, expected, ret);
        if (pages != expected) {
                *ret = (struct mhp_block_difference) { .block = block->nr, .expected = expected, .observed = pages, .pfn = MHP_NO_PFN };
                return 1;
        }
        r = compare_flags(memmap, block, expected, ret);
        return r == -ENODATA || r == -ENXIO || (r < 0 && r == memmap->flags_error) ? 0 : r; /* it agrees with what there is */
}

/* Blocks first..last, side by side, whose memmaps are placed alike. */
struct stretch {
        uint32_t first, last;
        enum mhp_placement placement;
        bool early, open;
};

static int add_stretch(struct mhp_backing *backing, const struct stretch *stretch) {
        uint64_t size = backing->geometry.block_size;
        uint64_t start = mhp_mul_sat(stretch->first, size), bytes = mhp_mul_sat((uint64_t) stretch->last - stretch->first + 1, size);
        int r;

        if (!stretch->open)
                return 0;
        r = stretch->early ? mhp_backing_add_early(backing, start, bytes) : mhp_backing_add(backing, start, bytes, stretch->placement, NULL);
        return r == -ERANGE ? 0 : r; /* a made-up machine: no kernel has memory there */
}

int mhp_memmap_fill(struct mhp_memmaps *memmap, const struct mhp_map *map, bool look, struct mhp_backing **ret) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
        struct stretch stretch = { 0 };
        int r = mhp_backing_new(&memmap->geometry, &backing);

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b && r >= 0; b = mhp_map_next_block(map, b)) {
                const struct mhp_group *group = mhp_map_group(map, b);
                bool early = group && group->source == MHP_SOURCE_BOOT;
                struct mhp_block_memmap m;

                if (look)
                        mhp_memmap_look(memmap, map, b, &m);
                else
                        mhp_memmap_expect(memmap, map, b, &m);
                if (stretch.open && stretch.last + 1 == b->nr && stretch.early == early && stretch.placement == m.placement) {
                        stretch.last = b->nr;
                        continue;
                }
                r = add_stretch(backing, &stretch);
                stretch = (struct stretch) { .first = b->nr, .last = b->nr, .placement = m.placement, .early = early, .open = true };
        }
        if (r >= 0)
                r = add_stretch(backing, &stretch);
        if (r < 0)
                return r;
        *ret = TAKE(backing);
        return 0;
}
