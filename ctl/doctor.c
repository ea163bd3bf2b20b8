/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl doctor`: what is wrong with the set-up of a machine. What is not certain is not said. */

#include "ctl/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ctl/words.h"
#include "edge/names.h"
#include "edge/rules.h"

static void doctor_done(struct ctl_doctor *doctor) {
        for (size_t i = 0; i < doctor->n; i++) {
                free(doctor->findings[i].blocks);
                free(doctor->findings[i].message);
        }
        free(doctor->findings);
        free(doctor->rule);
        mhp_memmap_done(&doctor->memmaps);
        mhp_text_done(&doctor->warnings);
        mhp_config_done(&doctor->config);
        mhp_map_free(doctor->map);
        mhp_root_done(&doctor->root);
}

int ctl_doctor_add(struct ctl_doctor *doctor, const char *token, const struct mhp_ranges *blocks, const char *remedy, const char *format, ...) {
        struct ctl_finding finding = { .token = token, .remedy = remedy };
        _cleanup_text_ struct mhp_text text = {};
        va_list args;
        int r;

        r = ARRAY_GROW(doctor->findings, doctor->n, doctor->capacity);
        if (r < 0)
                return r;
        if (blocks && blocks->n > 0) {
                mhp_ranges_print(blocks, &text);
                r = mhp_text_finish(&text, &finding.blocks);
                if (r < 0)
                        return r;
        }
        va_start(args, format);
        r = vasprintf(&finding.message, format, args);
        va_end(args);
        if (r < 0) {
                free(finding.blocks);
                return -ENOMEM;
        }
        doctor->findings[doctor->n++] = finding;
        return 0;
}

static int find_warnings(struct ctl_doctor *doctor) {
        const char *p = doctor->warnings.data;

        while (p && *p) {
                size_t len = strcspn(p, "\n");
                int r = ctl_doctor_add(doctor, "config", NULL, "Correct it, then run `mhpctl reload`.", "%.*s", (int) len, p);

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

        if (!doctor->rule || !(kernel || doctor->mhpd))
                return 0;
        return ctl_doctor_add(doctor, "two-hands", NULL,
                              "Take the rule away, hide it by an empty file of its name in /etc/udev/rules.d, or have it ask for ENV{MHPD_MANAGED}!=\"1\".",
                              "the udev rule at %s brings memory blocks online, and so does %s", doctor->rule,
                              doctor->mhpd ? "mhpd" : "the kernel (auto_online_blocks)");
}

static int find_nobody(struct ctl_doctor *doctor) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        int r;

        if (doctor->rule || doctor->mhpd || strcmp(doctor->knobs.value[MHP_KNOB_AUTO_ONLINE_BLOCKS], "offline") != 0)
                return 0;
        for (const struct mhp_block *b = mhp_map_at_or_after(doctor->map, 0); b; b = mhp_map_next_block(doctor->map, b)) {
                if (b->state != MHP_STATE_OFFLINE)
                        continue;
                r = mhp_ranges_add(&blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        if (blocks.n == 0)
                return 0;
        return ctl_doctor_add(doctor, "nobody-onlines", &blocks, "Start mhpd: `systemctl enable --now mhpd`.",
                              "blocks are offline, and nobody brings memory online: auto_online_blocks says offline, there is no udev rule for it, and "
                              "mhpd is not running");
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
        return ctl_doctor_add(doctor, "zone-none", &blocks, "Plug memory in multiples of the block size, at addresses that are such multiples.",
                              "hot-added blocks span zones, nodes or holes: they can never go offline, and so can never be unplugged");
}

static int gather(struct ctl_doctor *doctor) {
        _cleanup_rules_ struct mhp_rules_hits rules = {};
        struct ctl *ctl = doctor->ctl;
        int r;

        r = ctl_map_read(ctl, &doctor->map);
        if (r == CTL_DONE)
                r = ctl_config_read(ctl, &doctor->config, &doctor->warnings);
        if (r != CTL_DONE)
                return r;
        r = mhp_root_open(ctl_root(ctl), &doctor->root);
        if (r < 0)
                return r;
        ctl_knobs_read(ctl, &doctor->knobs);
        doctor->mhpd = mhp_root_exists(&doctor->root, &NAME_RUNTIME_MARK[1]);
        r = mhp_rules_find(&doctor->root, true, &rules);
        if (r < 0)
                return r;
        if (rules.n > 0)
                doctor->rule = TAKE(rules.hit[0].where);
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
        return r < 0 ? r : ctl_doctor_memmap(doctor);
}

static void print_json(struct mhp_text *out, const struct ctl_doctor *doctor) {
        mhp_text_add(out, "{\"findings\":[");
        for (size_t i = 0; i < doctor->n; i++) {
                const struct ctl_finding *f = &doctor->findings[i];

                ctl_json_string(out, i > 0 ? ",\n{" : "\n{", "kind", f->token);
                ctl_json_string(out, ",", "blocks", f->blocks);
                ctl_json_string(out, ",", "message", f->message);
                ctl_json_string(out, ",", "remedy", f->remedy);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "]}\n");
}

static void print_words(struct ctl *ctl, const struct ctl_doctor *doctor) {
        struct mhp_text *out = &ctl->out;

        if (doctor->n == 0)
                mhp_text_add(out, "nothing is wrong, as far as can be told\n");
        for (size_t i = 0; i < doctor->n; i++) {
                const struct ctl_finding *f = &doctor->findings[i];

                mhp_text_printf(out, "%s%s%s: ", ctl_color_on(ctl, CTL_WARN), f->token, ctl_color_off(ctl, CTL_WARN));
                if (f->blocks)
                        mhp_text_printf(out, "blocks %s: ", f->blocks);
                ctl_add_plain(out, f->message);
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
                return r;
        if (ctl_given(ctl, CTL_OPT_JSON))
                print_json(&ctl->out, &doctor);
        else
                print_words(ctl, &doctor);
        return doctor.n > 0 ? CTL_FAILED : CTL_DONE;
}
