/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel of this machine does not do, or does wrong. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor.h"
#include "edge/names.h"

struct version {
        char text[64]; /* empty: not known */
        unsigned major, minor;
};

static struct version version_read(const struct mhp_root *root) {
        struct version v = {};

        if (mhp_root_read(root, NAME_OSRELEASE, v.text, sizeof(v.text)) < 0 || sscanf(v.text, "%u.%u", &v.major, &v.minor) != 2)
                return (struct version) {};
        return v;
}

static bool is_before(const struct version *v, unsigned major, unsigned minor) {
        return *v->text && (v->major < major || (v->major == major && v->minor < minor));
}

static bool is_self_hosting(const struct ctl_doctor *doctor) {
        return doctor->memmaps_known && (doctor->memmaps.self_hosting == MHP_SELF_HOSTING_ON || doctor->memmaps.self_hosting == MHP_SELF_HOSTING_FORCE);
}

static bool reads(const struct mhp_root *root, const char *path, const char *value) {
        char text[64];

        return mhp_root_read(root, path, text, sizeof(text)) >= 0 && strcmp(text, value) == 0;
}

/* Without crash_hotplug the crash kernel's image has the list of memory from when it was loaded: a dump lacks what came since. */
static int find_kdump(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind kind = {
                .severity = CTL_WARNING, .token = "kdump-stale",
                .remedy = "Use a kernel of 6.6 or later with CONFIG_CRASH_HOTPLUG and load the image by `kexec -p -s`, or load it anew whenever memory has come or gone.",
        };
        const char *path = reads(&doctor->root, NAME_CRASH_LOADED, "1")       ? NAME_CRASH_LOADED
                           : reads(&doctor->root, NAME_CRASH_LOADED_NEW, "1") ? NAME_CRASH_LOADED_NEW
                                                                              : NULL;
        _cleanup_text_ struct mhp_text evidence = {};
        struct ctl_finding_kind this = kind;

        if (!path || reads(&doctor->root, NAME_CRASH_HOTPLUG, "1"))
                return 0;
        ctl_doctor_quote(&evidence, path, "1");
        ctl_doctor_quote(&evidence, NAME_CRASH_HOTPLUG, mhp_root_exists(&doctor->root, NAME_CRASH_HOTPLUG) ? "not 1" : "not there");
        this.evidence = evidence.data;
        return evidence.error < 0 ? evidence.error
                                  : ctl_doctor_add(doctor, &this, "a crash kernel is loaded that does not follow memory: a dump lacks what was plugged since, and "
                                                                  "may fail over what was unplugged");
}

/* As the kernel takes it: the last word counts. */
static bool is_on_command_line(const char *line, const char *key) {
        bool on = false;

        for (const char *p = line; *p; p += strspn(p, " ")) {
                size_t len = strcspn(p, " ");

                if (strncmp(p, key, strlen(key)) == 0 && p[strlen(key)] == '=') {
                        const char *value = p + strlen(key) + 1;

                        on = strncmp(value, "on", 2) == 0 || *value == '1' || *value == 'y' || *value == 'Y';
                }
                p += len;
        }
        return on;
}

/* hugetlb_vmemmap_optimize() (mm/hugetlb_vmemmap.c) passes over huge pages whose memmap is self-hosted. */
static int find_hvo(struct ctl_doctor *doctor) {
        struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "hvo-self-hosting",
                                         .remedy = "Choose one: boot without memory_hotplug.memmap_on_memory, or take huge pages from memory that was there at boot." };
        char line[4096];
        bool on = is_self_hosting(doctor);

        if (on && reads(&doctor->root, NAME_HVO, "1"))
                kind.evidence = "/" NAME_HVO ": 1";
        else if (on && mhp_root_read(&doctor->root, NAME_CMDLINE, line, sizeof(line)) >= 0 && is_on_command_line(line, "hugetlb_free_vmemmap"))
                kind.evidence = "/" NAME_CMDLINE ": hugetlb_free_vmemmap=on";
        return kind.evidence ? ctl_doctor_add(doctor, &kind, "the kernel is told to save the memmap of huge pages (HVO), which it does not do for memory that hosts its "
                                                             "own memmap (memmap_on_memory)")
                             : 0;
}

/* arm64's notifier refuses to take blocks offline whose pages are not all there, since Linux 7.2. */
static int find_arm64(struct ctl_doctor *doctor, const struct version *version) {
        struct ctl_finding_kind kind = { .severity = CTL_ERROR, .token = "memmap-arm64",
                                         .remedy = "Boot without memory_hotplug.memmap_on_memory until the kernel is mended." };
        _cleanup_text_ struct mhp_text evidence = {};

        if (!is_self_hosting(doctor) || !*version->text || is_before(version, 7, 2) || !reads(&doctor->root, NAME_ARCH, "aarch64"))
                return 0;
        ctl_doctor_quote(&evidence, NAME_OSRELEASE, version->text);
        ctl_doctor_quote(&evidence, NAME_SELF_HOSTING, "on");
        kind.evidence = evidence.data;
        return evidence.error < 0 ? evidence.error
                                  : ctl_doctor_add(doctor, &kind, "a bug of Linux 7.2 and later on arm64: no hot-plugged block that hosts its own memmap "
                                                                  "(memmap_on_memory) can go offline again");
}

/* arch_supports_memmap_on_memory() of powerpc wants the radix MMU. */
static int find_hash_mmu(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "memmap-hash-mmu", .evidence = "/" NAME_CPUINFO ": MMU: Hash",
                                                      .remedy = "Boot without memory_hotplug.memmap_on_memory, or with the radix MMU where the processor has it." };
        _cleanup_free_ char *text = NULL;
        const char *p;
        size_t len;
        int r;

        if (!is_self_hosting(doctor))
                return 0;
        r = mhp_root_read_all(&doctor->root, NAME_CPUINFO, &text, &len);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        p = strstr(text, "\nMMU");
        if (!p)
                return 0;
        p += strlen("\nMMU");
        p += strspn(p, " \t:");
        return strncmp(p, "Hash", 4) == 0 ? ctl_doctor_add(doctor, &kind, "memory_hotplug.memmap_on_memory has no effect: the kernel does that with the radix MMU alone")
                                          : 0;
}

static bool wants(const struct mhp_config *config, enum mhp_memmap placement, uint32_t sources) {
        bool wanted = config->placement == placement && sources == 0;

        for (size_t i = 0; i < config->n_rules; i++)
                wanted = wanted || (config->rules[i].placement == placement && (sources == 0 || config->rules[i].sources & sources));
        return wanted;
}

/* What the configuration wants and this kernel has not learned yet; NULL: it can do all of it. */
static const char *too_old_for(const struct ctl_doctor *doctor, const struct version *v) {
        const struct mhp_config *config = &doctor->config;
        const uint32_t dax = 1U << MHP_SOURCE_DAX;

        if (config->by == MHP_BY_KERNEL && !*doctor->knobs.value[MHP_KNOB_AUTO_ONLINE_BLOCKS])
                return "By=kernel needs auto_online_blocks (Linux 4.7)";
        if (config->by == MHP_BY_KERNEL && config->zone == MHP_WANT_AUTO && !*doctor->knobs.value[MHP_KNOB_ONLINE_POLICY])
                return "By=kernel with Zone=auto needs online_policy (Linux 5.15)";
        if (is_before(v, 6, 6) && wants(config, MHP_MEMMAP_FORCE, 0))
                return "Placement=force needs Linux 6.6";
        if (is_before(v, 6, 8) && (wants(config, MHP_MEMMAP_SELF, dax) || wants(config, MHP_MEMMAP_FORCE, dax)))
                return "Placement= of dax devices needs Linux 6.8";
        return NULL;
}

static int find_too_old(struct ctl_doctor *doctor, const struct version *version) {
        const char *why = too_old_for(doctor, version);
        _cleanup_text_ struct mhp_text evidence = {};
        struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "kernel-too-old", .remedy = "Use a newer kernel, or change the configuration." };

        if (!why)
                return 0;
        ctl_doctor_quote(&evidence, NAME_OSRELEASE, *version->text ? version->text : "not there");
        kind.evidence = evidence.data;
        return evidence.error < 0 ? evidence.error : ctl_doctor_add(doctor, &kind, "this kernel cannot do what is configured: %s", why);
}

int ctl_doctor_kernel(struct ctl_doctor *doctor) {
        struct version version = version_read(&doctor->root);
        int r = find_kdump(doctor);

        if (r >= 0)
                r = find_hvo(doctor);
        if (r >= 0)
                r = find_arm64(doctor, &version);
        if (r >= 0)
                r = find_hash_mmu(doctor);
        return r < 0 ? r : find_too_old(doctor, &version);
}
