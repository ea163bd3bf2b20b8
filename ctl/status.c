/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl status`: the machine on one screen. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "base/units.h"
#include "ctl/companion.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/issue.h"
#include "ctl/path.h"
#include "ctl/source.h"
#include "ctl/summary.h"
#include "ctl/table.h"
#include "ctl/words.h"

struct status {
        struct ctl_daemon daemon;
        struct mhp_map *scanned;   /* owned; when no daemon's map is there */
        const struct mhp_map *map; /* one of the two */
        struct mhp_config config;
        struct ctl_groups groups;
        struct ctl_issues issues;
        struct ctl_companion companion;
        bool memmap_known;
        uint64_t elsewhere, set_aside, waste; /* bytes: memmap in other memory, memory set aside for it, of that without any */
};

static void status_done(struct status *s) {
        ctl_groups_done(&s->groups);
        ctl_companion_done(&s->companion);
        ctl_issues_done(&s->issues);
        mhp_config_done(&s->config);
        mhp_map_free(s->scanned);
        ctl_daemon_done(&s->daemon);
}

/* Movable memory in percent of kernel memory; -1: there is none of that. */
static int64_t ratio(const struct mhp_sums *sums) {
        if (sums->n_placed_kernel == 0)
                return -1;
        return (int64_t) ((uint64_t) sums->n_placed_movable * 100 / sums->n_placed_kernel);
}

/* What the memmap of all blocks costs, and where. Not known of another machine. */
static int read_memmap(struct ctl *ctl, struct status *s) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        struct mhp_block_memmap one;
        int r;

        if (ctl_given(ctl, CTL_OPT_HOST))
                return 0;
        r = ctl_memmaps_open(ctl, s->map, &memmaps);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (const struct mhp_block *b = mhp_map_at_or_after(s->map, 0); b; b = mhp_map_next_block(s->map, b)) {
                mhp_memmap_look(&memmaps, s->map, b, &one);
                s->elsewhere += one.placement == MHP_PLACEMENT_DRAM ? one.pages * memmaps.geometry.page_size : 0;
                s->set_aside += one.set_aside * memmaps.geometry.page_size;
                s->waste += one.waste * memmaps.geometry.page_size;
        }
        s->memmap_known = true;
        return 0;
}

static int read_status(struct ctl *ctl, struct status *s) {
        _cleanup_text_ struct mhp_text warnings = {};
        int r;

        mhp_config_init(&s->config);
        r = ctl_daemon_ask(ctl, &s->daemon);
        if (r == CTL_DONE && !s->daemon.running)
                r = ctl_map_read(ctl, &s->scanned);
        if (r != CTL_DONE)
                return r;
        s->map = s->daemon.running ? s->daemon.map : s->scanned;

        r = s->daemon.running ? ctl_daemon_config(ctl, &s->daemon, &s->config) : ctl_config_read(ctl, &s->config, &warnings);
        if (r != CTL_DONE)
                return r;
        if (warnings.error < 0)
                return warnings.error;
        r = ctl_groups_gather(s->map, &s->groups);
        if (r >= 0)
                r = read_memmap(ctl, s);
        if (r >= 0)
                r = ctl_companion_read(ctl, &s->companion);
        if (r < 0)
                return r;
        return ctl_issues_gather(&s->daemon, s->map, warnings.data ? warnings.data : "", &s->issues);
}

static void add_amount(struct ctl *ctl, const struct status *s, const char *what, uint32_t blocks) {
        mhp_text_printf(&ctl->out, "%s%" PRIu32 " (", what, blocks);
        ctl_add_size(ctl, &ctl->out, mhp_mul_sat(blocks, s->map->block_size));
        mhp_text_add(&ctl->out, ")");
}

static void print_daemon(struct ctl *ctl, const struct status *s) {
        const struct ctl_daemon *d = &s->daemon;
        enum ctl_color color = d->running ? CTL_GOOD : CTL_WARN;

        mhp_text_printf(&ctl->out, "%s%s%s", ctl_color_on(ctl, color), d->running ? "mhpd is running" : d->absence, ctl_color_off(ctl, color));
        if (d->running) {
                mhp_text_add(&ctl->out, ", version ");
                ctl_add_plain(&ctl->out, d->version);
                mhp_text_add(&ctl->out, "\nonline   by ");
                ctl_add_plain(&ctl->out, d->path);
                mhp_text_add(&ctl->out, ": ");
                ctl_add_plain(&ctl->out, ctl_path_reason_words(d->path_reason));
        }
        mhp_text_add(&ctl->out, "\n");
}

static void print_blocks(struct ctl *ctl, const struct status *s) {
        const struct mhp_sums *total = &s->map->total;
        struct mhp_text *out = &ctl->out;
        int64_t percent = ratio(total);

        add_amount(ctl, s, "blocks   ", total->n_blocks);
        mhp_text_add(out, " of ");
        ctl_add_size(ctl, out, s->map->block_size);
        add_amount(ctl, s, ": online ", total->n_online);
        add_amount(ctl, s, ", offline ", total->n_offline);
        add_amount(ctl, s, "\nzones    movable ", total->n_placed_movable);
        add_amount(ctl, s, ", kernel ", total->n_placed_kernel);
        if (percent >= 0)
                mhp_text_printf(out, ": ratio %" PRIi64 " %%", percent);
        if (s->config.zone == MHP_WANT_AUTO)
                mhp_text_printf(out, "%s limit %u %%", percent >= 0 ? "," : ":", s->config.movable_ratio);
        mhp_text_add(out, "\n");
        if (s->memmap_known) {
                mhp_text_add(out, "memmap   ");
                ctl_add_size(ctl, out, s->elsewhere);
                mhp_text_add(out, " in other memory, ");
                ctl_add_size(ctl, out, s->set_aside);
                mhp_text_add(out, " set aside in the blocks, of that ");
                ctl_add_size(ctl, out, s->waste);
                mhp_text_add(out, " wasted\n");
        }
        if (s->daemon.running && s->daemon.pending > 0)
                mhp_text_printf(out, "pending  %" PRIu64 " block%s\n", s->daemon.pending, s->daemon.pending == 1 ? "" : "s");
        else if (s->daemon.running)
                mhp_text_add(out, "pending  nothing\n");
}

/* `job 3    unplug of acpi:PNP0C80:00: offline, 3 of 8 blocks, for 12 s` */
static void print_jobs(struct ctl *ctl, const struct ctl_daemon *d) {
        uint64_t now = (uint64_t) time(NULL);

        for (size_t i = 0; i < d->n_jobs; i++) {
                const struct ctl_job *job = &d->jobs[i];
                uint64_t since = job->since / USEC_PER_SEC;

                mhp_text_printf(&ctl->out, "job %-5" PRIu32, job->id);
                ctl_add_plain(&ctl->out, job->verb);
                mhp_text_add(&ctl->out, " of ");
                ctl_add_plain(&ctl->out, job->target);
                if (strcmp(job->phase, job->verb) != 0) {
                        mhp_text_add(&ctl->out, ": ");
                        ctl_add_plain(&ctl->out, job->phase);
                }
                mhp_text_printf(&ctl->out, ", %" PRIu64 " of %" PRIu64 " block%s, for %" PRIu64 " s\n", job->done, job->total,
                                job->total == 1 ? "" : "s", now > since ? now - since : 0);
        }
}

/* Problems without an errno are work that goes well so far. */
static void print_work(struct ctl *ctl, const struct ctl_daemon *d) {
        for (size_t i = 0; i < d->n_problems; i++) {
                if (d->problems[i].error != 0)
                        continue;
                mhp_text_printf(&ctl->out, "         %s %.120s ", d->problems[i].verb, d->problems[i].blocks);
                ctl_add_plain(&ctl->out, d->problems[i].message);
                mhp_text_add(&ctl->out, "\n");
        }
}

static int print_nodes(struct ctl *ctl, const struct status *s) {
        static const struct ctl_column columns[] = {
                { "NODE", false }, { "SIZE", true }, { "ONLINE", true }, { "MOVABLE", true }, { "KERNEL", true }, { "OFFLINE", true }, { "RATIO", true },
        };
        _cleanup_table_ struct ctl_table table = {};
        uint64_t size = s->map->block_size;
        char text[32];
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), "NODE,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,RATIO");
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < s->map->n_nodes; i++) {
                const struct mhp_sums *sums = &s->map->nodes[i];

                if (sums->n_blocks == 0)
                        continue;
                snprintf(text, sizeof(text), "%zd", (ssize_t) i - 1);
                ctl_table_cell(&table, i == 0 ? "unknown" : text, CTL_PLAIN);
                ctl_table_size(ctl, &table, mhp_mul_sat(sums->n_blocks, size));
                ctl_table_size(ctl, &table, mhp_mul_sat(sums->n_online, size));
                ctl_table_size(ctl, &table, mhp_mul_sat(sums->n_placed_movable, size));
                ctl_table_size(ctl, &table, mhp_mul_sat(sums->n_placed_kernel, size));
                ctl_table_size(ctl, &table, mhp_mul_sat(sums->n_offline, size));
                snprintf(text, sizeof(text), "%" PRIi64 " %%", ratio(sums));
                ctl_table_cell(&table, ratio(sums) < 0 ? "-" : text, CTL_PLAIN);
        }
        mhp_text_add(&ctl->out, "\n");
        return ctl_table_print(ctl, &table, "");
}

static int print_text(struct ctl *ctl, const struct status *s) {
        int r;

        print_daemon(ctl, s);
        print_blocks(ctl, s);
        ctl_companion_print(ctl, &s->companion);
        print_work(ctl, &s->daemon);
        print_jobs(ctl, &s->daemon);
        r = print_nodes(ctl, s);
        if (r != CTL_DONE)
                return r;
        mhp_text_add(&ctl->out, "\n");
        r = ctl_groups_table(ctl, s->map, &s->groups, "NAME,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,NODE,STATE", "");
        if (r != CTL_DONE)
                return r;
        ctl_issues_print(ctl, &s->issues);
        ctl_fit(ctl);
        return CTL_DONE;
}

static void json_ratio(struct mhp_text *out, const struct mhp_sums *sums) {
        if (ratio(sums) < 0)
                mhp_text_add(out, ",\"ratio_percent\":null");
        else
                mhp_text_printf(out, ",\"ratio_percent\":%" PRIi64, ratio(sums));
}

static void json_daemon(struct mhp_text *out, const struct ctl_daemon *d) {
        if (!d->running) {
                mhp_text_add(out, "{\"daemon\":null");
                return;
        }
        ctl_json_string(out, "{\"daemon\":{", "version", d->version);
        ctl_json_string(out, ",", "path", d->path);
        ctl_json_string(out, ",", "path_reason", d->path_reason);
        ctl_json_u64(out, ",", "gave_up", d->gave_up);
        ctl_json_u64(out, ",", "rescans", d->rescans);
        ctl_json_u64(out, ",", "worker_kills", d->worker_kills);
        ctl_json_u64(out, ",", "longest_round_usec", d->longest_round);
        ctl_json_u64(out, ",", "longest_round_processor_usec", d->longest_round_processor);
        mhp_text_add(out, ",\"config_warnings\":[");
        for (size_t i = 0; i < d->n_warnings; i++) {
                mhp_text_add(out, i > 0 ? "," : "");
                mhp_text_json(out, d->warnings[i]);
        }
        mhp_text_add(out, "]}");
}

static void json_nodes(struct mhp_text *out, const struct mhp_map *map) {
        const char *start = "\n{";

        mhp_text_add(out, ",\n\"nodes\":[");
        for (size_t i = 0; i < map->n_nodes; i++) {
                const struct mhp_sums *sums = &map->nodes[i];

                if (sums->n_blocks == 0)
                        continue;
                ctl_json_node(out, start, (int) i - 1);
                ctl_json_u64(out, ",", "size", mhp_mul_sat(sums->n_blocks, map->block_size));
                ctl_json_u64(out, ",", "online", mhp_mul_sat(sums->n_online, map->block_size));
                ctl_json_u64(out, ",", "movable", mhp_mul_sat(sums->n_placed_movable, map->block_size));
                ctl_json_u64(out, ",", "kernel", mhp_mul_sat(sums->n_placed_kernel, map->block_size));
                ctl_json_u64(out, ",", "offline", mhp_mul_sat(sums->n_offline, map->block_size));
                json_ratio(out, sums);
                mhp_text_add(out, "}");
                start = ",\n{";
        }
        mhp_text_add(out, "]");
}

static void json_jobs(struct mhp_text *out, const struct ctl_daemon *d) {
        mhp_text_add(out, ",\n\"jobs\":[");
        for (size_t i = 0; i < d->n_jobs; i++) {
                ctl_json_u64(out, i > 0 ? ",\n{" : "\n{", "job", d->jobs[i].id);
                ctl_json_string(out, ",", "verb", d->jobs[i].verb);
                ctl_json_string(out, ",", "target", d->jobs[i].target);
                ctl_json_string(out, ",", "phase", d->jobs[i].phase);
                ctl_json_u64(out, ",", "done", d->jobs[i].done);
                ctl_json_u64(out, ",", "total", d->jobs[i].total);
                ctl_json_u64(out, ",", "since_usec", d->jobs[i].since);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "]");
}

static void print_json(struct ctl *ctl, const struct status *s) {
        const struct mhp_sums *total = &s->map->total;
        struct mhp_text *out = &ctl->out;

        json_daemon(out, &s->daemon);
        ctl_json_u64(out, ",\n", "block_size", s->map->block_size);
        ctl_json_u64(out, ",\n\"blocks\":{", "total", total->n_blocks);
        ctl_json_u64(out, ",", "online", total->n_online);
        ctl_json_u64(out, ",", "offline", total->n_offline);
        ctl_json_u64(out, ",", "movable", total->n_placed_movable);
        ctl_json_u64(out, ",", "kernel", total->n_placed_kernel);
        mhp_text_add(out, "}");
        json_ratio(out, total);
        ctl_json_u64(out, ",", "ratio_limit_percent", s->config.movable_ratio);
        if (s->memmap_known) {
                ctl_json_u64(out, ",\n\"memmap\":{", "elsewhere", s->elsewhere);
                ctl_json_u64(out, ",", "set_aside", s->set_aside);
                ctl_json_u64(out, ",", "waste", s->waste);
                mhp_text_add(out, "}");
        } else {
                mhp_text_add(out, ",\n\"memmap\":null");
        }
        ctl_companion_json(out, &s->companion);
        json_nodes(out, s->map);
        mhp_text_add(out, ",\n\"groups\":");
        ctl_groups_json(out, s->map, &s->groups);
        if (s->daemon.running)
                ctl_json_u64(out, ",\n", "pending", s->daemon.pending);
        else
                mhp_text_add(out, ",\n\"pending\":null");
        json_jobs(out, &s->daemon);
        mhp_text_add(out, ",\n\"problems\":");
        ctl_issues_json(out, &s->issues);
        mhp_text_add(out, "}\n");
}

int verb_status(struct ctl *ctl) {
        _cleanup_(status_done) struct status status = {};
        int r;

        r = read_status(ctl, &status);
        if (r != CTL_DONE)
                return r;
        if (ctl_given(ctl, CTL_OPT_JSON))
                print_json(ctl, &status);
        else
                r = print_text(ctl, &status);
        return r == CTL_DONE && !status.daemon.running && !ctl->sysroot ? CTL_ABSENT : r;
}
