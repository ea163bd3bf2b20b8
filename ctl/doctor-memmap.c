/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/table.h"
#include "ctl/doctor.h"
#include "edge/names.h"

static bool is_on(const struct ctl_doctor *doctor) {
        return doctor->memmaps.self_hosting == MHP_SELF_HOSTING_ON || doctor->memmaps.self_hosting == MHP_SELF_HOSTING_FORCE;
}

static const char *word(const struct ctl_doctor *doctor) {
        return doctor->memmaps.self_hosting == MHP_SELF_HOSTING_FORCE ? "force" : "Y";
}

/* The evidence of most. */
static const char *parameter(const struct ctl_doctor *doctor) {
        static const char *const says[_MHP_SELF_HOSTING_MAX] = {
                [MHP_SELF_HOSTING_ABSENT] = "/" NAME_SELF_HOSTING ": not there",
                [MHP_SELF_HOSTING_OFF] = "/" NAME_SELF_HOSTING ": N",
                [MHP_SELF_HOSTING_ON] = "/" NAME_SELF_HOSTING ": Y",
                [MHP_SELF_HOSTING_FORCE] = "/" NAME_SELF_HOSTING ": force",
        };

        return says[doctor->memmaps.self_hosting];
}

/* Memory of one source whose adder does not ask for self-hosting. */
static int find_ignoring(struct ctl_doctor *doctor, enum mhp_source source) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(doctor->map, 0); b; b = mhp_map_next_block(doctor->map, b)) {
                const struct mhp_group *group = mhp_map_group(doctor->map, b);
                struct mhp_block_memmap m;

                if (!group || group->source != source)
                        continue;
                mhp_memmap_predict(&doctor->memmaps, doctor->map, b, &m);
                if (m.refusal != MHP_REFUSAL_SOURCE_IGNORES)
                        return 0;
                r = mhp_ranges_add(&blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        if (blocks.n == 0)
                return 0;
        return ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_NOTE, .token = "memmap-source-ignores", .blocks = &blocks, .evidence = parameter(doctor),
                              .remedy = "Reckon with what `mhpctl plan plug SIZE` says for dram before memory is plugged, or plug DIMMs: these host their memmap." },
                              "memory_hotplug.memmap_on_memory=%s has no effect on %s memory: %s. Its memmap lies in other memory", word(doctor),
                              mhp_source_name(source), mhp_placement_remedy(source, MHP_REFUSAL_SOURCE_IGNORES));
}

/* The sizes of this machine speak against it. */
static int find_refused(struct ctl_doctor *doctor) {
        const struct mhp_memmaps *memmaps = &doctor->memmaps;
        const struct mhp_admission *admission = memmaps->self_hosting == MHP_SELF_HOSTING_FORCE ? &memmaps->force : &memmaps->self;

        if (admission->reason == MHP_REFUSAL_NONE)
                return 0;
        return ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_WARNING, .token = "memmap-refused", .evidence = parameter(doctor),
                              .remedy = memmaps->force.reason == MHP_REFUSAL_NONE
                                      ? "Boot with memory_hotplug.memmap_on_memory=force, if the pages it wastes do not matter."
                                      : "Boot without the parameter: it promises what this machine cannot do." },
                              "memory_hotplug.memmap_on_memory=%s has no effect: %s", word(doctor),
                              mhp_placement_remedy(MHP_SOURCE_ACPI, admission->reason));
}

static bool wants_self(const struct mhp_config *config) {
        bool wanted = config->placement == MHP_MEMMAP_SELF || config->placement == MHP_MEMMAP_FORCE;

        for (size_t i = 0; i < config->n_rules; i++)
                wanted = wanted || config->rules[i].placement == MHP_MEMMAP_SELF || config->rules[i].placement == MHP_MEMMAP_FORCE;
        return wanted;
}

static int find_unfulfilled(struct ctl_doctor *doctor) {
        if (!wants_self(&doctor->config))
                return 0;
        if (doctor->memmaps.self_hosting == MHP_SELF_HOSTING_ABSENT)
                return ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_WARNING, .token = "memmap-placement", .evidence = parameter(doctor),
                                      .remedy = "Use a kernel that was built with CONFIG_MHP_MEMMAP_ON_MEMORY, or Placement=dram." },
                                      "the configuration wants memmaps in the new memory (Placement=), which this kernel cannot do");
        return ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_WARNING, .token = "memmap-placement", .evidence = parameter(doctor),
                              .remedy = "Add memory_hotplug.memmap_on_memory=1 to the kernel's command line and boot again." },
                              "the configuration wants memmaps in the new memory (Placement=): %s",
                              mhp_placement_remedy(MHP_SOURCE_ACPI, MHP_REFUSAL_DISABLED));
}

/* A consequence, and what only this user or a device that has brought nothing yet makes uncertain, is not said. */
static bool is_cause(enum mhp_table_reason reason) {
        return reason == MHP_TABLE_REASON_SOURCE || reason == MHP_TABLE_REASON_SIZE || reason == MHP_TABLE_REASON_AUTO ||
               reason == MHP_TABLE_REASON_FULL;
}

/* A kernel that places by a table needs no boot parameter; the table has no words for some rules. */
static int find_unsaid(struct ctl_doctor *doctor) {
        _cleanup_memmap_table_ struct mhp_table table = {};
        int r = mhp_table_for(&doctor->root, doctor->map, &doctor->config, &table);

        for (size_t i = 0; i < doctor->config.n_rules && r >= 0; i++)
                if (is_cause(table.rule[i].reason))
                        r = ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_WARNING, .token = "memmap-table", .evidence = "/" NAME_MEMMAP_POLICY ": holds the table; `mhpctl policy`",
                                           .remedy = "Say it by Node=, or by Source= virtio-mem or dax; `mhpctl policy` shows what the kernel is told." },
                                           "the kernel cannot be told where [Rule %s] wants memmaps: %s", doctor->config.rules[i].name,
                                           mhp_table_reason_words(table.rule[i].reason));
        return r;
}

int ctl_doctor_memmap(struct ctl_doctor *doctor) {
        static const enum mhp_source sources[] = { MHP_SOURCE_VIRTIO_MEM, MHP_SOURCE_HYPERV, MHP_SOURCE_XEN, MHP_SOURCE_OTHER };
        int r;

        if (!doctor->memmaps_known)
                return 0;
        if (doctor->memmaps.by_table)
                return find_unsaid(doctor);
        if (!is_on(doctor))
                return find_unfulfilled(doctor);
        r = find_refused(doctor);
        for (size_t i = 0; i < ELEMENTSOF(sources) && r >= 0; i++)
                r = find_ignoring(doctor, sources[i]);
        return r;
}
