/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "edge/rules.h"
#include "tree.h"

#define RULE "SUBSYSTEM==\"memory\", ACTION==\"add\", ATTR{state}==\"offline\", ATTR{state}=\"online\"\n"

enum machine {
        BARE,  /* a server of some maker */
        GUEST, /* QEMU */
        AZURE, /* Hyper-V */
        BLIND, /* nothing tells */
};

enum verdict { NO, MAYBE, YES };

static void make_machine(struct tree *t, enum machine machine) {
        static const char *const vendors[] = { [BARE] = "Dell Inc.\n", [GUEST] = "QEMU\n", [AZURE] = "Microsoft Corporation\n" };

        tree_make(t);
        if (machine == BLIND)
                return;
        tree_file(t, "proc/sys/kernel/arch", "x86_64\n");
        tree_file(t, "proc/cpuinfo", machine == BARE ? "flags\t\t: fpu sse\n" : "flags\t\t: fpu sse hypervisor\n");
        tree_file(t, "sys/class/dmi/id/sys_vendor", vendors[machine]);
        tree_file(t, "sys/class/dmi/id/product_name", machine == AZURE ? "Virtual Machine\n" : "Something\n");
}

static enum verdict judge(const struct mhp_root *root, const char *text, bool mhpd) {
        _cleanup_rules_ struct mhp_rules_hits hits = {};
        enum verdict verdict = NO;

        assert_int_equal(mhp_rules_judge(root, "/x.rules", text, strlen(text), mhpd, &hits), 0);
        for (size_t i = 0; i < hits.n; i++)
                if (verdict != YES)
                        verdict = hits.hit[i].certain ? YES : MAYBE;
        return verdict;
}

#define MEMORY_ADD "SUBSYSTEM==\"memory\", ACTION==\"add\""
#define ONLINE "ATTR{state}==\"offline\", ATTR{state}=\"online\""

/* The forms in which distributions, clouds and container runtimes have it. */
static const struct {
        const char *text;
        enum machine machine;
        enum verdict verdict;
} forms[] = {
        { "", BARE, NO },
        { RULE, BARE, YES },
        { RULE, BLIND, YES },
        { "# " RULE, BARE, NO },
        { "   # " RULE, BARE, NO },
        { MEMORY_ADD ", ATTR{state}=\"online_movable\"", BARE, YES },
        { MEMORY_ADD ", ATTR{state} = \"online\"", BARE, YES },
        { "SUBSYSTEM == \"memory\" ATTR{state}:=\"online\"", BARE, YES },
        { MEMORY_ADD ", ATTR{state}+=\"online_kernel\"", BARE, YES },
        { "ENV{of}=\"on$\"\n" MEMORY_ADD ", ENV{of}==\"on$\", ATTR{state}=\"online\"", BARE, YES },
        { "ENV{of}=\"%n%\"\n" MEMORY_ADD ", ENV{of}==\"?*%\", ATTR{state}=\"online\"", BARE, YES },
        { MEMORY_ADD ", ATTR{state}!=\"online\", ATTR{state}=\"online\"", BARE, YES },
        { MEMORY_ADD ", ATTR{online}==\"0\", ATTR{online}=\"1\"", BARE, YES },
        { MEMORY_ADD ", ATTR{online}=\"0\"", BARE, NO },
        { MEMORY_ADD ", ATTR{state}==\"online\", ATTR{state}=\"offline\"", BARE, NO },
        /* a processor's rule is none for memory */
        { "SUBSYSTEM==\"cpu\", ACTION==\"add\", ATTR{online}==\"0\", ATTR{online}=\"1\"", BARE, NO },
        { "KERNEL==\"cpu[0-9]*\", ATTR{online}=\"1\"", BARE, NO },
        { "KERNEL==\"memory[0-9]*\", ATTR{online}=\"1\"", BARE, YES },
        { "SUBSYSTEM==\"memory|node\", DEVPATH==\"/devices/system/memory/memory*\", ATTR{state}=\"online\"", BARE, YES },
        /* a variable with the value, and places to go on from (Red Hat's form) */
        { "SUBSYSTEM!=\"memory\", GOTO=\"end\"\nACTION!=\"add\", GOTO=\"end\"\nCONST{arch}==\"s390*|ppc64*\", GOTO=\"end\"\n"
          "ENV{.state}=\"online\"\nCONST{virt}==\"none\", ENV{.state}=\"online_movable\"\n"
          "ATTR{state}==\"offline\", ATTR{state}=\"$env{.state}\"\nLABEL=\"end\"\n", GUEST, YES },
        { "SUBSYSTEM!=\"memory\", GOTO=\"end\"\nPROGRAM=\"/bin/uname -p\", RESULT==\"s390*\", GOTO=\"end\"\n"
          "ENV{.state}=\"online\"\nPROGRAM=\"/bin/systemd-detect-virt\", RESULT==\"none\", ENV{.state}=\"online_movable\"\n"
          "ATTR{state}==\"offline\", ATTR{state}=\"%E{.state}\"\nLABEL=\"end\"\n", BLIND, MAYBE },
        { "CONST{arch}==\"x86-64\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { "CONST{arch}==\"x86-64\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BLIND, MAYBE },
        { "GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { "GOTO=\"nowhere\"\n" RULE "LABEL=\"end\"\n", BARE, YES },
        { "LABEL=\"end\"\nGOTO=\"end\"\n" RULE, BARE, YES },
        { "ACTION==\"add\", GOTO=\"here\"\nGOTO=\"end\"\nLABEL=\"here\", SUBSYSTEM==\"memory\", ATTR{state}=\"online\"\nLABEL=\"end\"\n", BARE, YES },
        { "ENV{.state}=\"offline\"\nATTR{state}=\"$env{.state}\"\n", BARE, NO },
        /* a processor architecture by a program (SUSE's form) */
        { MEMORY_ADD ", PROGRAM==\"/usr/bin/uname -m\", RESULT!=\"s390x\", " ONLINE, BARE, YES },
        { MEMORY_ADD ", PROGRAM==\"/usr/bin/uname -m\", RESULT==\"s390x\", " ONLINE, BARE, NO },
        { MEMORY_ADD ", PROGRAM==\"/usr/sbin/something\", " ONLINE, BARE, MAYBE },
        /* virtual machines of a maker (Debian's and Ubuntu's form) */
        { "ATTR{[dmi/id]sys_vendor}==\"Microsoft Corporation\", ATTR{[dmi/id]product_name}==\"Virtual Machine\", GOTO=\"apply\"\n"
          "ATTR{[dmi/id]sys_vendor}==\"Xen\", GOTO=\"apply\"\nGOTO=\"end\"\nLABEL=\"apply\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { "ATTR{[dmi/id]sys_vendor}==\"Microsoft Corporation\", ATTR{[dmi/id]product_name}==\"Virtual Machine\", GOTO=\"apply\"\n"
          "ATTR{[dmi/id]sys_vendor}==\"Xen\", GOTO=\"apply\"\nGOTO=\"end\"\nLABEL=\"apply\"\n" RULE "LABEL=\"end\"\n", AZURE, YES },
        { "ATTR{[dmi/id]sys_vendor}!=\"QEMU\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", GUEST, YES },
        { "ATTR{[dmi/id]sys_vendor}!=\"QEMU\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { "CONST{virt}==\"none\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { "CONST{virt}==\"none\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", GUEST, YES },
        { "CONST{virt}==\"none\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BLIND, MAYBE },
        { "CONST{virt}==\"kvm\", " MEMORY_ADD ", " ONLINE, GUEST, MAYBE },
        { "CONST{virt}==\"vmware\", " MEMORY_ADD ", " ONLINE, GUEST, NO },
        { MEMORY_ADD ", PROGRAM==\"/usr/bin/systemd-detect-virt --vm -q\", " ONLINE, BARE, MAYBE },
        { MEMORY_ADD ", PROGRAM==\"/usr/bin/systemd-detect-virt -q\", " ONLINE, BARE, NO },
        { MEMORY_ADD ", PROGRAM==\"systemd-detect-virt -c\", " ONLINE, GUEST, NO },
        /* programs */
        { MEMORY_ADD ", RUN+=\"/bin/sh -c 'echo online > /sys$devpath/state'\"", BARE, YES },
        { MEMORY_ADD ", RUN{program}+=\"/bin/sh -c 'echo online_movable > /sys/%p/state || true'\"", BARE, YES },
        { MEMORY_ADD ", RUN+=\"/bin/sh -c 'echo 1 > /sys$devpath/online'\"", BARE, YES },
        { MEMORY_ADD ", RUN+=\"/usr/bin/chmem -e %n\"", BARE, YES },
        { MEMORY_ADD ", RUN+=\"/usr/bin/chmem --enable --blocks $number\"", BARE, YES },
        { MEMORY_ADD ", RUN+=\"/usr/bin/logger memory arrived\"", BARE, NO },
        { MEMORY_ADD ", RUN{builtin}+=\"kmod load online/state\"", BARE, NO },
        { MEMORY_ADD ", RUN+=\"/usr/bin/chmem -e %n\"\n" MEMORY_ADD ", RUN:=\"/bin/true\"", BARE, NO },
        { MEMORY_ADD ", RUN+=\"/usr/bin/daxctl online-memory all\"", BARE, YES },
        { "SUBSYSTEM==\"dax\", RUN+=\"/usr/bin/daxctl online-memory $kernel\"", BARE, NO },
        /* other conditions */
        { MEMORY_ADD ", TEST==\"/etc/no-hotplug\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, YES },
        { MEMORY_ADD ", TEST==\"/proc/cpuinfo\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, NO },
        { MEMORY_ADD ", TEST!=\"/proc/cpuinfo\", " ONLINE, BARE, NO },
        { MEMORY_ADD ", TEST==\"state\", " ONLINE, BARE, YES },
        { "IMPORT{cmdline}=\"nohotadd\"\nENV{nohotadd}==\"1\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, MAYBE },
        { "ENV{nohotadd}==\"1\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", BARE, YES },
        { MEMORY_ADD ", ATTR{valid_zones}==\"Movable*\", " ONLINE, BARE, MAYBE },
        { MEMORY_ADD ", ATTR{vendor}==\"0x1af4\", " ONLINE, BARE, NO },
        { MEMORY_ADD ", OPTIONS+=\"nowatch\", TAG+=\"x\", SYMLINK+=\"y\", " ONLINE, BARE, YES },
        { "SUBSYSTEM==\"memory\", ACTION==\"offline\", ATTR{state}=\"online\"", BARE, YES },
        { "SUBSYSTEM==\"memory\", ACTION==\"remove\", ATTR{state}=\"online\"", BARE, NO },
        /* how lines are put together, and which udevd refuses */
        { "SUBSYSTEM==\"memory\", \\\n  ATTR{state}=\"online\"\n", BARE, YES },
        { "SUBSYSTEM==\"cpu\", \\\n# between\n  ATTR{state}=\"online\"\n", BARE, NO },
        { "# one \\\n ATTR{state}=\"online\"\n", BARE, YES },
        { "ATTR{state}", BARE, NO },
        { "ATTR{state}=", BARE, NO },
        { "ATTR{state}=\"onlin", BARE, NO },
        { "BUS==\"memory\", ATTR{state}=\"online\"", BARE, NO },
        { "SUBSYSTEM==i\"MEMORY\", ATTR{state}=e\"online\"", BARE, YES },
        { "ATTR{state}=\"online\" \\", BARE, NO },
};

static void test_forms(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
                struct tree t;

                make_machine(&t, forms[i].machine);
                assert_int_equal(mhp_root_open(t.path, &root), 0);
                ROW_INT(forms[i].text, judge(&root, forms[i].text, true), forms[i].verdict);
                tree_remove(&t);
        }
}

/* Rules that ask whether mhpd has the memory, by its mark or by what makes it. */
static void test_courtesy(void **state) {
        static const struct {
                const char *text;
                enum verdict with, without;
        } rows[] = {
                { "ENV{MHPD_MANAGED}!=\"1\", " RULE, NO, YES },
                { "ENV{MHPD_MANAGED}==\"1\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", NO, YES },
                { "ENV{MHPD_MANAGED}==\"?*\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", NO, YES },
                { "ENV{MHPD_MANAGED}==\"1\", " RULE, YES, NO },
                { "ENV{MHPD_MANAGED}!=\"1\"\n" RULE, YES, YES },
                { "TEST==\"/run/mhpd\", GOTO=\"end\"\n" RULE "LABEL=\"end\"\n", NO, YES },
                { RULE, YES, YES },
        };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;

        make_machine(&t, BARE);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        ROWS(row, rows) {
                ROW_INT(row->text, judge(&root, row->text, true), row->with);
                ROW_INT(row->text, judge(&root, row->text, false), row->without);
        }
        tree_remove(&t);
}

static void expect(const struct tree *t, const char *want) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_rules_ struct mhp_rules_hits hits = {};

        assert_int_equal(mhp_root_open(t->path, &root), 0);
        assert_int_equal(mhp_rules_find(&root, true, &hits), 0);
        assert_int_equal(hits.n > 0, want != NULL);
        if (!want)
                return;
        assert_string_equal(hits.hit[0].where, want);
        assert_string_equal(hits.hit[0].says, "ATTR{state}=\"online\"");
}

static void test_folders(void **state) {
        struct tree t;

        tree_make(&t);
        expect(&t, NULL);
        tree_file(&t, "lib/udev/rules.d/40-x.rules", RULE);
        expect(&t, "/lib/udev/rules.d/40-x.rules:1");
        tree_file(&t, "usr/lib/udev/rules.d/90-y.rules", RULE);
        expect(&t, "/lib/udev/rules.d/40-x.rules:1");
        tree_file(&t, "usr/lib/udev/rules.d/30-z.rules.bak", RULE);
        tree_file(&t, "etc/udev/rules.d/40-x.rules", "");
        expect(&t, "/usr/lib/udev/rules.d/90-y.rules:1");
        tree_link(&t, "run/udev/rules.d/90-y.rules", "/dev/null");
        expect(&t, NULL);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_courtesy),
                cmocka_unit_test(test_folders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
