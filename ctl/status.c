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
#include "ctl/rows.h"
#include "ctl/source.h"
#include "ctl/summary.h"

#define GROUP_COLUMNS "NAME,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,NODE,STATE"

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

enum column { NODE, SIZE, ONLINE, MOVABLE, KERNEL, OFFLINE, RATIO };

static const struct ctl_column columns[] = {
        [NODE] = { .name = "NODE", .key = "node" },
        [SIZE] = { .name = "SIZE", .key = "size", .flags = SCOLS_FL_RIGHT },
        [ONLINE] = { .name = "ONLINE", .key = "online", .flags = SCOLS_FL_RIGHT },
        [MOVABLE] = { .name = "MOVABLE", .key = "movable", .flags = SCOLS_FL_RIGHT },
        [KERNEL] = { .name = "KERNEL", .key = "kernel", .flags = SCOLS_FL_RIGHT },
        [OFFLINE] = { .name = "OFFLINE", .key = "offline", .flags = SCOLS_FL_RIGHT },
        [RATIO] = { .name = "RATIO", .key = "ratio_percent", .flags = SCOLS_FL_RIGHT },
};

static const struct ctl_shape nodes_shape = { columns, ELEMENTSOF(columns), "NODE,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,RATIO", NULL, 0 };

static void ratio_cell(struct ctl_rows *rows, const struct mhp_sums *sums) {
        int64_t percent = ratio(sums);
        char text[32];

        if (percent < 0) {
                ctl_cell_none(rows, "-");
                return;
        }
        (void) snprintf(text, sizeof(text), "%" PRIi64 " %%", percent);
        ctl_cell_u64_as(rows, (uint64_t) percent, text);
}

static void node_cell(struct ctl_rows *rows, const struct mhp_map *map, size_t i, enum column column) {
        const struct mhp_sums *sums = &map->nodes[i];

        switch (column) {
        case NODE:
                ctl_cell_node(rows, (int) i - 1);
                break;
        case SIZE:
                ctl_cell_size(rows, mhp_mul_sat(sums->n_blocks, map->block_size));
                break;
        case ONLINE:
                ctl_cell_size(rows, mhp_mul_sat(sums->n_online, map->block_size));
                break;
        case MOVABLE:
                ctl_cell_size(rows, mhp_mul_sat(sums->n_placed_movable, map->block_size));
                break;
        case KERNEL:
                ctl_cell_size(rows, mhp_mul_sat(sums->n_placed_kernel, map->block_size));
                break;
        case OFFLINE:
                ctl_cell_size(rows, mhp_mul_sat(sums->n_offline, map->block_size));
                break;
        case RATIO:
                ratio_cell(rows, sums);
                break;
        }
}

/* As a table, or as elements of the array that is open. */
static int print_nodes(struct ctl *ctl, const struct mhp_map *map, struct ctl_json *json) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, &nodes_shape, json);

        for (size_t i = 0; i < map->n_nodes && r == CTL_DONE; i++) {
                if (map->nodes[i].n_blocks == 0)
                        continue;
                for (size_t column; ctl_rows_next(&rows, &column);)
                        node_cell(&rows, map, i, (enum column) column);
        }
        return r == CTL_DONE ? ctl_rows_print(&rows) : r;
}

static int print_text(struct ctl *ctl, const struct status *s) {
        int r;

        print_daemon(ctl, s);
        print_blocks(ctl, s);
        ctl_companion_print(ctl, &s->companion);
        print_work(ctl, &s->daemon);
        print_jobs(ctl, &s->daemon);
        mhp_text_add(&ctl->out, "\n");
        r = print_nodes(ctl, s->map, NULL);
        if (r != CTL_DONE)
                return r;
        mhp_text_add(&ctl->out, "\n");
        r = ctl_groups_print(ctl, s->map, &s->groups, GROUP_COLUMNS, NULL);
        if (r != CTL_DONE)
                return r;
        ctl_issues_print(ctl, &s->issues);
        ctl_fit(ctl);
        return CTL_DONE;
}

static void json_ratio(struct ctl_json *json, const struct mhp_sums *sums) {
        ctl_json_known_u64(json, "ratio_percent", ratio(sums) >= 0, (uint64_t) ratio(sums));
}

static void json_daemon(struct ctl_json *json, const struct ctl_daemon *d) {
        if (!d->running) {
                ctl_json_null(json, "daemon");
                return;
        }
        ctl_json_open(json, "daemon", json_type_object);
        ctl_json_string(json, "version", d->version);
        ctl_json_string(json, "path", d->path);
        ctl_json_string(json, "path_reason", d->path_reason);
        ctl_json_u64(json, "gave_up", d->gave_up);
        ctl_json_u64(json, "rescans", d->rescans);
        ctl_json_u64(json, "worker_kills", d->worker_kills);
        ctl_json_u64(json, "longest_round_usec", d->longest_round);
        ctl_json_u64(json, "longest_round_processor_usec", d->longest_round_processor);
        ctl_json_open(json, "config_warnings", json_type_array);
        for (size_t i = 0; i < d->n_warnings; i++)
                ctl_json_string(json, NULL, d->warnings[i]);
        ctl_json_close(json);
        ctl_json_close(json);
}

static void json_blocks(struct ctl_json *json, const struct mhp_sums *total) {
        ctl_json_open(json, "blocks", json_type_object);
        ctl_json_u64(json, "total", total->n_blocks);
        ctl_json_u64(json, "online", total->n_online);
        ctl_json_u64(json, "offline", total->n_offline);
        ctl_json_u64(json, "movable", total->n_placed_movable);
        ctl_json_u64(json, "kernel", total->n_placed_kernel);
        ctl_json_close(json);
}

static void json_memmap(struct ctl_json *json, const struct status *s) {
        if (!s->memmap_known) {
                ctl_json_null(json, "memmap");
                return;
        }
        ctl_json_open(json, "memmap", json_type_object);
        ctl_json_u64(json, "elsewhere", s->elsewhere);
        ctl_json_u64(json, "set_aside", s->set_aside);
        ctl_json_u64(json, "waste", s->waste);
        ctl_json_close(json);
}

static void json_jobs(struct ctl_json *json, const struct ctl_daemon *d) {
        ctl_json_stream(json, "jobs", json_type_array);
        for (size_t i = 0; i < d->n_jobs; i++) {
                ctl_json_open(json, NULL, json_type_object);
                ctl_json_u64(json, "job", d->jobs[i].id);
                ctl_json_string(json, "verb", d->jobs[i].verb);
                ctl_json_string(json, "target", d->jobs[i].target);
                ctl_json_string(json, "phase", d->jobs[i].phase);
                ctl_json_u64(json, "done", d->jobs[i].done);
                ctl_json_u64(json, "total", d->jobs[i].total);
                ctl_json_u64(json, "since_usec", d->jobs[i].since);
                ctl_json_close(json);
        }
        ctl_json_close(json);
}

static int print_json(struct ctl *ctl, const struct status *s) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        json_daemon(&json, &s->daemon);
        ctl_json_u64(&json, "block_size", s->map->block_size);
        json_blocks(&json, &s->map->total);
        json_ratio(&json, &s->map->total);
        ctl_json_u64(&json, "ratio_limit_percent", s->config.movable_ratio);
        json_memmap(&json, s);
        ctl_companion_json(&json, &s->companion);
        ctl_json_stream(&json, "nodes", json_type_array);
        r = print_nodes(ctl, s->map, &json);
        ctl_json_close(&json);
        ctl_json_stream(&json, "groups", json_type_array);
        if (r == CTL_DONE)
                r = ctl_groups_print(ctl, s->map, &s->groups, GROUP_COLUMNS, &json);
        ctl_json_close(&json);
        ctl_json_known_u64(&json, "pending", s->daemon.running, s->daemon.pending);
        json_jobs(&json, &s->daemon);
        ctl_issues_json(&json, "problems", &s->issues);
        ctl_json_close(&json);
        return r;
}

int verb_status(struct ctl *ctl) {
        _cleanup_(status_done) struct status status = {};
        int r;

        r = read_status(ctl, &status);
        if (r != CTL_DONE)
                return r;
        r = ctl_given(ctl, CTL_OPT_JSON) ? print_json(ctl, &status) : print_text(ctl, &status);
        return r == CTL_DONE && !status.daemon.running && !ctl->sysroot ? CTL_ABSENT : r;
}
