/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory goes: section by section, as __remove_pages() has it (mm/memory_hotplug.c), and its vmemmap with it, or after it. */

#include <errno.h>

#include "base/array.h"
#include "model/backing.h"

/* One hosting region, or a part of a section in ordinary memory. */
struct unit {
        uint64_t start, end;           /* PFNs; equal: none under way */
        uint64_t section_at;           /* the next section to go, a PFN */
        uint64_t sections_left;
        uint64_t body_start, body_end; /* what the altmap hosts, PFNs */
        uint64_t free_low, free_high;  /* vmemmap that is still there to be freed, from the high end */
        uint64_t alloc;
        bool hosted;                   /* by an altmap */
};

struct mhp_teardown {
        struct mhp_backing *backing;
        uint64_t at, end;              /* PFNs that are left */
        struct unit unit;
        uint64_t leaf;                 /* bytes of vmemmap */
        uint64_t dram_low, dram_high;  /* vmemmap in ordinary memory that goes next */
};

static bool any_online(const struct mhp_backing *backing, uint64_t start, uint64_t end) {
        uint64_t block = mhp_backing_next(&backing->online, start / backing->block, true);

        return block != UINT64_MAX && block * backing->block < end;
}

/* Where a run is cut, one altmap has to end. */
static bool cuts_altmap(const struct mhp_run *run, uint64_t at) {
        return run->unit > 0 && at > run->start && at < run->end && (at - run->start) % run->unit != 0;
}

/* The kernel takes away blocks that all have an altmap, or none that has one (memory_blocks_have_altmaps(), mm/memory_hotplug.c). */
static bool mixes_altmaps(const struct mhp_backing *backing, uint64_t start, uint64_t end) {
        size_t i = mhp_backing_at(backing, start);
        bool hosted = backing->runs[i].unit > 0;

        for (; i < backing->n_runs && backing->runs[i].start < end; i++)
                if ((backing->runs[i].unit > 0) != hosted)
                        return true;
        return false;
}

int mhp_backing_remove(struct mhp_backing *backing, uint64_t start, uint64_t size, struct mhp_teardown **ret) {
        struct mhp_teardown *teardown;
        uint64_t first, end;
        int r = mhp_backing_span(backing, start, size, backing->subsection, &first, &end);

        if (r < 0)
                return r;
        if (!mhp_backing_present(backing, first, end))
                return -ENOENT;
        if (any_online(backing, first, end))
                return -EBUSY;
        if (cuts_altmap(&backing->runs[mhp_backing_at(backing, first)], first) || cuts_altmap(&backing->runs[mhp_backing_at(backing, end - 1)], end))
                return -EXDEV;
        if (mixes_altmaps(backing, first, end))
                return -EOPNOTSUPP;

        /* The one split that each list may need gets its room now, so that nothing can fail later. */
        teardown = calloc(1, sizeof(*teardown));
        if (!teardown)
                return -ENOMEM;
        r = ARRAY_GROW(backing->runs, backing->n_runs, backing->runs_capacity);
        if (r >= 0)
                r = ARRAY_GROW(backing->early.range, backing->early.n, backing->early.capacity);
        if (r < 0) {
                free(teardown);
                return r;
        }
        teardown->backing = backing;
        teardown->at = first;
        teardown->end = end;
        teardown->leaf = mhp_vmemmap_leaf(&backing->geometry);
        *ret = teardown;
        return 0;
}

static void begin_unit(struct mhp_teardown *t) {
        const struct mhp_backing *backing = t->backing;
        const struct mhp_run *run = &backing->runs[mhp_backing_at(backing, t->at)];
        uint64_t section_end = mhp_align_down(t->at, backing->section) + backing->section;
        struct unit unit = { .start = t->at, .section_at = t->at };

        if (run->unit == 0) {
                unit.end = MIN(MIN(run->end, t->end), section_end);
        } else {
                unit.end = t->at + run->unit;
                unit.sections_left = (unit.end - 1) / backing->section - unit.start / backing->section + 1;
                mhp_backing_body(backing, unit.start, unit.end, &unit.body_start, &unit.body_end);
                unit.free_low = mhp_vmemmap_of(backing, unit.body_start);
                unit.free_high = mhp_vmemmap_of(backing, unit.body_end);
                unit.alloc = run->alloc;
                unit.hosted = true;
        }
        t->unit = unit;
}

static void end_unit(struct mhp_teardown *t) {
        mhp_backing_cut(t->backing, t->unit.start, t->unit.end);
        t->at = t->unit.end;
        t->unit.start = t->unit.end;
}

static void free_dram(struct mhp_teardown *t, uint64_t start, uint64_t end) {
        t->dram_low = mhp_vmemmap_of(t->backing, start);
        t->dram_high = mhp_vmemmap_of(t->backing, end);
}

/* An early section keeps its memmap, which boot made for the whole of it, until it is empty (section_deactivate(), mm/sparse.c). */
static void section_left(struct mhp_teardown *t, uint64_t start, uint64_t end) {
        struct mhp_backing *backing = t->backing;
        uint64_t section = start / backing->section, first = section * backing->section;
        size_t i;

        if (!mhp_ranges_contain(&backing->early, (uint32_t) section)) {
                free_dram(t, start, end);
                return;
        }
        for (i = mhp_backing_at(backing, first); i < backing->n_runs && backing->runs[i].start < first + backing->section; i++)
                if (!t->unit.hosted || backing->runs[i].start != t->unit.start)
                        return;
        (void) mhp_ranges_remove(&backing->early, (uint32_t) section, (uint32_t) section);
        free_dram(t, first, first + backing->section);
}

static void drop_section(struct mhp_teardown *t, struct mhp_teardown_step *ret) {
        uint64_t section = t->backing->section, page = t->backing->geometry.page_size;
        uint64_t start = t->unit.section_at, end = MIN(mhp_align_down(start, section) + section, t->unit.end);

        t->unit.section_at = end;
        if (t->unit.hosted)
                t->unit.sections_left--;
        *ret = (struct mhp_teardown_step) { .kind = MHP_TEARDOWN_SECTION, .start = start * page, .end = end * page,
                                            .sections_left = t->unit.sections_left, .alloc = t->unit.alloc };
        if (!t->unit.hosted) {
                end_unit(t);
                section_left(t, start, end);
        } else if (start < t->unit.body_start || start >= t->unit.body_end) {
                section_left(t, start, end);
        }
}

int mhp_teardown_next(struct mhp_teardown *t, struct mhp_teardown_step *ret) {
        struct unit *unit = &t->unit;

        if (t->dram_low < t->dram_high) {
                *ret = (struct mhp_teardown_step) { .kind = MHP_TEARDOWN_FREE, .start = t->dram_low, .end = t->dram_high,
                                                    .sections_left = unit->sections_left, .alloc = unit->alloc };
                t->dram_low = t->dram_high;
                return 1;
        }
        if (unit->start == unit->end) {
                if (t->at == t->end)
                        return 0;
                begin_unit(t);
        }
        if (unit->section_at < unit->end) {
                drop_section(t, ret);
                return 1;
        }

        if (unit->free_high == unit->free_low) {
                end_unit(t);
                return mhp_teardown_next(t, ret);
        }

        /* The last section has gone. Backwards, because the frames at the head describe the head itself. */
        unit->free_high -= t->leaf;
        unit->alloc -= t->leaf / t->backing->geometry.page_size;
        *ret = (struct mhp_teardown_step) { .kind = MHP_TEARDOWN_FREE, .start = unit->free_high, .end = unit->free_high + t->leaf,
                                            .alloc = unit->alloc };
        return 1;
}

struct mhp_teardown *mhp_teardown_free(struct mhp_teardown *teardown) {
        struct mhp_teardown_step step;

        if (!teardown)
                return NULL;
        while (mhp_teardown_next(teardown, &step) > 0)
                ;
        free(teardown);
        return NULL;
}
