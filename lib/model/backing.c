/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "model/backing.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

int mhp_backing_new(const struct mhp_geometry *geometry, struct mhp_backing **ret) {
        struct mhp_backing *backing;
        int r = mhp_geometry_check(geometry, NULL);

        if (r < 0)
                return r;
        backing = calloc(1, sizeof(*backing));
        if (!backing)
                return -ENOMEM;
        backing->geometry = *geometry;
        backing->section = geometry->section_size / geometry->page_size;
        backing->subsection = geometry->subsection_size / geometry->page_size;
        backing->block = geometry->block_size / geometry->page_size;
        *ret = backing;
        return 0;
}

struct mhp_backing *mhp_backing_free(struct mhp_backing *backing) {
        if (!backing)
                return NULL;

        free(backing->runs);
        mhp_ranges_done(&backing->early);
        mhp_ranges_done(&backing->online);
        free(backing);
        return NULL;
}

size_t mhp_backing_footprint(const struct mhp_backing *backing) {
        return sizeof(*backing) + backing->runs_capacity * sizeof(*backing->runs) +
               (backing->early.capacity + backing->online.capacity) * sizeof(*backing->online.range);
}

size_t mhp_backing_at(const struct mhp_backing *backing, uint64_t pfn) {
        size_t low = 0, high = backing->n_runs;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (backing->runs[middle].end <= pfn)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

uint64_t mhp_backing_next(const struct mhp_ranges *set, uint64_t nr, bool in) {
        size_t low = 0, high = set->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (set->range[middle].last < nr)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (in)
                return low < set->n ? MAX((uint64_t) set->range[low].first, nr) : UINT64_MAX;
        return low < set->n && set->range[low].first <= nr ? (uint64_t) set->range[low].last + 1 : nr;
}

int mhp_backing_span(const struct mhp_backing *backing, uint64_t start, uint64_t size, uint64_t grain, uint64_t *ret_start, uint64_t *ret_end) {
        const struct mhp_geometry *g = &backing->geometry;
        uint64_t bytes = grain * g->page_size, end, vmemmap;

        if (size == 0 || start % bytes != 0 || size % bytes != 0)
                return -EINVAL;
        if (__builtin_add_overflow(start, size, &end) || (end - 1) / g->section_size > MHP_BLOCK_MAX ||
            mhp_align_up(end, g->section_size) < end ||
            __builtin_add_overflow(g->vmemmap_base, mhp_memmap_size(g, mhp_align_up(end, g->section_size)), &vmemmap))
                return -ERANGE;
        *ret_start = start / g->page_size;
        *ret_end = end / g->page_size;
        return 0;
}

bool mhp_backing_present(const struct mhp_backing *backing, uint64_t start, uint64_t end) {
        for (size_t i = mhp_backing_at(backing, start); i < backing->n_runs && start < end; i++) {
                if (backing->runs[i].start > start)
                        return false;
                start = backing->runs[i].end;
        }
        return start >= end;
}

static bool alike(const struct mhp_run *a, const struct mhp_run *b) {
        return a->end == b->start && a->placement != MHP_PLACEMENT_RANGE && a->placement == b->placement && a->unit == b->unit &&
               a->free == b->free && a->align == b->align && a->alloc == b->alloc;
}

static int insert(struct mhp_backing *backing, const struct mhp_run *run) {
        size_t i = mhp_backing_at(backing, run->start);
        struct mhp_run *runs;
        int r;

        if (i > 0 && alike(&backing->runs[i - 1], run)) {
                backing->runs[i - 1].end = run->end;
                if (i < backing->n_runs && alike(&backing->runs[i - 1], &backing->runs[i])) {
                        backing->runs[i - 1].end = backing->runs[i].end;
                        backing->n_runs--;
                        memmove(backing->runs + i, backing->runs + i + 1, (backing->n_runs - i) * sizeof(*run));
                }
                return 0;
        }
        if (i < backing->n_runs && alike(run, &backing->runs[i])) {
                backing->runs[i].start = run->start;
                return 0;
        }

        r = ARRAY_GROW(backing->runs, backing->n_runs, backing->runs_capacity);
        if (r < 0)
                return r;
        runs = backing->runs;
        memmove(runs + i + 1, runs + i, (backing->n_runs - i) * sizeof(*run));
        runs[i] = *run;
        backing->n_runs++;
        return 0;
}

int mhp_backing_cut(struct mhp_backing *backing, uint64_t start, uint64_t end) {
        size_t i = mhp_backing_at(backing, start);
        struct mhp_run *run = &backing->runs[i], tail = *run;
        int r;

        if (run->start < start && end < run->end) {
                r = ARRAY_GROW(backing->runs, backing->n_runs, backing->runs_capacity);
                if (r < 0)
                        return r;
                run = &backing->runs[i];
                tail.start = end;
                run->end = start;
                memmove(run + 2, run + 1, (backing->n_runs - i - 1) * sizeof(*run));
                run[1] = tail;
                backing->n_runs++;
        } else if (run->start < start) {
                run->end = start;
        } else if (end < run->end) {
                run->start = end;
        } else {
                backing->n_runs--;
                memmove(run, run + 1, (backing->n_runs - i) * sizeof(*run));
        }
        return 0;
}

/* altmap_alloc_block_buf() (mm/sparse-vmemmap.c) for one leaf after the other: the first may have to be aligned, all that follow are. False: the pages set
 * aside do not suffice. */
static bool fill(const struct mhp_backing *backing, struct mhp_run *run) {
        uint64_t start, end, leaf = mhp_vmemmap_leaf(&backing->geometry) / backing->geometry.page_size;

        mhp_backing_body(backing, run->start, run->unit == 0 ? run->start : run->start + run->unit, &start, &end);
        run->alloc = (end - start) * backing->geometry.struct_page / backing->geometry.page_size;
        run->align = run->alloc > 0 ? mhp_align_up(run->start, leaf) - run->start : 0;
        return run->alloc + run->align <= run->free;
}

/* Whether the body's memmap can be mapped by leaves of its own: what shares a leaf with a neighbour is no altmap's alone. */
static bool has_own_leaves(const struct mhp_backing *backing, const struct mhp_run *run) {
        uint64_t start, end, leaf = mhp_vmemmap_leaf(&backing->geometry);

        mhp_backing_body(backing, run->start, run->end, &start, &end);
        return start == end || (mhp_vmemmap_of(backing, start) % leaf == 0 && mhp_vmemmap_of(backing, end) % leaf == 0);
}

static int present_anywhere(const struct mhp_backing *backing, uint64_t start, uint64_t end) {
        size_t i = mhp_backing_at(backing, start);

        return i < backing->n_runs && backing->runs[i].start < end ? -EEXIST : 0;
}

int mhp_backing_add(struct mhp_backing *backing, uint64_t start, uint64_t size, enum mhp_placement placement, struct mhp_admission *ret) {
        bool by_block = placement == MHP_PLACEMENT_SELF || placement == MHP_PLACEMENT_FORCE;
        struct mhp_run run = { 0 };
        struct mhp_admission admission;
        int r = mhp_backing_span(backing, start, size, by_block ? backing->block : backing->subsection, &run.start, &run.end);

        if (r >= 0)
                r = present_anywhere(backing, run.start, run.end);
        if (r < 0)
                return r;

        mhp_admit(&backing->geometry, placement, size, &admission);
        if (admission.placement != MHP_PLACEMENT_DRAM) {
                run.unit = by_block ? backing->block : run.end - run.start;
                run.free = admission.set_aside_pages;
                if (!has_own_leaves(backing, &run) || !fill(backing, &run)) {
                        admission.placement = MHP_PLACEMENT_DRAM;
                        admission.reason = MHP_REFUSAL_NOT_PMD_ALIGNED;
                        admission.set_aside_pages = admission.waste_pages = 0;
                } else {
                        admission.waste_pages = run.free - run.alloc; /* parts of sections have their memmap elsewhere */
                }
        }
        if (admission.placement == MHP_PLACEMENT_DRAM)
                run.unit = run.free = run.align = run.alloc = 0;
        run.placement = (uint8_t) admission.placement;
        r = insert(backing, &run);
        if (r >= 0 && ret)
                *ret = admission;
        return r;
}

int mhp_backing_add_early(struct mhp_backing *backing, uint64_t start, uint64_t size) {
        struct mhp_run run = { .placement = MHP_PLACEMENT_DRAM };
        int r = mhp_backing_span(backing, start, size, backing->subsection, &run.start, &run.end);

        if (r >= 0)
                r = present_anywhere(backing, run.start, run.end);
        if (r >= 0)
                r = ARRAY_GROW(backing->runs, backing->n_runs, backing->runs_capacity); /* so that inserting cannot fail */
        if (r >= 0)
                r = mhp_ranges_add(&backing->early, (uint32_t) (run.start / backing->section), (uint32_t) ((run.end - 1) / backing->section));
        return r < 0 ? r : insert(backing, &run);
}

int mhp_backing_set_online(struct mhp_backing *backing, uint64_t start, uint64_t size, bool online) {
        uint64_t first, end;
        int r = mhp_backing_span(backing, start, size, backing->block, &first, &end);

        if (r < 0)
                return r;
        if (!mhp_backing_present(backing, first, end))
                return -ENOENT;
        first /= backing->block;
        end /= backing->block;
        return online ? mhp_ranges_add(&backing->online, (uint32_t) first, (uint32_t) end - 1)
                      : mhp_ranges_remove(&backing->online, (uint32_t) first, (uint32_t) end - 1);
}
