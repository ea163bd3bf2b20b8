/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the backing map answers. */

#include "model/backing.h"

/* The altmap of the run that is responsible for pfn. */
static struct mhp_altmap altmap_of(const struct mhp_run *run, uint64_t pfn) {
        uint64_t base = run->start + (pfn - run->start) / run->unit * run->unit;

        return (struct mhp_altmap) {
                .base_pfn = base, .end_pfn = base + run->unit - 1, .free = run->free, .align = run->align, .alloc = run->alloc };
}

static bool is_early(const struct mhp_backing *backing, uint64_t pfn) {
        return mhp_ranges_contain(&backing->early, (uint32_t) (pfn / backing->section));
}

/* How far from pfn on pages are early as pfn is, or are not. */
static uint64_t same_age_until(const struct mhp_backing *backing, uint64_t pfn, bool early) {
        uint64_t section = mhp_backing_next(&backing->early, pfn / backing->section, !early);

        return section == UINT64_MAX ? UINT64_MAX : section * backing->section;
}

static void describe(const struct mhp_backing *backing, struct mhp_extent *extent, uint64_t end) {
        uint64_t page = backing->geometry.page_size;

        extent->n = end - extent->pfn;
        extent->vmemmap = mhp_vmemmap_of(backing, extent->pfn);
        extent->vmemmap_end = mhp_vmemmap_of(backing, end);
        extent->frame = MHP_NO_PFN;
        extent->n_frames = (extent->vmemmap_end - 1) / page - extent->vmemmap / page + 1;
}

int mhp_backing_frames(const struct mhp_backing *backing, uint64_t pfn, struct mhp_extent *ret) {
        size_t i = mhp_backing_at(backing, pfn);
        struct mhp_extent extent = { 0 };
        uint64_t end, start, first, last;
        struct mhp_altmap altmap;
        const struct mhp_run *run;

        if (i == backing->n_runs)
                return 0;
        run = &backing->runs[i];
        extent.pfn = MAX(pfn, run->start);
        extent.placement = (enum mhp_placement) run->placement;
        extent.early = is_early(backing, extent.pfn);
        if (run->unit == 0) {
                end = MIN(run->end, same_age_until(backing, extent.pfn, extent.early));
                describe(backing, &extent, end);
                *ret = extent;
                return 1;
        }

        altmap = altmap_of(run, extent.pfn);
        start = altmap.base_pfn;
        end = altmap.end_pfn + 1;
        mhp_backing_body(backing, start, end, &first, &last);
        if (extent.pfn < first)
                end = first;
        else if (extent.pfn < last)
                end = last;
        describe(backing, &extent, end);
        if (extent.pfn >= first && extent.pfn < last)
                extent.frame = start + altmap.align + (extent.vmemmap - mhp_vmemmap_of(backing, first)) / backing->geometry.page_size;
        *ret = extent;
        return 1;
}

int mhp_backing_described(const struct mhp_backing *backing, uint64_t frame, struct mhp_extent *ret) {
        size_t i = mhp_backing_at(backing, frame);
        uint64_t first, last, offset, size = backing->geometry.struct_page, page = backing->geometry.page_size;
        const struct mhp_run *run;
        struct mhp_altmap altmap;
        struct mhp_extent extent = { 0 };

        if (i == backing->n_runs || backing->runs[i].start > frame || backing->runs[i].unit == 0)
                return 0;
        run = &backing->runs[i];
        altmap = altmap_of(run, frame);
        offset = frame - altmap.base_pfn;
        if (offset < altmap.align || offset - altmap.align >= altmap.alloc)
                return 0;

        /* A struct page that straddles two frames is in both. */
        mhp_backing_body(backing, altmap.base_pfn, altmap.end_pfn + 1, &first, &last);
        offset = (offset - altmap.align) * page;
        extent.pfn = first + offset / size;
        extent.placement = (enum mhp_placement) run->placement;
        describe(backing, &extent, MIN(first + (offset + page + size - 1) / size, last));
        extent.frame = frame;
        extent.n_frames = 1;
        *ret = extent;
        return 1;
}

static uint64_t frame_of(const struct mhp_backing *backing, uint64_t pfn) {
        struct mhp_extent extent;

        return mhp_backing_frames(backing, pfn, &extent) > 0 && extent.pfn == pfn ? extent.frame : MHP_NO_PFN;
}

bool mhp_backing_self_hosted(const struct mhp_backing *backing, uint64_t pfn) {
        uint64_t frame = frame_of(backing, pfn);

        return frame != MHP_NO_PFN && frame_of(backing, frame) != MHP_NO_PFN;
}

bool mhp_backing_pfn_valid(const struct mhp_backing *backing, uint64_t pfn) {
        size_t i = mhp_backing_at(backing, pfn);

        if (i < backing->n_runs && backing->runs[i].start <= pfn)
                return true;
        return pfn / backing->section <= MHP_BLOCK_MAX && is_early(backing, pfn);
}

/* The blocks that hold the frames of an extent up to end, but for `block` itself: its memmap lies in one piece, so that the block can only
 * be at one end of it. False: no other. */
static bool other_blocks(const struct mhp_backing *backing, const struct mhp_extent *extent, uint64_t end, uint64_t block, uint64_t *ret_first, uint64_t *ret_last) {
        uint64_t page = backing->geometry.page_size, first, last;
        uint64_t bytes = (MIN(extent->pfn + extent->n, end) - extent->pfn) * backing->geometry.struct_page + extent->vmemmap % page;

        if (extent->frame == MHP_NO_PFN)
                return false;
        first = extent->frame / backing->block;
        last = (extent->frame + (bytes - 1) / page) / backing->block;
        if (first == block)
                first++;
        else if (last == block)
                last--;
        *ret_first = first;
        *ret_last = last;
        return first <= last;
}

int mhp_backing_hosts(const struct mhp_backing *backing, uint64_t block, uint64_t *ret_first, uint64_t *ret_last) {
        uint64_t first = UINT64_MAX, last = 0, end, one_first, one_last;
        struct mhp_extent extent;

        if (block > MHP_BLOCK_MAX)
                return 0;
        end = (block + 1) * backing->block;
        for (uint64_t pfn = block * backing->block; mhp_backing_frames(backing, pfn, &extent) > 0 && extent.pfn < end; pfn = extent.pfn + extent.n) {
                if (!other_blocks(backing, &extent, end, block, &one_first, &one_last))
                        continue;
                first = MIN(first, one_first);
                last = MAX(last, one_last);
        }
        if (first > last)
                return 0;
        *ret_first = first;
        *ret_last = last;
        return 1;
}

enum mhp_hvo mhp_backing_hvo(const struct mhp_backing *backing, uint64_t pfn, uint64_t size) {
        uint64_t pages = size / backing->geometry.page_size;

        if (size == 0 || (size & (size - 1)) != 0 || pages == 0 || pfn % pages != 0)
                return MHP_HVO_NOT_ALIGNED;
        if (pages > UINT64_MAX - pfn || !mhp_backing_present(backing, pfn, pfn + pages))
                return MHP_HVO_NO_MEMMAP;
        if (mhp_memmap_size(&backing->geometry, size) <= backing->geometry.page_size)
                return MHP_HVO_TOO_SMALL;
        if ((backing->geometry.struct_page & (backing->geometry.struct_page - 1)) != 0)
                return MHP_HVO_STRUCT_PAGE;
        /* The kernel looks at the first vmemmap page alone. */
        return mhp_backing_self_hosted(backing, pfn) ? MHP_HVO_SELF_HOSTED : MHP_HVO_ALLOWED;
}

int mhp_backing_altmap(const struct mhp_backing *backing, uint64_t pfn, struct mhp_altmap *ret) {
        size_t i = mhp_backing_at(backing, pfn);

        if (i == backing->n_runs || backing->runs[i].start > pfn || backing->runs[i].unit == 0)
                return 0;
        *ret = altmap_of(&backing->runs[i], pfn);
        return 1;
}
