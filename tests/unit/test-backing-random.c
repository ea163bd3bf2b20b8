/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The backing map against an oracle that does page by page what the kernel does, on machines of random geometry to which memory
 * is added and from which it is removed. MHPD_TEST_SEED=N MHPD_TEST_ROUNDS=1 replays a failure; MHPD_TEST_OPS=N says how much
 * happens in a round, MHPD_TEST_TRACE=1 shows it. */

#include "backing-world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/range.h"

#define SAY(w, ...) \
        do { \
                if ((w)->trace) \
                        print_message(__VA_ARGS__); \
        } while (0)

/* --------------------------------------------------------------------------------------------------------- what happens */

/* What may be said against an operation; nothing: it has to succeed. */
struct verdict {
        int errors[5];
        size_t n;
};

static void against(struct verdict *v, bool truth, int error) {
        if (truth)
                v->errors[v->n++] = error;
}

static bool succeeded(struct world *w, const char *what, const struct verdict *v, int r) {
        bool found = v->n == 0 && r >= 0;

        for (size_t i = 0; i < v->n; i++)
                found |= r == v->errors[i];
        CHECK(w, found, "%s: %s, wanted %s", what, strerror(-r), v->n > 0 ? strerror(-v->errors[0]) : "no error");
        w->n_refused += r < 0;
        return r >= 0;
}

/* Some memory in whole pieces of `grain` pages, now and then not quite: `least` of them and up to `more`. Mostly it is there, or
 * mostly not, as `present` has it. */
static void draw(struct world *w, uint32_t grain, uint32_t least, uint32_t more, bool present, uint64_t *ret_start,
                 uint64_t *ret_size) {
        uint32_t p, end, n, what = dice(w, 64);

        for (uint32_t tries = dice(w, 12);; tries--) {
                p = dice(w, w->oracle.n_pages / grain) * grain;
                n = (least + dice(w, 1 + dice(w, more))) * grain;
                end = MIN(p + n, w->oracle.n_pages);
                if (tries == 0 || (present ? oracle_all_present(&w->oracle, p, end) : !oracle_any_present(&w->oracle, p, end)))
                        break;
        }
        *ret_start = (w->oracle.first + p) * w->page;
        *ret_size = (end - p) * w->page;
        if (what == 0)
                *ret_size = 0;
        else if (what == 1)
                *ret_start += w->page / 2;
        else if (what == 2)
                *ret_size -= w->page / 2;
        else if (what == 3)
                *ret_size -= w->page;
}

/* To pages; what is wrong with the numbers themselves. */
static void span(struct world *w, uint64_t start, uint64_t size, uint32_t grain, struct verdict *v, uint32_t *ret_start,
                 uint32_t *ret_end) {
        __extension__ typedef unsigned __int128 wide;
        const struct mhp_geometry *g = &w->oracle.geometry;
        wide end = (wide) start + size, whole = (end + g->section_size - 1) / g->section_size * g->section_size;
        wide limit = UINT64_MAX; /* an end has to be a number, too */
        uint64_t bytes = grain * w->page;

        if (size == 0 || start % bytes != 0 || size % bytes != 0) {
                against(v, true, -EINVAL);
                return;
        }
        against(v, whole > limit || (end - 1) / g->section_size > MHP_BLOCK_MAX ||
                g->vmemmap_base + whole / w->page * g->struct_page > limit, -ERANGE);
        *ret_start = (uint32_t) (start / w->page - w->oracle.first);
        *ret_end = *ret_start + (uint32_t) (size / w->page);
}

static void add(struct world *w) {
        enum mhp_placement placement = (enum mhp_placement) (MHP_PLACEMENT_DRAM + dice(w, 4));
        bool by_block = placement == MHP_PLACEMENT_SELF || placement == MHP_PLACEMENT_FORCE;
        uint32_t grain = by_block || dice(w, 3) == 0 ? w->oracle.block : w->oracle.subsection;
        uint32_t least = 1, more = dice(w, 2) ? 3 : 40, p = 0, end = 0;
        struct mhp_admission got = { 0 }, want;
        struct verdict v = { .n = 0 };
        uint64_t start, size;

        if (placement == MHP_PLACEMENT_RANGE && grain < w->oracle.section && dice(w, 2))
                least += w->oracle.section / w->oracle.subsection; /* else few that begin anywhere have a whole section */
        draw(w, grain, least, more, false, &start, &size);
        span(w, start, size, by_block ? w->oracle.block : w->oracle.subsection, &v, &p, &end);
        against(&v, v.n == 0 && oracle_any_present(&w->oracle, p, end), -EEXIST);
        SAY(w, "%" PRIu64 ": add %" PRIu64 " + %" PRIu64 " (pages %u-%u) %s\n", w->op, start, size, p, end,
            mhp_placement_name(placement));
        if (!succeeded(w, "add", &v, mhp_backing_add(w->backing, start, size, placement, &got)))
                return;
        oracle_add(&w->oracle, p, end, placement, &want);
        CHECK(w, got.requested == want.requested && got.placement == want.placement && got.reason == want.reason,
              "admitted as %s (%s), not %s (%s)",
              mhp_placement_name(got.placement), mhp_refusal_name(got.reason), mhp_placement_name(want.placement),
              mhp_refusal_name(want.reason));
        CHECK(w, got.memmap_pages == want.memmap_pages && got.set_aside_pages == want.set_aside_pages &&
              got.waste_pages == want.waste_pages,
              "needs %" PRIu64 ", set aside %" PRIu64 ", waste %" PRIu64 "; not %" PRIu64 ", %" PRIu64 ", %" PRIu64,
              got.memmap_pages, got.set_aside_pages, got.waste_pages, want.memmap_pages, want.set_aside_pages, want.waste_pages);
        w->n_adds++;
        w->n_hosted += got.placement != MHP_PLACEMENT_DRAM;
        w->n_fallbacks += got.placement != got.requested;
        w->n_aligned += got.placement != MHP_PLACEMENT_DRAM && w->oracle.altmaps[w->oracle.pages[p].altmap].align > 0;
}

static void set_online(struct world *w) {
        struct verdict v = { .n = 0 };
        uint32_t p = 0, end = 0;
        uint64_t start, size;
        bool online = dice(w, 5) < 2;

        draw(w, w->oracle.block, 1, 3, true, &start, &size);
        span(w, start, size, w->oracle.block, &v, &p, &end);
        against(&v, v.n == 0 && !oracle_all_present(&w->oracle, p, end), -ENOENT);
        SAY(w, "%" PRIu64 ": %s pages %u-%u\n", w->op, online ? "online" : "offline", p, end);
        if (succeeded(w, online ? "online" : "offline", &v, mhp_backing_set_online(w->backing, start, size, online)))
                for (; p < end; p++)
                        w->oracle.online[p / w->oracle.block] = online;
}

/* To the end, or left to mhp_teardown_free() at some point. */
static void tear_down(struct world *w, struct mhp_teardown *teardown, uint32_t p, uint32_t end) {
        uint32_t n = dice(w, 4) > 0 ? UINT32_MAX : dice(w, 20);
        struct mhp_teardown_step step;

        oracle_remove(&w->oracle, p, end);
        for (; n > 0 && mhp_teardown_next(teardown, &step) > 0; n--) {
                const char *wrong = oracle_step(&w->oracle, &step);

                SAY(w, "   %s %" PRIx64 "-%" PRIx64 "\n", step.kind == MHP_TEARDOWN_FREE ? "free" : "section", step.start,
                    step.end);
                CHECK(w, !wrong, "%s %" PRIx64 "-%" PRIx64 ": %s", step.kind == MHP_TEARDOWN_FREE ? "free" : "section",
                      step.start, step.end, wrong);
                w->n_steps++;
        }
        if (n > 0)
                CHECK(w, !oracle_removed(&w->oracle), "removed: %s", oracle_removed(&w->oracle));
        else
                oracle_forget(&w->oracle);
        (void) mhp_teardown_free(teardown);
        w->n_removed++;
}

static void take_away(struct world *w, uint64_t start, uint64_t size) {
        struct mhp_teardown *teardown = NULL;
        struct verdict v = { .n = 0 };
        uint32_t p = 0, end = 0;

        span(w, start, size, w->oracle.subsection, &v, &p, &end);
        if (v.n == 0) {
                against(&v, !oracle_all_present(&w->oracle, p, end), -ENOENT);
                against(&v, oracle_any_online(&w->oracle, p, end), -EBUSY);
                against(&v, oracle_cuts(&w->oracle, p, end), -EXDEV);
                against(&v, oracle_mixes(&w->oracle, p, end), -EOPNOTSUPP);
        }
        SAY(w, "%" PRIu64 ": remove %" PRIu64 " + %" PRIu64 " (pages %u-%u)\n", w->op, start, size, p, end);
        if (succeeded(w, "remove", &v, mhp_backing_remove(w->backing, start, size, &teardown)))
                tear_down(w, teardown, p, end);
}

/* What came in one piece; else as much as there is. */
static uint64_t piece_at(const struct world *w, uint32_t p) {
        const struct oracle *o = &w->oracle;
        uint32_t end = p;

        while (end < o->n_pages && o->pages[end].present && o->pages[end].altmap == o->pages[p].altmap)
                end++;
        return (end - p) * w->page;
}

static void remove_some(struct world *w) {
        const struct oracle *o = &w->oracle;
        uint32_t p = dice(w, o->n_pages);
        uint64_t start, size;

        draw(w, o->subsection, 1, 40, true, &start, &size);
        if (dice(w, 3) > 0 && o->pages[p].altmap != ORACLE_NONE) {
                const struct oracle_altmap *altmap = &o->altmaps[o->pages[p].altmap];

                start = altmap->base_pfn * w->page;
                size = (altmap->end - altmap->start) * w->page;
        }
        take_away(w, start, size);
}

static void happen(struct world *w) {
        uint32_t what = dice(w, 10);

        w->n_ops++;
        w->op++;
        if (what < 5)
                add(w);
        else if (what < 7)
                set_online(w);
        else
                remove_some(w);
        check_all(w);
        check_hvo(w);
}

/* ------------------------------------------------------------------------------------------------------ a round */

static uint64_t draw_struct_page(struct world *w, uint64_t page) {
        const uint64_t sizes[] = { 64, 56, 80, page / 64, page / 32, page / 16, page / 16, page / 8, page / 8, page / 8,
                                   page / 4, page / 2, page / 16 * 3, page };

        return sizes[dice(w, ELEMENTSOF(sizes))];
}

static void draw_geometry(struct world *w, struct mhp_geometry *g) {
        static const unsigned shifts[] = { 12, 14, 16 };
        uint64_t page = UINT64_C(1) << shifts[dice(w, ELEMENTSOF(shifts))];

        g->page_size = page;
        g->subsection_size = page << dice(w, 4);
        g->section_size = g->subsection_size << dice(w, 6);
        g->section_size = MIN(g->section_size, 128 * page);
        g->block_size = g->section_size << dice(w, 3);
        g->block_size = MIN(g->block_size, 256 * page);
        g->pageblock_size = page << dice(w, 1 + dice(w, 6));
        g->pmd_size = page << dice(w, 1 + dice(w, 6));
        g->struct_page = draw_struct_page(w, page);
        g->vmemmap_base = UINT64_C(0xffffea0000000000) + (dice(w, 4) ? 0 : dice(w, 64) * page);
        g->needs_pmd = dice(w, 4) == 0;
        if (dice(w, 4) == 0) {
                /* Mappings larger than a subsection: a range may begin where none can, and lose pages to alignment. */
                g->subsection_size = page * 4;
                g->section_size = g->block_size = page * 32 << dice(w, 2);
                g->struct_page = page / 4;
                g->pmd_size = page * 8;
                g->pageblock_size = page * 16;
                g->vmemmap_base = UINT64_C(0xffffea0000000000);
        }
}

/* Where memory is on this machine; now and then where the block numbers or the address space end. */
static uint64_t draw_first(struct world *w, struct mhp_geometry *g, uint32_t n_pages) {
        uint64_t block = g->block_size / g->page_size, half = n_pages / 2 / block * block, first, what = dice(w, 16);

        first = what < 8 ? 0 : dice(w, 100000) * block;
        if (what == 15) {
                first = (UINT64_C(1) << 32) * (g->section_size / g->page_size) - half;
                g->vmemmap_base = g->page_size;
        } else if (what == 14) {
                g->vmemmap_base = -((first + half) * g->struct_page) / g->page_size * g->page_size;
        }
        return first;
}

static void begin(struct world *w) {
        struct mhp_geometry geometry;
        uint32_t n_blocks = 4 + dice(w, 9), block, n_pages, p, end;
        const char *why = "";
        uint64_t first, start, size;

        draw_geometry(w, &geometry);
        block = (uint32_t) (geometry.block_size / geometry.page_size);
        n_pages = MIN(n_blocks, ORACLE_PAGES / block) * block;
        first = draw_first(w, &geometry, n_pages);
        oracle_init(&w->oracle, &geometry, first, n_pages);
        w->page = geometry.page_size;
        if (w->trace)
                describe(w);
        CHECK(w, mhp_geometry_check(&geometry, &why) == 0, "%s", why);
        CHECK(w, mhp_backing_new(&geometry, &w->backing) == 0, "no backing");

        for (uint32_t n = dice(w, 4); n > 0; n--) {
                struct verdict v = { .n = 0 };

                draw(w, w->oracle.subsection, 1, 20, false, &start, &size);
                span(w, start, size, w->oracle.subsection, &v, &p, &end);
                against(&v, v.n == 0 && oracle_any_present(&w->oracle, p, end), -EEXIST);
                SAY(w, "early pages %u-%u\n", p, end);
                if (succeeded(w, "early", &v, mhp_backing_add_early(w->backing, start, size)))
                        oracle_add_early(&w->oracle, p, end);
        }
        check_all(w);
}

/* Everything goes, and nothing of the bookkeeping stays. */
static void end_round(struct world *w) {
        struct oracle *o = &w->oracle;
        struct mhp_extent extent;

        for (uint32_t b = 0; b < o->n_pages / o->block; b++)
                if (o->online[b]) {
                        CHECK(w, mhp_backing_set_online(w->backing, (o->first + b * o->block) * w->page, o->block * w->page,
                                                        false) == 0, "block %u", b);
                        o->online[b] = false;
                }
        for (uint32_t p = 0; p < o->n_pages; p++)
                if (o->pages[p].present)
                        take_away(w, (o->first + p) * w->page, piece_at(w, p));
        CHECK(w, mhp_backing_frames(w->backing, 0, &extent) == 0, "page %" PRIu64 " is left", extent.pfn);
        for (size_t v = 0; v < ELEMENTSOF(o->frames); v++)
                CHECK(w, o->frames[v] == ORACLE_NONE, "vmemmap page %zu is left", v);
        for (size_t i = 0; i < ELEMENTSOF(o->altmaps); i++)
                CHECK(w, !o->altmaps[i].alive, "an altmap is left");
        check_all(w);
        w->backing = mhp_backing_free(w->backing);
}

static uint64_t number(const char *name, uint64_t otherwise) {
        const char *s = getenv(name);

        return s ? strtoull(s, NULL, 10) : otherwise;
}

static void test_random(void **state) {
        uint64_t seed = number("MHPD_TEST_SEED", 1), rounds = number("MHPD_TEST_ROUNDS", 600), ops = number("MHPD_TEST_OPS", 100);
        static struct world w;

        w.trace = getenv("MHPD_TEST_TRACE");
        for (uint64_t round = 0; round < rounds; round++) {
                w.seed = (seed + round) * UINT64_C(0x9e3779b97f4a7c15);
                w.round = seed + round;
                w.op = 0;
                begin(&w);
                for (uint64_t i = 0; i < ops; i++)
                        happen(&w);
                end_round(&w);
        }
        print_message("%" PRIu64 " operations from seed %" PRIu64 ": %" PRIu64 " added, %" PRIu64 " of these hosted (%" PRIu64
                      " with pages lost to alignment) and %" PRIu64 " not as wished,\n", w.n_ops, seed, w.n_adds, w.n_hosted,
                      w.n_aligned, w.n_fallbacks);
        print_message("%" PRIu64 " removed in %" PRIu64 " steps, %" PRIu64 " refused; %" PRIu64 " blocks seen with hosts\n",
                      w.n_removed, w.n_steps, w.n_refused, w.n_shared);
        if (rounds >= 600 && ops >= 100)
                assert_true(w.n_hosted > 1000 && w.n_aligned > 5 && w.n_fallbacks > 1000 && w.n_removed > 1000 &&
                            w.n_refused > 1000 && w.n_shared > 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
