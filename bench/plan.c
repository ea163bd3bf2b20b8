/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Planning a removal on a machine with few blocks and on one with many: which DIMMs make up half of the memory, and the order in which the blocks of all
 * of it go, under a backing map in which a part hosts the memmap of the rest. The DIMMs are of odd sizes, so that the choice is not cut short. And
 * the choice where it is dearest: as many devices as the table still takes. Rounds of both sizes take turns. usage: bench-plan [RUNS] */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/plan.h"
#include "core/subset.h"
#include "model/backing.h"

#define FEW 512
#define MANY 32768
#define DIMMS 64    /* of the large machine, and as many of the small one */
#define FIRST 1024  /* block */
#define REPEAT 64   /* of the small one, so that it takes long enough to be measured */
#define BLOCK_SIZE (UINT64_C(128) << 20)
#define TARGET_MS 20.0
#define TARGET_RATIO 2.0 /* a sort's own share grows by 15 : 9 */

static void check(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "bench-plan: %s: %s\n", what, strerror(-r));
        exit(1);
}

static double seconds(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static double median(double *v, size_t n) {
        qsort(v, n, sizeof(*v), compare);
        return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct machine {
        uint32_t n;
        struct mhp_map *map;
        struct mhp_backing *backing;
        struct mhp_ranges all;
};

static void machine_done(struct machine *machine) {
        mhp_map_free(machine->map);
        mhp_backing_free(machine->backing);
        mhp_ranges_done(&machine->all);
}

/* Neighbours differ by a block; the last one takes what is left. */
static uint32_t dimm_size(uint32_t n, uint32_t dimm, uint32_t left) {
        return dimm == DIMMS - 1 ? left : n / DIMMS - 1 + dimm % 3;
}

static void fill_map(struct machine *machine) {
        uint32_t nr = FIRST, end = FIRST + machine->n, random = 1;
        char group[32];

        for (uint32_t dimm = 0; dimm < DIMMS; dimm++) {
                uint32_t last = nr + dimm_size(machine->n, dimm, end - nr);

                (void) snprintf(group, sizeof(group), "acpi:PNP0C80:%02x", dimm);
                for (; nr < last; nr++) {
                        struct mhp_block block = {
                                .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_MOVABLE, .n_nodes = 1, .flags = MHP_BLOCK_SETTLED | MHP_BLOCK_COUNTED,
                                .used = random >> 17,
                        };

                        random = random * 1103515245 + 12345;
                        check(mhp_map_restore_block(machine->map, nr, &block, group, MHP_SOURCE_ACPI), "block");
                }
        }
}

static void new_machine(uint32_t n, struct machine *ret) {
        struct machine machine = { .n = n };
        struct mhp_geometry geometry;

        check(mhp_map_new(BLOCK_SIZE, &machine.map), "map");
        fill_map(&machine);
        check(mhp_ranges_add(&machine.all, FIRST, FIRST + n - 1), "blocks");
        check(mhp_geometry_preset("x86_64", &geometry), "geometry");
        check(mhp_backing_new(&geometry, &machine.backing), "backing map");
        check(mhp_backing_add(machine.backing, FIRST * BLOCK_SIZE, n / 2 * BLOCK_SIZE, MHP_PLACEMENT_SELF, NULL), "memory that hosts itself");
        check(mhp_backing_add(machine.backing, (FIRST + n / 2) * BLOCK_SIZE, n / 2 * BLOCK_SIZE, MHP_PLACEMENT_RANGE, NULL), "a range with one host");
        *ret = machine;
}

/* Seconds for both plans. */
static double plan(const struct machine *machine) {
        struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .size = machine->n / 2 * BLOCK_SIZE, .keep = MHP_KEEP_NONE };
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        _cleanup_plan_ struct mhp_plan by_size = { 0 }, everything = { 0 };
        double begin = seconds();

        check(mhp_plan_choose(machine->map, &target, &chosen), "choice");
        check(mhp_plan_order(machine->map, &chosen, true, machine->backing, &by_size), "order");
        check(mhp_plan_order(machine->map, &machine->all, false, machine->backing, &everything), "order of everything");
        double end = seconds();

        if (by_size.n_items != machine->n / 2 || everything.n_items != machine->n || everything.items[machine->n - 1].layer == 0)
                check(-EIO, "not what was asked for");
        return end - begin;
}

/* Seconds for the dearest choice that is still an exact one. */
static double dearest(void) {
        static struct mhp_piece pieces[MHP_SUBSET_CELLS / (MANY / 2)];
        uint64_t total = 0;
        double begin;

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                pieces[i] = (struct mhp_piece) { .n_blocks = (uint32_t) (64 + i * 37 % 129), .cost = { .pages = i * 7919 % 257 } };
                total += pieces[i].n_blocks;
        }
        begin = seconds();
        check(mhp_subset_choose(pieces, ELEMENTSOF(pieces), total - MANY / 2 + 1, MHP_SUBSET_CELLS), "the dearest choice");
        return seconds() - begin;
}

int main(int argc, char **argv) {
        size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 25;
        _cleanup_free_ double *few = calloc(runs, sizeof(*few)), *many = calloc(runs, sizeof(*many)), *most = calloc(runs, sizeof(*most));
        _cleanup_(machine_done) struct machine small = { 0 }, large = { 0 };

        if (runs == 0 || !few || !many || !most) {
                fputs("usage: bench-plan [RUNS]\n", stderr);
                return 2;
        }
        new_machine(FEW, &small);
        new_machine(MANY, &large);
        (void) plan(&large); /* memory that the process has once, it keeps */
        for (size_t i = 0; i < runs; i++) {
                for (unsigned k = 0; k < REPEAT; k++)
                        few[i] += plan(&small) / REPEAT;
                many[i] = plan(&large);
                most[i] = dearest();
        }

        double a = median(few, runs), b = median(many, runs), c = median(most, runs);
        printf("plan: %.2f ms for the choice of half of %d blocks in %d DIMMs, its order, and the order of all of them (at most %.0f), median of %zu\n",
               b * 1e3, MANY, DIMMS, TARGET_MS, runs);
        printf("plan: %.0f ns a block with %d blocks, %.0f ns with %d, ratio %.2f (at most %.1f)\n", a / FEW * 1e9, FEW, b / MANY * 1e9, MANY,
               b / MANY / (a / FEW), TARGET_RATIO);
        printf("plan: %.2f ms for the dearest exact choice\n", c * 1e3);
        return b * 1e3 > TARGET_MS || b / MANY / (a / FEW) > TARGET_RATIO;
}
