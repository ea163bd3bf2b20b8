/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "model/event.h"

#define DMA MHP_ZONE_BIT(MHP_ZONE_DMA)
#define DMA32 MHP_ZONE_BIT(MHP_ZONE_DMA32)
#define NORMAL MHP_ZONE_BIT(MHP_ZONE_NORMAL)
#define MOVABLE MHP_ZONE_BIT(MHP_ZONE_MOVABLE)
#define DEVICE MHP_ZONE_BIT(MHP_ZONE_DEVICE)

/* Every value has a name of its own that parses back to it, but for those without one. */
#define CHECK_NAMES(type, what, max)                                                            \
        do {                                                                                    \
                for (int v = 0; v < (max); v++) {                                               \
                        const char *name = mhp_##what##_name((type) v);                         \
                        type back = (type) -1;                                                  \
                        if (!name) {                                                            \
                                assert_int_equal(v, 0);                                         \
                                continue;                                                       \
                        }                                                                       \
                        assert_int_equal(mhp_##what##_parse(name, &back), 0);                   \
                        assert_int_equal(back, v);                                              \
                }                                                                               \
                assert_null(mhp_##what##_name((type) (max)));                                   \
                assert_null(mhp_##what##_name((type) -1));                                      \
                for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {                     \
                        type back = (type) 77;                                                  \
                        assert_int_equal(mhp_##what##_parse(bad[i], &back), -EINVAL);           \
                        assert_int_equal(back, 77);                                             \
                }                                                                               \
        } while (0)

static const char *const bad[] = { "", " ", "Online", "on line", "online ", "movable,kernel", "acpi:", "rule\n", "nonee", "non" };

static void test_names(void **state) {
        CHECK_NAMES(enum mhp_state, state, _MHP_STATE_MAX);
        CHECK_NAMES(enum mhp_zone, zone, _MHP_ZONE_MAX);
        CHECK_NAMES(enum mhp_source, source, _MHP_SOURCE_MAX);
        CHECK_NAMES(enum mhp_want, want, _MHP_WANT_MAX);
        CHECK_NAMES(enum mhp_reason, reason, _MHP_REASON_MAX);
}

/* Names that leave the process: a typing error in a table would break those who rely on them. */
static void test_words(void **state) {
        assert_string_equal(mhp_state_name(MHP_STATE_GOING_OFFLINE), "going-offline");
        assert_string_equal(mhp_zone_name(MHP_ZONE_NONE), "none");
        assert_string_equal(mhp_zone_name(MHP_ZONE_DMA32), "DMA32");
        assert_string_equal(mhp_source_name(MHP_SOURCE_VIRTIO_MEM), "virtio-mem");
        assert_string_equal(mhp_reason_name(MHP_REASON_NODE_RATIO_EXCEEDED), "node-ratio-exceeded");
        assert_string_equal(mhp_verb_name(MHP_VERB_ONLINE_MOVABLE), "online_movable");
        assert_string_equal(mhp_verb_name(MHP_VERB_ONLINE_KERNEL), "online_kernel");
        assert_string_equal(mhp_verb_name(MHP_VERB_OFFLINE), "offline");
        assert_string_equal(mhp_note_name(MHP_NOTE_FOREIGN_OFFLINE), "foreign-offline");
        for (int v = 0; v < _MHP_VERB_MAX; v++)
                assert_non_null(mhp_verb_name((enum mhp_verb) v));
        for (int v = 0; v < _MHP_NOTE_MAX; v++)
                assert_non_null(mhp_note_name((enum mhp_note) v));
        for (int v = 0; v < _MHP_EVENT_MAX; v++)
                assert_non_null(mhp_event_name((enum mhp_event_type) v));
        for (int v = 0; v < _MHP_QUEUE_MAX; v++)
                assert_non_null(mhp_queue_name((enum mhp_queue) v));
        assert_null(mhp_verb_name(_MHP_VERB_MAX));
        assert_null(mhp_note_name(_MHP_NOTE_MAX));
        assert_null(mhp_event_name(_MHP_EVENT_MAX));
        assert_null(mhp_queue_name(_MHP_QUEUE_MAX));
}

static void test_valid_zones(void **state) {
        static const struct {
                const char *in;
                enum mhp_state state;
                int r;
                enum mhp_zone zone;
                unsigned valid;
        } rows[] = {
                { "Normal\n", MHP_STATE_ONLINE, 0, MHP_ZONE_NORMAL, 0 },
                { "none\n", MHP_STATE_ONLINE, 0, MHP_ZONE_NONE, 0 },
                { "Normal Movable\n", MHP_STATE_ONLINE, 0, MHP_ZONE_NORMAL, 0 }, /* before 4.13 */
                { "Movable Normal\n", MHP_STATE_ONLINE, 0, MHP_ZONE_MOVABLE, 0 },
                { "Normal Movable\n", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, NORMAL | MOVABLE },
                { "Movable Normal", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, NORMAL | MOVABLE },
                { "DMA DMA32 Movable\n", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, DMA | DMA32 | MOVABLE },
                { "Device\n", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, DEVICE },
                { "Normal Movable\n", MHP_STATE_GOING_OFFLINE, 0, MHP_ZONE_UNSET, NORMAL | MOVABLE },
                { "Normal\n", MHP_STATE_UNKNOWN, 0, MHP_ZONE_UNSET, NORMAL },
                { "Normal Fancy Movable\n", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, NORMAL | MOVABLE },
                { "  Normal\t\tNormal  ", MHP_STATE_OFFLINE, 0, MHP_ZONE_UNSET, NORMAL },
                { "Fancy\n", MHP_STATE_ONLINE, -EINVAL, 0, 0 },
                { "normal\n", MHP_STATE_ONLINE, -EINVAL, 0, 0 },
                { "NormalMovable", MHP_STATE_OFFLINE, -EINVAL, 0, 0 },
                { "", MHP_STATE_ONLINE, -EINVAL, 0, 0 },
                { "\n", MHP_STATE_OFFLINE, -EINVAL, 0, 0 },
        };

        ROWS(row, rows) {
                enum mhp_zone zone = (enum mhp_zone) 77;
                uint8_t valid = 77;

                ROW_INT(row->in, mhp_valid_zones_parse(row->in, row->state, &zone, &valid), row->r);
                ROW_INT(row->in, zone, row->r < 0 ? 77 : row->zone);
                ROW_INT(row->in, valid, row->r < 0 ? 77 : row->valid);
        }
}

static void test_zone_class(void **state) {
        static const enum mhp_want class[_MHP_ZONE_MAX] = {
                [MHP_ZONE_UNSET] = MHP_WANT_UNSET,   [MHP_ZONE_NONE] = MHP_WANT_KERNEL,   [MHP_ZONE_DMA] = MHP_WANT_KERNEL,
                [MHP_ZONE_DMA32] = MHP_WANT_KERNEL,  [MHP_ZONE_NORMAL] = MHP_WANT_KERNEL, [MHP_ZONE_HIGHMEM] = MHP_WANT_KERNEL,
                [MHP_ZONE_MOVABLE] = MHP_WANT_MOVABLE, [MHP_ZONE_DEVICE] = MHP_WANT_UNSET,
        };

        for (int zone = 0; zone < _MHP_ZONE_MAX; zone++)
                assert_int_equal(mhp_zone_class((enum mhp_zone) zone), class[zone]);
}

static void test_unit(void **state) {
        for (int source = 0; source < _MHP_SOURCE_MAX; source++)
                assert_int_equal(mhp_source_is_unit((enum mhp_source) source), source == MHP_SOURCE_ACPI || source == MHP_SOURCE_DAX || source == MHP_SOURCE_DLPAR);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_valid_zones),
                cmocka_unit_test(test_zone_class),
                cmocka_unit_test(test_unit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
