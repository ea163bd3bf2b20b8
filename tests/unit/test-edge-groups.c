/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/groups.h"
#include "tree.h"

#define BLOCK_SIZE (UINT64_C(128) << 20)

/* A guest with 4 GiB at boot, a virtio-mem device (blocks 40-55, 40-41 plugged) and a dax device given to kmem (blocks 64-71). */
#define IOMEM \
        "00000000-00000fff : Reserved\n" \
        "00001000-0009fbff : System RAM\n" \
        "00100000-7fffffff : System RAM\n" \
        "  01000000-02209987 : Kernel code\n" \
        "100000000-13fffffff : System RAM\n" \
        "140000000-1bfffffff : virtio0\n" \
        "  140000000-14fffffff : System RAM (virtio_mem)\n" \
        "1c0000000-1ffffffff : Persistent Memory\n" \
        "200000000-23fffffff : dax0.0\n" \
        "  200000000-23fffffff : System RAM (kmem)\n" \
        "4000000000-400007ffff : virtio-pci-modern\n"

/* The same for a reader without CAP_SYS_ADMIN. */
#define IOMEM_HIDDEN \
        "00000000-00000000 : Reserved\n" \
        "00000000-00000000 : System RAM\n" \
        "00000000-00000000 : virtio0\n" \
        "  00000000-00000000 : System RAM (virtio_mem)\n" \
        "00000000-00000000 : dax0.0\n"

struct machine {
        struct tree t;
        struct mhp_root root;
        struct mhp_groups *groups;
};

static int setup(void **state) {
        static struct machine m;

        m = (struct machine) { .root = MHP_ROOT_NONE };
        tree_make(&m.t);
        tree_memory(&m.t, "8000000");
        *state = &m;
        return mhp_root_open(m.t.path, &m.root);
}

static int teardown(void **state) {
        struct machine *m = *state;

        mhp_groups_free(m->groups);
        mhp_root_done(&m->root);
        tree_remove(&m->t);
        return 0;
}

static void make_groups(struct machine *m, const char *iomem) {
        if (iomem)
                tree_file(&m->t, "proc/iomem", iomem);
        m->groups = mhp_groups_free(m->groups);
        assert_int_equal(mhp_groups_new(&m->root, BLOCK_SIZE, &m->groups), 0);
        assert_int_equal(mhp_groups_load(m->groups), 0);
}

/* The group by name; `?`: not known. */
static const char *ask(struct machine *m, enum mhp_resolve how, uint32_t nr, enum mhp_state block_state) {
        struct mhp_reading reading = { .nr = nr, .state = block_state, .source = MHP_SOURCE_XEN, .group = "stale" };

        assert_int_equal(mhp_groups_resolve(m->groups, how, &reading), 0);
        assert_int_equal(reading.source == MHP_SOURCE_UNKNOWN, reading.group == NULL);
        if (reading.group) {
                const char *source = mhp_source_name(reading.source);

                assert_int_equal(strncmp(reading.group, source, strlen(source)), 0);
        }
        return reading.group ? reading.group : "?";
}

static void test_iomem_parse(void **state) {
        static const struct {
                const char *text;
                bool hidden;
                size_t n;
                uint64_t first, last; /* of the first range */
                const char *device;
                enum mhp_source source;
        } rows[] = {
                { "", true, 0, 0, 0, NULL, 0 },
                { "100000000-13fffffff : virtio0\n", false, 1, UINT64_C(0x100000000), UINT64_C(0x13fffffff), "virtio0", MHP_SOURCE_VIRTIO_MEM },
                { "    100000000-13fffffff : virtio12", false, 1, UINT64_C(0x100000000), UINT64_C(0x13fffffff), "virtio12", MHP_SOURCE_VIRTIO_MEM },
                { "0-fff : dax0.0\n", false, 1, 0, 0xfff, "dax0.0", MHP_SOURCE_DAX },
                { "0-ffffffffffffffff : dax12.34\n", false, 1, 0, UINT64_MAX, "dax12.34", MHP_SOURCE_DAX },
                { "0-fff : dax0\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : dax0.\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : dax.0\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : daxctl\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : dax_region0\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : virtio\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : virtio-pci-modern\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : virtio0x\n", false, 0, 0, 0, NULL, 0 },
                { "0-fff : System RAM (virtio_mem)\n", false, 0, 0, 0, NULL, 0 },
                { "fff-0 : virtio0\n", true, 0, 0, 0, NULL, 0 },
                { "0-10000000000000000 : virtio0\n", true, 0, 0, 0, NULL, 0 },
                { "nonsense\n-\n : \n0-\n0-f\n0-f :\n", true, 0, 0, 0, NULL, 0 },
                { IOMEM_HIDDEN, true, 0, 0, 0, NULL, 0 },
        };

        ROWS(row, rows) {
                struct mhp_iomem iomem;

                ROW_INT(row->text, mhp_iomem_parse(row->text, strlen(row->text), &iomem), 0);
                ROW_INT(row->text, iomem.n, row->n);
                ROW_INT(row->text, iomem.hidden, row->hidden);
                if (row->n > 0) {
                        ROW_INT(row->text, iomem.range[0].first, row->first);
                        ROW_INT(row->text, iomem.range[0].last, row->last);
                        ROW_INT(row->text, iomem.range[0].source, row->source);
                        assert_string_equal(iomem.range[0].device, row->device);
                }
                mhp_iomem_done(&iomem);
        }
}

static void test_by_iomem(void **state) {
        static const struct {
                uint32_t nr;
                enum mhp_state state;
                const char *scan, *arriving, *settled;
        } rows[] = {
                { 0, MHP_STATE_ONLINE, "boot", "?", "other" },
                { 39, MHP_STATE_ONLINE, "boot", "?", "other" },
                { 40, MHP_STATE_ONLINE, "virtio-mem:virtio0", "virtio-mem:virtio0", "virtio-mem:virtio0" },
                { 41, MHP_STATE_OFFLINE, "virtio-mem:virtio0", "virtio-mem:virtio0", "virtio-mem:virtio0" },
                { 55, MHP_STATE_OFFLINE, "virtio-mem:virtio0", "virtio-mem:virtio0", "virtio-mem:virtio0" },
                { 56, MHP_STATE_OFFLINE, "?", "?", "other" },
                { 63, MHP_STATE_ONLINE, "boot", "?", "other" },
                { 64, MHP_STATE_ONLINE, "dax:dax0.0", "dax:dax0.0", "dax:dax0.0" },
                { 71, MHP_STATE_OFFLINE, "dax:dax0.0", "dax:dax0.0", "dax:dax0.0" },
                { 72, MHP_STATE_UNKNOWN, "?", "?", "other" },
                { MHP_BLOCK_MAX, MHP_STATE_ONLINE, "boot", "?", "other" },
        };
        struct machine *m = *state;

        make_groups(m, IOMEM);
        ROWS(row, rows) {
                assert_string_equal(ask(m, MHP_RESOLVE_SCAN, row->nr, row->state), row->scan);
                assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, row->nr, row->state), row->arriving);
                assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, row->nr, row->state), row->settled);
        }
}

/* In bulk by the device's own links, one by one by the block's. */
static void test_by_acpi(void **state) {
        static const enum mhp_resolve hows[] = { MHP_RESOLVE_SCAN, MHP_RESOLVE_ARRIVING, MHP_RESOLVE_SETTLED };
        struct machine *m = *state;

        for (uint32_t nr = 32; nr < 48; nr++)
                tree_add_block(&m->t, nr, "online", "Movable", 0, nr < 40 ? "PNP0C80:00" : "PNP0C80:0a");
        tree_add_block(&m->t, 48, "online", "Movable", 0, "PNP0A05:00"); /* some other device */
        make_groups(m, IOMEM_HIDDEN);
        ROWS(how, hows) {
                assert_string_equal(ask(m, *how, 32, MHP_STATE_ONLINE), "acpi:PNP0C80:00");
                assert_string_equal(ask(m, *how, 39, MHP_STATE_OFFLINE), "acpi:PNP0C80:00");
                assert_string_equal(ask(m, *how, 40, MHP_STATE_ONLINE), "acpi:PNP0C80:0a");
                assert_string_equal(ask(m, *how, 47, MHP_STATE_ONLINE), "acpi:PNP0C80:0a");
        }
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 48, MHP_STATE_ONLINE), "?");
}

/* `add` comes before firmware_node is there. */
static void test_late_link(void **state) {
        struct machine *m = *state;

        make_groups(m, IOMEM);
        tree_add_block(&m->t, 32, "offline", "Normal Movable", -1, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 32, MHP_STATE_OFFLINE), "?");
        tree_add_firmware_node(&m->t, 32, "PNP0C80:03");
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 32, MHP_STATE_OFFLINE), "acpi:PNP0C80:03");
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 32, MHP_STATE_OFFLINE), "acpi:PNP0C80:03");
}

/* A device that comes later is seen after a refresh, and a name lives on. */
static void test_refresh(void **state) {
        struct machine *m = *state;
        const char *name;

        make_groups(m, "100000000-13fffffff : virtio0\n");
        name = ask(m, MHP_RESOLVE_ARRIVING, 32, MHP_STATE_OFFLINE);
        assert_string_equal(name, "virtio-mem:virtio0");
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 64, MHP_STATE_OFFLINE), "?");
        tree_file(&m->t, "proc/iomem", "200000000-23fffffff : dax0.0\n");
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 64, MHP_STATE_OFFLINE), "?");
        assert_int_equal(mhp_groups_refresh(m->groups), 0);
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 64, MHP_STATE_OFFLINE), "dax:dax0.0");
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 32, MHP_STATE_OFFLINE), "?");
        assert_string_equal(name, "virtio-mem:virtio0");
}

/* What cannot be read just now is not gone, and not hidden. */
static void test_refresh_fails(void **state) {
        struct machine *m = *state;
        struct rlimit before, none;
        int lowest, r[2];

        tree_dir(&m->t, "sys/bus/acpi/devices/PNP0C80:00");
        make_groups(m, IOMEM);
        lowest = dup(0);
        assert_true(lowest >= 0);
        close(lowest);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit) { (rlim_t) lowest, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        r[0] = mhp_groups_refresh(m->groups);
        r[1] = mhp_groups_load(m->groups);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(r[0], -EMFILE);
        assert_int_equal(r[1], -EMFILE);
        assert_string_equal(ask(m, MHP_RESOLVE_ARRIVING, 40, MHP_STATE_OFFLINE), "virtio-mem:virtio0");
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 64, MHP_STATE_OFFLINE), "dax:dax0.0");
        assert_int_equal(mhp_groups_refresh(m->groups), 0);
}

/* Without privilege, plain memory could be a device's, if the machine has one; else it is what it looks like. */
static void test_hidden(void **state) {
        struct machine *m = *state;

        make_groups(m, IOMEM_HIDDEN);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 0, MHP_STATE_ONLINE), "boot");
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 40, MHP_STATE_ONLINE), "boot");
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 40, MHP_STATE_OFFLINE), "?");

        tree_file(&m->t, "sys/bus/virtio/drivers/virtio_mem/bind", "");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 0, MHP_STATE_ONLINE), "boot");

        tree_link(&m->t, "sys/bus/virtio/drivers/virtio_mem/virtio0", "../../../../devices/pci0000:00/0000:00:02.0/virtio0");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 0, MHP_STATE_ONLINE), "?");
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 40, MHP_STATE_ONLINE), "?");

        tree_drop(&m->t, "sys/bus/virtio");
        tree_link(&m->t, "sys/bus/dax/devices/dax0.0", "../../../devices/dax0.0");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 0, MHP_STATE_ONLINE), "?");
}

static void test_no_iomem(void **state) {
        struct machine *m = *state;

        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 0, MHP_STATE_ONLINE), "boot");
}

static void test_chosen(void **state) {
        static const struct {
                const char *value; /* of the state file, NULL: there is none */
                bool chosen;
        } rows[] = { { NULL, false }, { "offline\n", false }, { "online_movable\n", true }, { "online\n", true }, { "unplugged\n", true }, { "offline\n", false } };
        struct machine *m = *state;

        ROWS(row, rows) {
                struct mhp_reading dax = { .nr = 64, .state = MHP_STATE_ONLINE, .chosen = true }, virtio = { .nr = 40, .state = MHP_STATE_ONLINE };

                if (row->value)
                        tree_file(&m->t, "sys/bus/dax/devices/dax0.0/state", row->value);
                make_groups(m, IOMEM);
                assert_int_equal(mhp_groups_resolve(m->groups, MHP_RESOLVE_SETTLED, &dax), 0);
                assert_int_equal(mhp_groups_resolve(m->groups, MHP_RESOLVE_SETTLED, &virtio), 0);
                ROW_INT(row->value ? row->value : "none", dax.chosen, row->chosen);
                assert_false(virtio.chosen);
        }
}

#define DYNAMIC_MEMORY "sys/firmware/devicetree/base/ibm,dynamic-reconfiguration-memory/"
#define W(x) (uint8_t) ((uint32_t) (x) >> 24), (uint8_t) ((uint32_t) (x) >> 16), (uint8_t) ((uint32_t) (x) >> 8), (uint8_t) (x)

/* A pseries guest: blocks 0-15 were there at boot, 16-31 are LMBs of a block each. Everybody sees that, whenever they ask, whatever the state. */
static void test_lmbs(void **state) {
        static const uint8_t cells[] = { W(2) }, size[] = { W(0), W(BLOCK_SIZE) };
        static const uint8_t lmbs[] = { W(2), W(16), W(0), W(0), W(0), W(0xffffffff), W(0xc0), W(16), W(0), W(0x80000000), W(0x80000010), W(0), W(0) };
        static const enum mhp_resolve hows[] = { MHP_RESOLVE_SCAN, MHP_RESOLVE_ARRIVING, MHP_RESOLVE_SETTLED };
        struct machine *m = *state;

        tree_bytes(&m->t, "sys/firmware/devicetree/base/#address-cells", cells, sizeof(cells));
        tree_bytes(&m->t, DYNAMIC_MEMORY "ibm,lmb-size", size, sizeof(size));
        tree_bytes(&m->t, DYNAMIC_MEMORY "ibm,dynamic-memory-v2", lmbs, sizeof(lmbs));
        make_groups(m, IOMEM_HIDDEN);
        ROWS(how, hows) {
                assert_string_equal(ask(m, *how, 16, MHP_STATE_ONLINE), "dlpar:80000010");
                assert_string_equal(ask(m, *how, 31, MHP_STATE_OFFLINE), "dlpar:8000001f");
        }
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 15, MHP_STATE_ONLINE), "boot");
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 32, MHP_STATE_ONLINE), "boot");

        /* a list that is cut short is none */
        tree_bytes(&m->t, DYNAMIC_MEMORY "ibm,dynamic-memory-v2", lmbs, sizeof(lmbs) - 4);
        make_groups(m, IOMEM_HIDDEN);
        assert_string_equal(ask(m, MHP_RESOLVE_SCAN, 16, MHP_STATE_ONLINE), "boot");
}

static void test_balloons(void **state) {
        struct machine *m = *state;

        make_groups(m, IOMEM);
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 100, MHP_STATE_OFFLINE), "other");
        tree_file(&m->t, "sys/hypervisor/type", "kvm\n");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 100, MHP_STATE_OFFLINE), "other");
        tree_file(&m->t, "sys/hypervisor/type", "xen\n");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 100, MHP_STATE_OFFLINE), "xen");
        tree_dir(&m->t, "sys/bus/vmbus/drivers/hv_balloon");
        make_groups(m, NULL);
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 100, MHP_STATE_OFFLINE), "hyperv");
        assert_string_equal(ask(m, MHP_RESOLVE_SETTLED, 40, MHP_STATE_OFFLINE), "virtio-mem:virtio0");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_iomem_parse), T(test_by_iomem), T(test_by_acpi), T(test_late_link), T(test_refresh), T(test_refresh_fails), T(test_hidden),
                T(test_no_iomem), T(test_lmbs), T(test_balloons), T(test_chosen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
