/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl doctor`: what is wrong with the set-up of a machine. What is not certain is not said. */

#include "ctl/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ctl/json.h"
#include "edge/names.h"

static void doctor_done(struct ctl_doctor *doctor) {
        for (size_t i = 0; i < doctor->n; i++) {
                free(doctor->findings[i].blocks);
                free(doctor->findings[i].message);
                free(doctor->findings[i].evidence);
        }
        free(doctor->findings);
        mhp_rules_done(&doctor->rules);
        mhp_rules_done(&doctor->without);
        ctl_daemon_done(&doctor->daemon);
        mhp_memmap_done(&doctor->memmaps);
        mhp_text_done(&doctor->warnings);
        mhp_config_done(&doctor->config);
        mhp_map_free(doctor->map);
        mhp_root_done(&doctor->root);
}

static int find_warnings(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "config", .remedy = "Correct it, then run `mhpctl reload`." };
        const char *p = doctor->warnings.data;

        while (p && *p) {
                struct ctl_finding_kind this = kind;
                _cleanup_free_ char *line = strndup(p, strcspn(p, "\n"));
                size_t len = line ? strlen(line) : 0;
                int r;

                this.evidence = line;
                r = line ? ctl_doctor_add(doctor, &this, "%s", line) : -ENOMEM;
                if (r < 0)
                        return r;
                p += len + (p[len] == '\n');
        }
        return 0;
}

/* Who writes first decides the zone, and that is another one every time. */
static int find_two_hands(struct ctl_doctor *doctor) {
        const char *knob = doctor->knobs.value[MHP_KNOB_AUTO_ONLINE_BLOCKS];
        bool kernel = *knob && strcmp(knob, "offline") != 0;
        int r = 0;

        if (!kernel && !doctor->mhpd)
                return 0;
        for (size_t i = 0; i < doctor->rules.n && r >= 0; i++) {
                const struct mhp_rules_hit *hit = &doctor->rules.hit[i];
                _cleanup_text_ struct mhp_text evidence = {};
                struct ctl_finding_kind kind = {
                        .severity = hit->certain ? CTL_ERROR : CTL_WARNING,
                        .token = "two-hands",
                        .remedy = "Take the rule away, hide it by an empty file of its name in /etc/udev/rules.d, or have it ask for ENV{MHPD_MANAGED}!=\"1\".",
                };

                mhp_text_printf(&evidence, "%s: %s", hit->where, hit->says);
                kind.evidence = evidence.data;
                r = evidence.error < 0 ? evidence.error
                                       : ctl_doctor_add(doctor, &kind, "the udev rule at %s %s memory blocks online, and so does %s", hit->where,
                                                        hit->certain ? "brings" : "may bring", doctor->mhpd ? "mhpd" : "the kernel (auto_online_blocks)");
        }
        return r;
}

static int offline_blocks(const struct ctl_doctor *doctor, struct mhp_ranges *ret) {
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(doctor->map, 0); b && r >= 0; b = mhp_map_next_block(doctor->map, b))
                if (b->state == MHP_STATE_OFFLINE)
                        r = mhp_ranges_add(ret, b->nr, b->nr);
        return r;
}

static int find_nobody(struct ctl_doctor *doctor) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        const struct ctl_finding_kind kind = { .severity = CTL_ERROR, .token = "nobody-onlines", .blocks = &blocks,
                                               .evidence = "/" NAME_AUTO_ONLINE_BLOCKS ": offline",
                                               .remedy = "Start mhpd: `systemctl enable --now mhpd`." };
        int r;

        if (doctor->without.n > 0 || doctor->mhpd || strcmp(doctor->knobs.value[MHP_KNOB_AUTO_ONLINE_BLOCKS], "offline") != 0)
                return 0;
        r = offline_blocks(doctor, &blocks);
        if (r < 0 || blocks.n == 0)
                return r;
        return ctl_doctor_add(doctor, &kind, "blocks are offline, and nobody brings memory online: auto_online_blocks says offline, there is no udev rule for "
                              "it, and mhpd is not running");
}

/* Boot memory is often so, and nobody would take it away. */
static int find_zone_none(struct ctl_doctor *doctor) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(doctor->map, 0); b; b = mhp_map_next_block(doctor->map, b)) {
                const struct mhp_group *group = mhp_map_group(doctor->map, b);

                if (b->zone != MHP_ZONE_NONE || !group || group->source == MHP_SOURCE_BOOT || group->source == MHP_SOURCE_UNKNOWN)
                        continue;
                r = mhp_ranges_add(&blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        if (blocks.n == 0)
                return 0;
        return ctl_doctor_add(doctor, &(struct ctl_finding_kind) { .severity = CTL_WARNING, .token = "zone-none", .blocks = &blocks,
                                                                   .evidence = "valid_zones of these blocks: none",
                                                                   .remedy = "Plug memory in multiples of the block size, at addresses that are such multiples." },
                              "hot-added blocks span zones, nodes or holes: they can never go offline, and so can never be unplugged");
}

/* What the daemon has in force counts, not what the files have said since. */
static int ask_daemon(struct ctl_doctor *doctor) {
        const char *text;
        int r = ctl_daemon_ask(doctor->ctl, &doctor->daemon);

        doctor->mhpd = doctor->daemon.running || mhp_root_exists(&doctor->root, &NAME_RUNTIME_MARK[1]);
        if (r != CTL_DONE || !doctor->daemon.running)
                return r;
        r = sd_bus_message_read(doctor->daemon.answer[CTL_QUESTION_CONFIG], "s", &text);
        return r < 0 ? r : ctl_config_parse(doctor->ctl, text, &doctor->config);
}

static int gather(struct ctl_doctor *doctor) {
        struct ctl *ctl = doctor->ctl;
        int r;

        r = ctl_map_read(ctl, &doctor->map);
        if (r == CTL_DONE)
                r = ctl_config_read(ctl, &doctor->config, &doctor->warnings);
        if (r != CTL_DONE)
                return r;
        r = mhp_root_open(ctl_root(ctl), &doctor->root);
        if (r >= 0)
                r = ask_daemon(doctor);
        if (r != CTL_DONE)
                return r;
        ctl_knobs_read(ctl, &doctor->knobs);
        r = mhp_rules_find(&doctor->root, true, &doctor->rules);
        if (r >= 0)
                r = mhp_rules_find(&doctor->root, false, &doctor->without);
        if (r < 0)
                return r;
        r = mhp_memmap_open(&doctor->root, doctor->map->block_size, &doctor->memmaps);
        doctor->memmaps_known = r >= 0;
        return r == -ENOMEM ? r : CTL_DONE;
}

static int find_all(struct ctl_doctor *doctor) {
        int r = find_warnings(doctor);

        if (r >= 0)
                r = find_two_hands(doctor);
        if (r >= 0)
                r = find_nobody(doctor);
        if (r >= 0)
                r = find_zone_none(doctor);
        if (r >= 0)
                r = ctl_doctor_dimm(doctor);
        if (r >= 0)
                r = ctl_doctor_memmap(doctor);
        if (r >= 0)
                r = ctl_doctor_switch(doctor);
        if (r >= 0)
                r = ctl_doctor_kernel(doctor);
        if (r >= 0)
                r = ctl_doctor_memory(doctor);
        if (r >= 0)
                r = ctl_doctor_service(doctor);
        return r < 0 ? r : CTL_DONE;
}

static const char *const severities[_CTL_SEVERITY_MAX] = {
        [CTL_NOTE] = "note",
        [CTL_WARNING] = "warning",
        [CTL_ERROR] = "error",
};

static void print_json(struct ctl *ctl, const struct ctl_doctor *doctor) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_stream(&json, "findings", json_type_array);
        for (size_t i = 0; i < doctor->n; i++) {
                const struct ctl_finding *f = &doctor->findings[i];

                ctl_json_open(&json, NULL, json_type_object);
                ctl_json_string(&json, "kind", f->token);
                ctl_json_string(&json, "severity", severities[f->severity]);
                ctl_json_string(&json, "blocks", f->blocks);
                ctl_json_string(&json, "message", f->message);
                ctl_json_string(&json, "evidence", f->evidence);
                ctl_json_string(&json, "remedy", f->remedy);
                ctl_json_close(&json);
        }
        ctl_json_close(&json);
        ctl_json_close(&json);
}

static void print_words(struct ctl *ctl, const struct ctl_doctor *doctor) {
        struct mhp_text *out = &ctl->out;

        if (doctor->n == 0)
                mhp_text_add(out, "nothing is wrong, as far as can be told\n");
        for (size_t i = 0; i < doctor->n; i++) {
                const struct ctl_finding *f = &doctor->findings[i];

                enum ctl_color color = f->severity == CTL_ERROR ? CTL_BAD : f->severity == CTL_WARNING ? CTL_WARN : CTL_BOLD;

                mhp_text_printf(out, "%s%s%s: %s: ", ctl_color_on(ctl, color), severities[f->severity], ctl_color_off(ctl, color), f->token);
                if (f->blocks)
                        mhp_text_printf(out, "blocks %s: ", f->blocks);
                ctl_add_plain(out, f->message);
                mhp_text_add(out, "\n    ");
                ctl_add_plain(out, f->evidence);
                mhp_text_printf(out, "\n    %s\n", f->remedy);
        }
}

int verb_doctor(struct ctl *ctl) {
        _cleanup_(doctor_done) struct ctl_doctor doctor = { .ctl = ctl, .root = MHP_ROOT_NONE, .memmaps = MHP_MEMMAPS_NONE };
        int r;

        r = gather(&doctor);
        if (r == CTL_DONE)
                r = find_all(&doctor);
        if (r != CTL_DONE)
                return r == CTL_FAILED ? CTL_USAGE : r; /* 1 is for findings */
        if (ctl_given(ctl, CTL_OPT_JSON))
                print_json(ctl, &doctor);
        else
                print_words(ctl, &doctor);
        return doctor.n > 0 ? CTL_FAILED : CTL_DONE;
}
