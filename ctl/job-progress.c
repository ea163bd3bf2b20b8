/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "ctl/job.h"

const char *ctl_job_done_word(enum ctl_job_kind kind) {
        switch (kind) {
        case CTL_JOB_ONLINE:
                return "online";
        case CTL_JOB_OFFLINE:
                return "offline";
        case CTL_JOB_UNPLUG:
                return "unplugged";
        }
        return "done";
}

enum ctl_job_kind ctl_job_kind_of(const char *verb) {
        return strcmp(verb, "online") == 0 ? CTL_JOB_ONLINE : strcmp(verb, "unplug") == 0 ? CTL_JOB_UNPLUG : CTL_JOB_OFFLINE;
}

static int take_phase(struct ctl_progress *p, sd_bus_message *m) {
        const char *phase;
        int r = sd_bus_message_read(m, "v", "s", &phase);

        if (r < 0)
                return r;
        p->phase[0] = '\0';
        strncat(p->phase, phase, sizeof(p->phase) - 1);
        return 0;
}

static int take_property(struct ctl_progress *p, sd_bus_message *m, const char *name, uint64_t now) {
        uint64_t left;
        int r;

        if (strcmp(name, "Phase") == 0)
                return take_phase(p, m);
        if (strcmp(name, "Done") == 0)
                return sd_bus_message_read(m, "v", "t", &p->done);
        if (strcmp(name, "Failed") == 0)
                return sd_bus_message_read(m, "v", "t", &p->failed);
        if (strcmp(name, "Total") == 0)
                return sd_bus_message_read(m, "v", "t", &p->total);
        if (strcmp(name, "CurrentBlock") == 0)
                return sd_bus_message_read(m, "v", "u", &p->block);
        if (strcmp(name, "CurrentDeadline") != 0)
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_read(m, "v", "t", &left);
        if (r >= 0)
                p->deadline = mhp_add_sat(now, left);
        return r;
}

int ctl_progress_take(struct ctl_progress *p, sd_bus_message *m, uint64_t now) {
        const char *interface, *name;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0 || strcmp(interface, "org.mhpd1.Job") != 0)
                return r < 0 ? r : 0;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = take_property(p, m, name, now);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : 1;
}

/* What goes on, where it is not blocks that go off- or online one by one. */
static const char *phase_words(const char *phase) {
        static const struct {
                const char *phase, *words;
        } table[] = {
                { "count", "looking at what lies in the blocks" },
                { "choose", "choosing" },
                { "hold", "putting the device on hold" },
                { "release", "lifting the hold" },
                { "hand-over", "handing the device over" },
                { "leave", "waiting until it has gone" },
                { "restore", "going back" },
                { "lift", "lifting the hold" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(phase, table[i].phase) == 0)
                        return table[i].words;
        return NULL;
}

void ctl_progress_print(const struct ctl_progress *p, uint64_t now, struct mhp_text *text) {
        const char *words = phase_words(p->phase);
        char done[MHP_SIZE_MAX], total[MHP_SIZE_MAX];

        mhp_text_printf(text, "%" PRIu64 " of %" PRIu64 " blocks %s", p->done, p->total, p->kind == CTL_JOB_ONLINE ? "online" : "offline");
        if (p->failed > 0)
                mhp_text_printf(text, ", %" PRIu64 " failed", p->failed);
        if (p->block_size > 0 && p->total > 0)
                mhp_text_printf(text, ", %s of %s", mhp_format_size(done, mhp_mul_sat(p->done, p->block_size)),
                                mhp_format_size(total, mhp_mul_sat(p->total, p->block_size)));
        if (p->cancelled)
                mhp_text_add(text, "; cancelled");
        if (words)
                mhp_text_printf(text, "; %s", words);
        else if (p->block != MHP_NO_BLOCK)
                mhp_text_printf(text, "; block %" PRIu32 ", %" PRIu64 " s left for it", p->block,
                                p->deadline > now ? (p->deadline - now + USEC_PER_SEC - 1) / USEC_PER_SEC : 0);
}
