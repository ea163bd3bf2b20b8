/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Switches of the kernel that say something else than whoever relies on them thinks. */

#include <errno.h>
#include <string.h>

#include "ctl/doctor.h"
#include "edge/knobs.h"
#include "edge/names.h"
#include "edge/remover.h"
#include "edge/state-file.h"

/* Whoever changed it after mhpd: the kernel does what the knob says, and mhpd relies on it. */
static int find_changed(struct ctl_doctor *doctor) {
        struct mhp_arming wanted;
        int r = 0;

        if (!doctor->mhpd)
                return 0;
        mhp_arming_plan(&doctor->config, doctor->knobs.can_arm, &wanted);
        for (enum mhp_knob knob = 0; knob < _MHP_KNOB_MAX && r >= 0; knob++) {
                const char *now = doctor->knobs.value[knob];
                _cleanup_text_ struct mhp_text evidence = {};
                struct ctl_finding_kind kind = { .severity = CTL_ERROR, .token = "knob-changed", .remedy = "Find out who writes to it, then run `mhpctl reload`." };

                if (!*now || !*wanted.value[knob] || strcmp(now, wanted.value[knob]) == 0)
                        continue;
                ctl_doctor_quote(&evidence, mhp_knob_path(knob), now);
                kind.evidence = evidence.data;
                r = evidence.error < 0 ? evidence.error
                                       : ctl_doctor_add(doctor, &kind, "%s says %s, where mhpd sets %s: another program has changed it", mhp_knob_name(knob), now,
                                                        wanted.value[knob]);
        }
        return r;
}

/* A removal under way holds what it has to: mhpd takes that back when it ends. */
static bool is_mhpds(const struct ctl_doctor *doctor, const struct mhp_saved *saved, enum mhp_source source) {
        if (!doctor->mhpd)
                return false;
        return *saved->hold[source] || (doctor->daemon.map && doctor->daemon.map->n_removals > 0);
}

static int find_hold(struct ctl_doctor *doctor, const struct mhp_saved *saved, enum mhp_source source, const struct ctl_finding_kind *like, const char *words) {
        _cleanup_text_ struct mhp_text evidence = {};
        struct ctl_finding_kind kind = *like;
        char now[MHP_HOLD_VALUE_MAX];

        if (mhp_remover_read(&doctor->root, source, now) < 0 || strcmp(now, mhp_remover_held(source)) != 0 || is_mhpds(doctor, saved, source))
                return 0;
        if (*saved->hold[source])
                kind.remedy = "Start mhpd, which puts back what a mhpd before it has left: `systemctl start mhpd`.";
        ctl_doctor_quote(&evidence, mhp_remover_path(source), now);
        kind.evidence = evidence.data;
        return evidence.error < 0 ? evidence.error : ctl_doctor_add(doctor, &kind, "%s", words);
}

int ctl_doctor_switch(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind veto = { .severity = CTL_WARNING, .token = "ejects-vetoed",
                                                      .remedy = "If nobody means it, write 1 to /" NAME_ACPI_VETO "." };
        static const struct ctl_finding_kind held = { .severity = CTL_WARNING, .token = "unplug-held",
                                                      .remedy = "If nobody means it, write Y to /" NAME_VIRTIO_MEM_UNPLUG_ONLINE
                                                                ", and look for an option of that name in /etc/modprobe.d and on the kernel's command line." };
        _cleanup_saved_ struct mhp_saved saved = {};
        _cleanup_text_ struct mhp_text dir = {};
        int r = find_changed(doctor);

        mhp_text_printf(&dir, "%s" NAME_RUNTIME, doctor->ctl->sysroot ? doctor->ctl->sysroot : "");
        if (r < 0 || dir.error < 0)
                return r < 0 ? r : dir.error;
        if (mhp_state_file_load(dir.data, &saved) == -ENOMEM)
                return -ENOMEM;
        r = find_hold(doctor, &saved, MHP_SOURCE_ACPI, &veto, "every eject of a DIMM fails at once, and no removal of mhpd's is under way for which that would be");
        return r < 0 ? r
                     : find_hold(doctor, &saved, MHP_SOURCE_VIRTIO_MEM, &held,
                                 "virtio-mem devices give back nothing that is online, and no removal of mhpd's is under way for which that would be");
}
