/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "edge/remover.h"
#include "tree.h"

#define VETO "sys/firmware/acpi/hotplug/memory/enabled"
#define UNPLUG_ONLINE "sys/module/virtio_mem/parameters/unplug_online"
#define EJECT "sys/bus/acpi/devices/PNP0C80:0a/eject"
#define DLPAR "sys/kernel/dlpar"
#define UNBIND "sys/bus/dax/drivers/kmem/unbind"

struct machine {
        struct tree t;
        struct mhp_root root;
};

static int setup(void **state) {
        static struct machine m;

        tree_make(&m.t);
        *state = &m;
        return mhp_root_open(m.t.path, &m.root) < 0;
}

static int teardown(void **state) {
        struct machine *m = *state;

        mhp_root_done(&m->root);
        tree_remove(&m->t);
        return 0;
}

static void test_source(void **state) {
        static const struct {
                const char *group;
                int r;
                enum mhp_source source;
        } rows[] = {
                { "acpi:PNP0C80:00", 0, MHP_SOURCE_ACPI }, { "virtio-mem:virtio1", 0, MHP_SOURCE_VIRTIO_MEM },
                { "acpi", 0, MHP_SOURCE_ACPI },            { "boot", 0, MHP_SOURCE_BOOT },
                { "", -EINVAL, 0 },                        { ":x", -EINVAL, 0 },
                { "ACPI:x", -EINVAL, 0 },                  { "a-source-that-nobody-knows:x", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                enum mhp_source source = MHP_SOURCE_UNKNOWN;

                ROW_INT(row->group, mhp_remover_source(row->group, &source), row->r);
                if (row->r == 0)
                        ROW_INT(row->group, source, row->source);
        }
}

static void test_hold(void **state) {
        static const struct {
                const char *path;
                enum mhp_source source;
                const char *held, *free, *bad;
        } rows[] = {
                { VETO, MHP_SOURCE_ACPI, "0", "1", "N" },
                { UNPLUG_ONLINE, MHP_SOURCE_VIRTIO_MEM, "N", "Y", "0" },
        };
        struct machine *m = *state;
        char value[MHP_HOLD_VALUE_MAX];

        ROWS(row, rows) {
                ROW_INT(row->path, mhp_remover_read(&m->root, row->source, value), -ENOENT);
                ROW_INT(row->path, mhp_remover_write(&m->root, row->source, row->held), -ENOENT);
                tree_file(&m->t, row->path, row->free);
                ROW_INT(row->path, mhp_remover_read(&m->root, row->source, value), 0);
                assert_string_equal(value, row->free);
                assert_string_equal(mhp_remover_held(row->source), row->held);
                ROW_INT(row->path, mhp_remover_write(&m->root, row->source, row->held), 0);
                assert_string_equal(tree_read(&m->t, row->path), row->held);
                ROW_INT(row->path, mhp_remover_write(&m->root, row->source, row->bad), -EINVAL);
                ROW_INT(row->path, mhp_remover_write(&m->root, row->source, ""), -EINVAL);
                assert_string_equal(tree_read(&m->t, row->path), row->held);
                tree_file(&m->t, row->path, "far too long for a switch");
                ROW_INT(row->path, mhp_remover_read(&m->root, row->source, value), -E2BIG);
        }
}

static void test_no_hold(void **state) {
        static const enum mhp_source sources[] = { MHP_SOURCE_DAX, MHP_SOURCE_BOOT, MHP_SOURCE_UNKNOWN, MHP_SOURCE_XEN, MHP_SOURCE_DLPAR, _MHP_SOURCE_MAX };
        struct machine *m = *state;
        char value[MHP_HOLD_VALUE_MAX];

        ROWS(source, sources) {
                assert_null(mhp_remover_held(*source));
                assert_int_equal(mhp_remover_read(&m->root, *source, value), -EOPNOTSUPP);
                assert_int_equal(mhp_remover_write(&m->root, *source, "0"), -EOPNOTSUPP);
        }
}

static void test_hand(void **state) {
        static const struct {
                const char *group;
                int r;
                const char *path, *written;
        } rows[] = {
                { "acpi:PNP0C80:0a", 0, EJECT, "1" },
                { "dax:dax0.0", 0, UNBIND, "dax0.0" },
                { "acpi:PNP0C80:0b", -ENOENT, NULL, NULL },
                { "acpi:PNP0A03:00", -EINVAL, NULL, NULL },
                { "acpi:PNP0C80:../PNP0C80:0a", -EINVAL, NULL, NULL },
                { "acpi:", -EINVAL, NULL, NULL },
                { "acpi", -EINVAL, NULL, NULL },
                { "dax:", -EINVAL, NULL, NULL },
                { "dax:../0.0", -EINVAL, NULL, NULL },
                { "dax:dax0.0\n", -EINVAL, NULL, NULL },
                { "dlpar:80000008", 0, DLPAR, "memory remove index 0x80000008" },
                { "dlpar:8000000A", -EINVAL, NULL, NULL },
                { "dlpar:8000000", -EINVAL, NULL, NULL },
                { "dlpar:800000080", -EINVAL, NULL, NULL },
                { "dlpar", -EINVAL, NULL, NULL },
                { "virtio-mem:virtio0", -EOPNOTSUPP, NULL, NULL },
                { "boot", -EOPNOTSUPP, NULL, NULL },
                { "nonsense:x", -EINVAL, NULL, NULL },
        };
        struct machine *m = *state;

        ROWS(row, rows) {
                tree_file(&m->t, EJECT, "");
                tree_file(&m->t, UNBIND, "");
                tree_file(&m->t, DLPAR, "");
                ROW_INT(row->group, mhp_remover_hand(&m->root, row->group), row->r);
                assert_string_equal(tree_read(&m->t, EJECT), row->path && strcmp(row->path, EJECT) == 0 ? row->written : "");
                assert_string_equal(tree_read(&m->t, UNBIND), row->path && strcmp(row->path, UNBIND) == 0 ? row->written : "");
                assert_string_equal(tree_read(&m->t, DLPAR), row->path && strcmp(row->path, DLPAR) == 0 ? row->written : "");
        }
}

/* A device that kmem has on Linux 7.3. */
static void test_hand_by_state(void **state) {
        static const char file[] = "sys/bus/dax/devices/dax0.0/state";
        struct machine *m = *state;

        tree_file(&m->t, UNBIND, "");
        tree_file(&m->t, file, "online_movable\n");
        assert_int_equal(mhp_remover_hand(&m->root, "dax:dax0.0"), 0);
        assert_int_equal(strncmp(tree_read(&m->t, file), "unplugged", 9), 0);
        assert_string_equal(tree_read(&m->t, UNBIND), "");
        assert_int_equal(mhp_remover_hand(&m->root, "dax:dax1.0"), 0);
        assert_string_equal(tree_read(&m->t, UNBIND), "dax1.0");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_source), T(test_hold), T(test_no_hold), T(test_hand), T(test_hand_by_state) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
