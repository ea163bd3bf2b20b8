/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/names.h"
#include "edge/rules-values.h"

/* uname's machine, and the word that systemd has for it. */
static const struct {
        const char *machine, *word;
} archs[] = {
        { "x86_64", "x86-64" }, { "i686", "x86" },      { "aarch64", "arm64" },   { "ppc64le", "ppc64-le" },
        { "ppc64", "ppc64" },   { "s390x", "s390x" },   { "riscv64", "riscv64" }, { "loongarch64", "loongarch64" },
};

static const char *arch_word(const char *machine) {
        for (size_t i = 0; i < ELEMENTSOF(archs); i++)
                if (strcmp(archs[i].machine, machine) == 0)
                        return archs[i].word;
        return NULL;
}

/* Kernels before 6.1 have no file for it. */
static const char *guess_machine(const char *cpuinfo) {
        static const struct {
                const char *seen, *machine;
        } rows[] = { { "IBM/S390", "s390x" }, { "CPU implementer", "aarch64" }, { "POWER", "ppc64le" }, { "GenuineIntel", "x86_64" }, { "AuthenticAMD", "x86_64" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (strstr(cpuinfo, rows[i].seen))
                        return rows[i].machine;
        return NULL;
}

static int set_arch(const struct mhp_root *root, const char *cpuinfo, struct rule_vars *vars) {
        char machine[64];
        const char *name = machine;
        int r;

        if (mhp_root_read(root, NAME_ARCH, machine, sizeof(machine)) < 0)
                name = guess_machine(cpuinfo);
        if (!name)
                return 0;
        r = rule_vars_set_one(vars, "MACHINE", NULL, name);
        return r < 0 || !arch_word(name) ? r : rule_vars_set_one(vars, "CONST", "arch", arch_word(name));
}

/* systemd-detect-virt's words for the makers of virtual machines, by what DMI calls them. QEMU does not say there whether it has KVM. */
static const char *const *virt_words(const char *vendor) {
        static const struct {
                const char *vendor, *words[3];
        } rows[] = {
                { "QEMU", { "kvm", "qemu" } },       { "KVM", { "kvm" } },
                { "Red Hat", { "kvm", "qemu" } },    { "VMware", { "vmware" } },
                { "Microsoft", { "microsoft" } },    { "Xen", { "xen" } },
                { "innotek", { "oracle" } },         { "Amazon EC2", { "amazon" } },
                { "Google", { "kvm", "google" } },   { "Parallels", { "parallels" } },
        };
        static const char *const some[] = { "kvm", "qemu", "vmware", "microsoft", "xen", "vm-other", NULL };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (strncmp(vendor, rows[i].vendor, strlen(rows[i].vendor)) == 0)
                        return rows[i].words;
        return some;
}

/* The processor says whether there is a hypervisor; on other architectures nothing does that is the same everywhere. */
static int set_virt(const struct mhp_root *root, const char *cpuinfo, struct rule_vars *vars) {
        _cleanup_values_ struct rule_values values = {};
        char vendor[128] = "";
        int r = 0;

        if (!strstr(cpuinfo, "flags\t"))
                return 0;
        if (!strstr(cpuinfo, " hypervisor"))
                return rule_vars_set_one(vars, "CONST", "virt", "none");
        (void) mhp_root_read(root, NAME_DMI "/sys_vendor", vendor, sizeof(vendor));
        for (const char *const *word = virt_words(vendor); *word && r >= 0; word++)
                r = rule_values_add(&values, *word);
        return r < 0 ? r : rule_vars_set(vars, "CONST", "virt", &values, false);
}

int rule_vars_machine(const struct mhp_root *root, struct rule_vars *vars) {
        _cleanup_free_ char *cpuinfo = NULL;
        size_t len;
        int r = mhp_root_read_all(root, NAME_CPUINFO, &cpuinfo, &len);

        if (r == -ENOMEM)
                return r;
        r = set_arch(root, cpuinfo ? cpuinfo : "", vars);
        return r < 0 ? r : set_virt(root, cpuinfo ? cpuinfo : "", vars);
}
