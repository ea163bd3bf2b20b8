/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a block costs the ring, from its announcement to its being online, when few arrive and when many do: the whole of map, policy,
 * ring and reports, with the simulated kernel behind the door. And what a start on a machine with many blocks costs. Rounds of both
 * sizes take turns, so that a machine that gets slower or faster meanwhile does so for both. usage: bench-ring [RUNS] */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/sim.h"

#define FEW 512
#define MANY 32768
#define DIMM 512 /* blocks: 64 GiB */
#define BOOT 64
#define REPEAT 32 /* of the small one, so that it takes long enough to be measured */
#define TARGET 1.3

static void check(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "bench-ring: %s: %s\n", what, strerror(-r));
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

static struct mhp_sim *new_machine(uint32_t n_dimm_blocks) {
        static const struct mhp_block boot = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NORMAL, .n_nodes = 1 };
        static const struct mhp_block present = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_MOVABLE, .n_nodes = 1 };
        struct mhp_sim *sim = NULL;
        char name[32];

        check(mhp_sim_new(UINT64_C(1) << 27, &sim), "machine");
        check(mhp_sim_place(sim, (struct mhp_range) { 0, BOOT - 1 }, &boot, "boot", MHP_SOURCE_BOOT), "boot memory");
        for (uint32_t i = 0; i < n_dimm_blocks / DIMM; i++) {
                (void) snprintf(name, sizeof(name), "acpi:PNP0C80:%02x", i);
                check(mhp_sim_place(sim, (struct mhp_range) { 1024 + i * DIMM, 1023 + (i + 1) * DIMM }, &present, name, MHP_SOURCE_ACPI), "DIMM");
        }
        return sim;
}

static struct mhp_ring *new_ring(struct mhp_sim *sim) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_ring *ring = NULL;
        struct mhp_map *map = NULL;
        struct mhp_arming arming;

        mhp_config_init(&config);
        mhp_arming_plan(&config, true, &arming);
        check(mhp_map_new(sim->block_size, &map), "map");
        check(mhp_ring_new(map, &config, &arming, mhp_sim_step, sim, &ring), "ring");
        return ring;
}

/* Seconds for n blocks that arrive at once, in DIMMs, on a machine that has so many hotplugged blocks already. */
static double arrive(uint32_t n, uint32_t present) {
        _cleanup_sim_ struct mhp_sim *sim = new_machine(present);
        _cleanup_ring_ struct mhp_ring *ring = new_ring(sim);
        struct mhp_sim_plug plug = { .source = MHP_SOURCE_ACPI, .links = MHP_SIM_LINKS_SETTLE };
        char name[32];

        check(mhp_sim_scan(sim, ring), "scan");
        for (uint32_t i = present / DIMM; i < (present + n) / DIMM; i++) {
                (void) snprintf(name, sizeof(name), "acpi:PNP0C80:%02x", i);
                plug.group = name;
                plug.blocks = (struct mhp_range) { 1024 + i * DIMM, 1023 + (i + 1) * DIMM };
                check(mhp_sim_plug(sim, &plug), "plug");
        }

        double begin = seconds();
        check(mhp_sim_run(sim, ring), "run");
        double end = seconds();

        if (ring->map->total.n_online != BOOT + present + n)
                check(-EIO, "not all of it came online");
        return end - begin;
}

/* Seconds for a first scan, and the turn after it. */
static double start(uint32_t n) {
        _cleanup_sim_ struct mhp_sim *sim = new_machine(n);
        double begin = seconds();
        _cleanup_ring_ struct mhp_ring *ring = new_ring(sim);

        check(mhp_sim_scan(sim, ring), "scan");
        check(mhp_sim_run(sim, ring), "run");
        if (ring->map->total.n_online != BOOT + n)
                check(-EIO, "not all of it was seen");
        return seconds() - begin;
}

int main(int argc, char **argv) {
        size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 15;
        _cleanup_free_ double *few = calloc(runs, sizeof(*few)), *many = calloc(runs, sizeof(*many));
        _cleanup_free_ double *starts = calloc(runs, sizeof(*starts)), *full = calloc(runs, sizeof(*full));

        if (runs == 0 || !few || !many || !starts || !full) {
                fputs("usage: bench-ring [RUNS]\n", stderr);
                return 2;
        }
        (void) arrive(MANY, 0); /* memory that the process has once, it keeps */
        for (size_t i = 0; i < runs; i++) {
                for (unsigned k = 0; k < REPEAT; k++)
                        few[i] += arrive(FEW, 0) / REPEAT / FEW;
                many[i] = arrive(MANY, 0) / MANY;
                full[i] = arrive(FEW, MANY) / FEW;
                starts[i] = start(MANY);
        }

        double a = median(few, runs), b = median(many, runs);
        printf("ring: %.0f ns a block with %d arriving, %.0f ns with %d, ratio %.2f (at most %.1f), median of %zu\n", a * 1e9, FEW, b * 1e9, MANY,
               b / a, TARGET, runs);
        printf("ring: %.0f ns a block with %d arriving beside %d\n", median(full, runs) * 1e9, FEW, MANY);
        printf("ring: start with %d blocks %.1f ms\n", MANY, median(starts, runs) * 1e3);
        return b / a > TARGET;
}
