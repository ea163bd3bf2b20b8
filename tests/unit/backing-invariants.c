/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "backing-world.h"

#include "base/macro.h"

uint32_t dice(struct world *w, uint32_t sides) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (w->seed >> 33) % sides;
}

void describe(const struct world *w) {
        const struct mhp_geometry *g = &w->oracle.geometry;

        print_error("page %" PRIu64 ", in pages: subsection %u section %u block %u pageblock %" PRIu64 " pmd %" PRIu64 "\n",
                    g->page_size, w->oracle.subsection, w->oracle.section, w->oracle.block, g->pageblock_size / g->page_size,
                    g->pmd_size / g->page_size);
        print_error("struct page %" PRIu64 ", vmemmap %" PRIx64 "%s; first page %" PRIu64 ", %u of them\n", g->struct_page,
                    g->vmemmap_base, g->needs_pmd ? " needs PMD" : "", w->oracle.first, w->oracle.n_pages);
        print_error("replay with MHPD_TEST_TRACE=1 MHPD_TEST_ROUNDS=1 MHPD_TEST_SEED=%" PRIu64 ": operation %" PRIu64 "\n",
                    w->round, w->op);
}

static void check_extent(struct world *w, const struct mhp_extent *e, uint64_t from) {
        const struct oracle *o = &w->oracle;
        uint32_t start = (uint32_t) (e->pfn - o->first), end = (uint32_t) (start + e->n), frame = oracle_frame(o, start);
        uint64_t pages = (e->vmemmap_end - 1) / w->page - e->vmemmap / w->page + 1;

        CHECK(w, e->pfn >= o->first && e->n > 0 && e->pfn >= from && end <= o->n_pages, "an extent out of the world at %" PRIu64,
              e->pfn);
        CHECK(w, !oracle_any_present(o, (uint32_t) (from - o->first), start), "pages before %u are missing", start);
        CHECK(w, e->vmemmap == oracle_address(o, start) && e->vmemmap_end == oracle_address(o, end),
              "page %u: its struct page is elsewhere", start);
        CHECK(w, e->n_frames == pages, "page %u: %" PRIu64 " frames, not %" PRIu64, start, e->n_frames, pages);
        CHECK(w, e->frame == (frame == ORACLE_NONE ? MHP_NO_PFN : o->first + frame), "page %u: its frame is not %" PRIu64, start,
              e->frame);
        for (uint32_t p = start; p < end; p++) {
                const struct oracle_page *page = &o->pages[p];
                uint64_t offset = oracle_address(o, p) / w->page - e->vmemmap / w->page;

                CHECK(w, page->present, "page %u is not there", p);
                CHECK(w, (oracle_frame(o, p) == ORACLE_NONE) == (frame == ORACLE_NONE) &&
                      (frame == ORACLE_NONE || oracle_frame(o, p) == frame + offset),
                      "page %u: its frame is not %" PRIu64, p, e->frame + offset);
                CHECK(w, e->early == o->early[p / o->section], "page %u: early or not", p);
                CHECK(w, e->placement == (page->altmap == ORACLE_NONE ? MHP_PLACEMENT_DRAM : o->altmaps[page->altmap].placement),
                      "page %u: placement", p);
        }
}

/* Every page that is described has one frame: the extents are all of the pages, and none twice. */
static void check_frames(struct world *w) {
        const struct oracle *o = &w->oracle;
        uint32_t anywhere = dice(w, o->n_pages);
        uint64_t pfn = dice(w, 2) ? o->first : o->first + anywhere;
        struct mhp_extent extent;

        while (mhp_backing_frames(w->backing, pfn, &extent) > 0) {
                check_extent(w, &extent, pfn);
                pfn = extent.pfn + extent.n;
        }
        CHECK(w, !oracle_any_present(o, (uint32_t) (pfn - o->first), o->n_pages), "pages after %" PRIu64 " are missing",
              pfn - o->first);
}

static bool in_frame(const struct oracle *o, uint64_t p, uint32_t frame) {
        return p < o->n_pages && o->pages[p].present && (oracle_frame(o, (uint32_t) p) == frame ||
                                                         oracle_last_frame(o, (uint32_t) p) == frame);
}

/* And back: a frame holds what the oracle put there, and nothing else. */
static void check_described(struct world *w, uint32_t frame) {
        const struct oracle *o = &w->oracle;
        struct mhp_extent extent;
        bool holds = o->pages[frame].holds != ORACLE_NONE;

        CHECK(w, mhp_backing_described(w->backing, o->first + frame, &extent) == holds, "page %u holds a memmap or not", frame);
        if (!holds)
                return;
        CHECK(w, o->pages[frame].present && extent.frame == o->first + frame && extent.n > 0 && extent.n_frames == 1,
              "page %u as a frame", frame);
        for (uint64_t i = 0; i < extent.n; i++) {
                uint32_t p = (uint32_t) (extent.pfn - o->first + i);

                CHECK(w, in_frame(o, p, frame), "page %u does not describe page %u", frame, p);
        }
        CHECK(w, !in_frame(o, extent.pfn - o->first - 1, frame) && !in_frame(o, extent.pfn - o->first + extent.n, frame),
              "page %u describes more", frame);
}

static void check_page(struct world *w, uint32_t p) {
        const struct oracle *o = &w->oracle;
        const struct oracle_page *page = &o->pages[p];
        uint32_t frame = oracle_frame(o, p);
        struct mhp_altmap altmap;
        int r = mhp_backing_altmap(w->backing, o->first + p, &altmap);

        CHECK(w, mhp_backing_pfn_valid(w->backing, o->first + p) == (o->early[p / o->section] || page->present),
              "page %u: pfn_valid", p);
        CHECK(w, !page->present || page->dram == (frame == ORACLE_NONE), "the oracle has lost the memmap of page %u", p);
        CHECK(w, mhp_backing_self_hosted(w->backing, o->first + p) ==
              (page->present && frame != ORACLE_NONE && oracle_frame(o, frame) != ORACLE_NONE), "page %u: self-hosted", p);
        check_described(w, p);
        CHECK(w, r == (page->altmap != ORACLE_NONE), "page %u has an altmap or not", p);
        if (r > 0) {
                const struct oracle_altmap *want = &o->altmaps[page->altmap];

                CHECK(w, altmap.base_pfn == want->base_pfn && altmap.end_pfn == o->first + want->end - 1 &&
                      altmap.reserve == want->reserve && altmap.free == want->free && altmap.align == want->align &&
                      altmap.alloc == want->alloc, "page %u: its altmap", p);
        }
}

static void check_block(struct world *w, uint32_t block) {
        const struct oracle *o = &w->oracle;
        uint64_t first = UINT64_MAX, last = 0, got_first = 0, got_last = 0;

        for (uint32_t p = block * o->block; p < (block + 1) * o->block; p++) {
                uint32_t frames[] = { oracle_frame(o, p), oracle_last_frame(o, p) };

                for (size_t i = 0; i < ELEMENTSOF(frames) && o->pages[p].present; i++)
                        if (frames[i] != ORACLE_NONE && frames[i] / o->block != block) {
                                first = MIN(first, (o->first + frames[i]) / o->block);
                                last = MAX(last, (o->first + frames[i]) / o->block);
                        }
        }
        CHECK(w, mhp_backing_hosts(w->backing, o->first / o->block + block, &got_first, &got_last) == (first != UINT64_MAX),
              "block %u has hosts or not", block);
        if (first != UINT64_MAX)
                CHECK(w, got_first == first && got_last == last, "block %u: its hosts are not %" PRIu64 " to %" PRIu64, block,
                      got_first, got_last);
        w->n_shared += first != UINT64_MAX;
}

/* The pages that an altmap was made for: set aside, and of these in use; usable is the rest. */
static void check_altmap(struct world *w, const struct oracle_altmap *altmap) {
        const struct oracle *o = &w->oracle;
        uint64_t used = 0, wasted = 0, usable = 0;

        for (uint32_t p = altmap->start; p < altmap->end; p++) {
                bool aside = p - altmap->start < altmap->free, holds = o->pages[p].holds != ORACLE_NONE;

                CHECK(w, !holds || aside, "page %u is beyond what was set aside", p);
                used += holds;
                wasted += aside && !holds;
                usable += !aside;
        }
        CHECK(w, used == altmap->alloc && wasted == altmap->free - altmap->alloc &&
              used + wasted + usable == altmap->end - altmap->start,
              "the altmap at %u: %" PRIu64 " used, %" PRIu64 " wasted, %" PRIu64 " usable", altmap->start, used, wasted, usable);
}

void check_all(struct world *w) {
        const struct oracle *o = &w->oracle;

        check_frames(w);
        for (uint32_t p = 0; p < o->n_pages; p++)
                check_page(w, p);
        for (uint32_t block = 0; block < o->n_pages / o->block; block++)
                check_block(w, block);
        for (size_t i = 0; i < ELEMENTSOF(o->altmaps); i++)
                if (o->altmaps[i].alive)
                        check_altmap(w, &o->altmaps[i]);
}

void check_hvo(struct world *w) {
        const struct oracle *o = &w->oracle;
        uint32_t p = dice(w, o->n_pages), n = 1U << dice(w, 9), frame = oracle_frame(o, p);
        enum mhp_hvo hvo = mhp_backing_hvo(w->backing, o->first + p, n * w->page), want = MHP_HVO_ALLOWED;

        if ((o->first + p) % n != 0)
                want = MHP_HVO_NOT_ALIGNED;
        else if (p + n > o->n_pages || !oracle_all_present(o, p, p + n))
                want = MHP_HVO_NO_MEMMAP;
        else if (n * o->geometry.struct_page <= w->page)
                want = MHP_HVO_TOO_SMALL;
        else if (__builtin_popcountll(o->geometry.struct_page) != 1)
                want = MHP_HVO_STRUCT_PAGE;
        else if (frame != ORACLE_NONE && oracle_frame(o, frame) != ORACLE_NONE)
                want = MHP_HVO_SELF_HOSTED;
        CHECK(w, hvo == want, "huge page of %u pages at page %u: %s, not %s", n, p, mhp_hvo_name(hvo), mhp_hvo_name(want));
}
