/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The simulated kernel against what is known of the real one. */

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/sim.h"

#define GROUP "acpi:PNP0C80:00"

static struct mhp_sim *new_sim(void) {
        struct mhp_sim *sim = NULL;

        assert_int_equal(mhp_sim_new(UINT64_C(1) << 27, &sim), 0);
        return sim;
}

static void plug(struct mhp_sim *sim, uint32_t first, uint32_t last, enum mhp_zone zone) {
        assert_int_equal(mhp_sim_plug(sim, &(struct mhp_sim_plug) { .group = GROUP, .source = MHP_SOURCE_ACPI, .blocks = { first, last },
                                      .node = 1, .zone = zone, .links = MHP_SIM_LINKS_SETTLE }), 0);
}

static struct mhp_reading look(struct mhp_sim *sim, uint32_t nr) {
        struct mhp_reading reading;

        assert_true(mhp_sim_read(sim, nr, &reading));
        return reading;
}

/* `+32 *32 -32` for add, change and remove, and forgets them. */
static const char *heard(struct mhp_sim *sim) {
        static char text[512];
        size_t n = 0;

        text[0] = '\0';
        for (size_t i = 0; i < sim->n_uevents; i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%c%u", i ? " " : "", "+-*"[sim->uevents[i].action], sim->uevents[i].nr);
        sim->n_uevents = 0;
        return text;
}

static void test_plug(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();
        struct mhp_reading reading;

        assert_false(mhp_sim_read(sim, 32, &reading));
        plug(sim, 34, 35, MHP_ZONE_UNSET);
        plug(sim, 32, 33, MHP_ZONE_MOVABLE);
        assert_string_equal(heard(sim), "+34 +35 +32 +33 *32 *33");
        assert_int_equal(look(sim, 32).zone, MHP_ZONE_MOVABLE);
        assert_int_equal(look(sim, 34).state, MHP_STATE_OFFLINE);
        assert_int_equal(look(sim, 34).valid, MHP_ZONE_BIT(MHP_ZONE_NORMAL) | MHP_ZONE_BIT(MHP_ZONE_MOVABLE));
        for (size_t i = 0; i < sim->n_blocks; i++)
                assert_int_equal(sim->blocks[i].nr, 32 + i);

        /* Links are there when the hotplug work is over, and not before. */
        assert_null(look(sim, 32).group);
        assert_int_equal(look(sim, 32).node, -1);
        mhp_sim_settle(sim);
        assert_string_equal(look(sim, 32).group, GROUP);
        assert_int_equal(look(sim, 35).node, 1);

        assert_int_equal(mhp_sim_plug(sim, &(struct mhp_sim_plug) { .blocks = { 35, 40 } }), -EEXIST);
        assert_int_equal(sim->n_blocks, 4);
        assert_string_equal(heard(sim), "");
}

static void test_virtio_mem(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        assert_int_equal(mhp_sim_plug(sim, &(struct mhp_sim_plug) { .group = "virtio-mem:virtio0", .source = MHP_SOURCE_VIRTIO_MEM,
                                      .blocks = { 32, 33 }, .zone = MHP_ZONE_NORMAL }), 0);
        assert_string_equal(heard(sim), "+32 *32 +33 *33");
}

static void test_late(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        assert_int_equal(mhp_sim_plug(sim, &(struct mhp_sim_plug) { .group = GROUP, .source = MHP_SOURCE_ACPI, .blocks = { 32, 33 } }), 0);
        mhp_sim_settle(sim);
        assert_null(look(sim, 32).group);
        mhp_sim_link(sim, (struct mhp_range) { 32, 32 });
        assert_string_equal(look(sim, 32).group, GROUP);
        assert_null(look(sim, 33).group);
}

static void test_write(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        plug(sim, 32, 33, MHP_ZONE_UNSET);
        (void) heard(sim);
        assert_int_equal(mhp_sim_write(sim, 40, MHP_VERB_OFFLINE), ENODEV);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_OFFLINE), EINVAL);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_MOVABLE), 0);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_KERNEL), EINVAL);
        assert_int_equal(look(sim, 32).zone, MHP_ZONE_MOVABLE);
        assert_int_equal(look(sim, 32).valid, 0);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_OFFLINE), 0);
        assert_int_equal(mhp_sim_write(sim, 33, MHP_VERB_ONLINE_KERNEL), 0);
        assert_int_equal(look(sim, 33).zone, MHP_ZONE_NORMAL);
        /* What fails is not announced. */
        assert_string_equal(heard(sim), "*32 *32 *33");
        assert_int_equal(mhp_sim_find(sim, 32)->n_writes, 4);
        assert_int_equal(sim->n_kernel, 1);
}

static void test_zones(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();
        static const struct mhp_block none = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NONE };

        assert_int_equal(mhp_sim_place(sim, (struct mhp_range) { 0, 1 }, &none, "boot", MHP_SOURCE_BOOT), 0);
        assert_int_equal(mhp_sim_plug(sim, &(struct mhp_sim_plug) { .blocks = { 32, 32 }, .valid = MHP_ZONE_BIT(MHP_ZONE_DMA32) }), 0);
        assert_int_equal(mhp_sim_write(sim, 0, MHP_VERB_OFFLINE), EINVAL);
        assert_int_equal(mhp_sim_foreign(sim, 0, MHP_VERB_OFFLINE, MHP_ZONE_UNSET), -EINVAL);
        assert_int_equal(mhp_sim_unplug(sim, (struct mhp_range) { 0, 1 }), -EBUSY);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_MOVABLE), EINVAL);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_KERNEL), 0);
        assert_int_equal(look(sim, 32).zone, MHP_ZONE_DMA32);
        assert_string_equal(look(sim, 0).group, "boot");
}

static void test_faults(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        plug(sim, 32, 33, MHP_ZONE_UNSET);
        mhp_sim_fault(sim, (struct mhp_range) { 32, 32 }, MHP_VERB_ONLINE_KERNEL, ENOMEM, 1);
        mhp_sim_fault(sim, (struct mhp_range) { 32, 32 }, MHP_VERB_OFFLINE, EBUSY, 2);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_MOVABLE), ENOMEM);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_ONLINE_MOVABLE), 0);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_OFFLINE), EBUSY);
        mhp_sim_fault(sim, (struct mhp_range) { 0, 99 }, MHP_VERB_NONE, 0, 0);
        assert_int_equal(mhp_sim_write(sim, 32, MHP_VERB_OFFLINE), 0);
        assert_int_equal(mhp_sim_write(sim, 33, MHP_VERB_ONLINE_MOVABLE), 0);
}

static void test_unplug(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        plug(sim, 32, 35, MHP_ZONE_NORMAL);
        assert_int_equal(mhp_sim_foreign(sim, 33, MHP_VERB_OFFLINE, MHP_ZONE_UNSET), 0);
        (void) heard(sim);
        assert_int_equal(mhp_sim_unplug(sim, (struct mhp_range) { 32, 34 }), 0);
        assert_string_equal(heard(sim), "*32 *34 -32 -33 -34");
        assert_int_equal(sim->n_blocks, 1);
        assert_int_equal(sim->n_kernel, 1);
        assert_int_equal(mhp_sim_unplug(sim, (struct mhp_range) { 0, 9 }), 0);
        assert_string_equal(heard(sim), "");
        assert_int_equal(mhp_sim_foreign(sim, 33, MHP_VERB_OFFLINE, MHP_ZONE_UNSET), -ENODEV);
}

static void test_uevents(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();

        plug(sim, 32, 33, MHP_ZONE_UNSET);
        assert_int_equal(mhp_sim_double_uevents(sim), 0);
        assert_string_equal(heard(sim), "+32 +32 +33 +33");
        plug(sim, 34, 34, MHP_ZONE_UNSET);
        mhp_sim_lose_uevents(sim);
        assert_string_equal(heard(sim), "");
        assert_true(sim->overflow);
}

static void test_arm(void **state) {
        static const struct {
                const char *value;
                enum mhp_zone zone;
        } rows[] = {
                { "online_movable", MHP_ZONE_MOVABLE }, { "online_kernel", MHP_ZONE_NORMAL }, { "online", MHP_ZONE_NORMAL },
                { "offline", MHP_ZONE_UNSET },          { "", MHP_ZONE_UNSET },
        };

        ROWS(row, rows) {
                _cleanup_sim_ struct mhp_sim *sim = new_sim();
                struct mhp_arming arming = { 0 };

                (void) snprintf(arming.value[MHP_KNOB_AUTO_ONLINE_BLOCKS], MHP_KNOB_VALUE_MAX, "%s", row->value);
                mhp_sim_arm(sim, &arming);
                plug(sim, 32, 32, MHP_ZONE_UNSET);
                ROW_INT(row->value, look(sim, 32).zone, row->zone);
        }
}

static void test_pressure(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();
        struct mhp_pressure p;

        mhp_sim_get_pressure(sim, &p);
        assert_int_equal(p.kernel_managed, 0);
        plug(sim, 32, 33, MHP_ZONE_NORMAL);
        mhp_sim_get_pressure(sim, &p);
        assert_int_equal(p.kernel_managed, 0); /* not known stays not known */
        mhp_sim_set_pressure(sim, &(struct mhp_pressure) { .kernel_managed = UINT64_C(1) << 30 });
        plug(sim, 34, 34, MHP_ZONE_NORMAL);
        plug(sim, 35, 35, MHP_ZONE_MOVABLE);
        mhp_sim_get_pressure(sim, &p);
        assert_int_equal(p.kernel_managed, (UINT64_C(1) << 30) + (1 << 27));
        assert_int_equal(p.kernel_available, 1 << 27);
        assert_int_equal(mhp_sim_unplug(sim, (struct mhp_range) { 32, 34 }), 0);
        mhp_sim_get_pressure(sim, &p);
        assert_int_equal(p.kernel_managed, (UINT64_C(1) << 30) - (2 << 27));
        assert_int_equal(p.kernel_available, 0);
}

static struct mhp_ring *new_ring(struct mhp_sim *sim) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming = { .path = MHP_PATH_MHPD };
        struct mhp_ring *ring = NULL;
        struct mhp_map *map = NULL;

        mhp_config_init(&config);
        config.zone = MHP_WANT_MOVABLE;
        assert_int_equal(mhp_map_new(sim->block_size, &map), 0);
        assert_int_equal(mhp_ring_new(map, &config, &arming, mhp_sim_step, sim, &ring), 0);
        assert_int_equal(mhp_sim_scan(sim, ring), 0);
        return ring;
}

/* Time moves by deadlines and by what it is told, and by nothing else. */
static void test_time(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();
        _cleanup_ring_ struct mhp_ring *ring = new_ring(sim);

        plug(sim, 32, 39, MHP_ZONE_UNSET);
        assert_int_equal(mhp_sim_run(sim, ring), 0);
        assert_int_equal(sim->now, 0);
        assert_int_equal(ring->map->total.n_placed_movable, 8);
        assert_int_equal(mhp_sim_pump(sim, ring), 0);
        assert_int_equal(mhp_sim_advance(sim, ring, 7), 0);
        assert_int_equal(sim->now, 7);

        sim->n_settle_stuck = 1;
        plug(sim, 40, 40, MHP_ZONE_UNSET);
        assert_int_equal(mhp_sim_run(sim, ring), 0);
        assert_int_equal(sim->now, 7 + 30 * USEC_PER_SEC);
        assert_int_equal(mhp_sim_advance(sim, ring, USEC_PER_SEC), 0);
        assert_int_equal(look(sim, 40).zone, MHP_ZONE_MOVABLE);
}

/* While a block is on its way out, the lock is held: nobody else can do anything to it, and who reads it sees that. */
static void test_going_offline(void **state) {
        _cleanup_sim_ struct mhp_sim *sim = new_sim();
        _cleanup_ring_ struct mhp_ring *ring = new_ring(sim);

        plug(sim, 32, 32, MHP_ZONE_UNSET);
        assert_int_equal(mhp_sim_run(sim, ring), 0);
        mhp_sim_stick(sim, (struct mhp_range) { 32, 32 }, 1, false);
        assert_int_equal(mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_REQUEST, .block = 32, .want = MHP_WANT_NONE }), 0);
        mhp_sim_wake(sim);
        while (sim->stage != MHP_SIM_STUCK)
                assert_int_equal(mhp_sim_pump(sim, ring), 1);
        assert_int_equal(look(sim, 32).state, MHP_STATE_GOING_OFFLINE);
        assert_int_equal(look(sim, 32).zone, MHP_ZONE_UNSET);
        assert_int_equal(mhp_sim_foreign(sim, 32, MHP_VERB_OFFLINE, MHP_ZONE_UNSET), -EBUSY);
        assert_int_equal(mhp_sim_unplug(sim, (struct mhp_range) { 32, 32 }), -EBUSY);
        assert_int_equal(mhp_sim_scan(sim, ring), 0);
        assert_int_equal(mhp_sim_run(sim, ring), 0);
        assert_int_equal(look(sim, 32).state, MHP_STATE_ONLINE);
        assert_int_equal(mhp_map_find(ring->map, 32)->error, ETIMEDOUT);
        assert_int_equal(sim->now, 30 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plug),    cmocka_unit_test(test_virtio_mem), cmocka_unit_test(test_late),   cmocka_unit_test(test_write),
                cmocka_unit_test(test_zones),   cmocka_unit_test(test_faults),     cmocka_unit_test(test_unplug), cmocka_unit_test(test_uevents),
                cmocka_unit_test(test_arm),     cmocka_unit_test(test_pressure),   cmocka_unit_test(test_time),   cmocka_unit_test(test_going_offline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
