/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/issue.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"

void ctl_issues_done(struct ctl_issues *issues) {
        for (size_t i = 0; i < issues->n; i++) {
                free(issues->issue[i].blocks);
                free(issues->issue[i].message);
        }
        free(issues->issue);
        *issues = (struct ctl_issues) {};
}

/* Takes over the message; blocks may be NULL. */
static int add(struct ctl_issues *issues, const struct ctl_issue *like, const struct mhp_ranges *blocks, struct mhp_text *message) {
        _cleanup_text_ struct mhp_text range = {};
        struct ctl_issue issue = *like;
        int r;

        r = ARRAY_GROW(issues->issue, issues->n, issues->capacity);
        if (r < 0)
                return r;
        if (blocks) {
                mhp_ranges_print(blocks, &range);
                r = mhp_text_finish(&range, &issue.blocks);
                if (r < 0)
                        return r;
        }
        r = mhp_text_finish(message, &issue.message);
        if (r < 0) {
                free(issue.blocks);
                return r;
        }
        issues->issue[issues->n++] = issue;
        return 0;
}

static int add_problem(struct ctl_issues *issues, const struct mhp_map *map, const struct ctl_problem *problem) {
        struct ctl_issue like = {
                .kind = "retrying",
                .verb = *problem->verb ? problem->verb : NULL,
                .attempts = problem->attempts,
                .error = problem->error,
        };
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        _cleanup_text_ struct mhp_text message = {};
        int r;

        r = mhp_ranges_parse(problem->blocks, &blocks);
        if (r == -ENOMEM)
                return r;
        if (r == 0) {
                const struct mhp_block *first = mhp_map_find(map, blocks.range[0].first);

                if (first && first->flags & MHP_BLOCK_GAVE_UP)
                        like.kind = "gave-up";
        }
        mhp_text_add(&message, problem->message);
        return add(issues, &like, r == 0 ? &blocks : NULL, &message);
}

static int add_count(struct ctl_issues *issues, const char *kind, uint64_t n, const char *what) {
        _cleanup_text_ struct mhp_text message = {};

        if (n == 0)
                return 0;
        mhp_text_printf(&message, "%s %" PRIu64 " time%s", what, n, n == 1 ? "" : "s");
        return add(issues, &(struct ctl_issue) { .kind = kind }, NULL, &message);
}

static int add_warning(struct ctl_issues *issues, const char *warning, size_t len) {
        _cleanup_text_ struct mhp_text message = {};

        mhp_text_add_n(&message, warning, len);
        return add(issues, &(struct ctl_issue) { .kind = "config" }, NULL, &message);
}

static bool is_accepted(const struct mhp_block *b) {
        return b->reason == MHP_REASON_ACCEPTED && b->state == MHP_STATE_ONLINE;
}

static bool is_foreign_offline(const struct mhp_block *b) {
        return b->state == MHP_STATE_OFFLINE && (b->flags & MHP_BLOCK_HANDS_OFF);
}

static bool is_drift(const struct mhp_block *b) {
        return b->state == MHP_STATE_ONLINE && b->goal != MHP_WANT_UNSET && !mhp_block_goal_met(b);
}

static bool is_offline(const struct mhp_block *b) {
        return b->state == MHP_STATE_OFFLINE;
}

static int add_matching(struct ctl_issues *issues, const struct mhp_map *map, const char *kind, bool (*matches)(const struct mhp_block *b),
                        const char *words) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        _cleanup_text_ struct mhp_text message = {};
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                if (!matches(b))
                        continue;
                r = mhp_ranges_add(&blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        if (blocks.n == 0)
                return 0;
        mhp_text_add(&message, words);
        return add(issues, &(struct ctl_issue) { .kind = kind }, &blocks, &message);
}

static int gather_running(const struct ctl_daemon *d, const struct mhp_map *map, struct ctl_issues *issues) {
        int r = 0;

        for (size_t i = 0; i < d->n_problems && r >= 0; i++)
                if (d->problems[i].error != 0)
                        r = add_problem(issues, map, &d->problems[i]);
        if (r >= 0)
                r = add_matching(issues, map, "drift", is_drift, "online in another zone than wanted");
        if (r >= 0)
                r = add_matching(issues, map, "accepted", is_accepted, "put there by another hand, and left there");
        if (r >= 0)
                r = add_matching(issues, map, "foreign-offline", is_foreign_offline, "taken offline by another hand, and left so");
        for (size_t i = 0; i < d->n_warnings && r >= 0; i++)
                r = add_warning(issues, d->warnings[i], strlen(d->warnings[i]));
        if (r >= 0)
                r = add_count(issues, "rescan", d->rescans, "events were lost and everything read again");
        if (r >= 0)
                r = add_count(issues, "worker-killed", d->worker_kills, "a stuck worker was killed");
        return r;
}

static int gather_absent(const struct ctl_daemon *d, const struct mhp_map *map, const char *warnings, struct ctl_issues *issues) {
        _cleanup_text_ struct mhp_text words = {};
        int r = 0;

        mhp_text_printf(&words, "offline; %s", d->absence);
        if (words.error < 0)
                return words.error;
        r = add_matching(issues, map, "offline", is_offline, words.data);
        while (r >= 0 && *warnings) {
                size_t len = strcspn(warnings, "\n");

                r = add_warning(issues, warnings, len);
                warnings += len + (warnings[len] == '\n');
        }
        return r;
}

int ctl_issues_gather(const struct ctl_daemon *daemon, const struct mhp_map *map, const char *warnings, struct ctl_issues *ret) {
        _cleanup_issues_ struct ctl_issues issues = {};
        int r;

        r = daemon->running ? gather_running(daemon, map, &issues) : gather_absent(daemon, map, warnings, &issues);
        if (r < 0)
                return r;
        *ret = issues;
        issues = (struct ctl_issues) {};
        return 0;
}

void ctl_issues_print(struct ctl *ctl, const struct ctl_issues *issues) {
        struct mhp_text *out = &ctl->out;

        if (issues->n == 0)
                return;
        mhp_text_printf(out, "\n%sProblems%s\n", ctl_color_on(ctl, CTL_BOLD), ctl_color_off(ctl, CTL_BOLD));
        for (size_t i = 0; i < issues->n; i++) {
                const struct ctl_issue *issue = &issues->issue[i];

                mhp_text_printf(out, "  %s%s%s", ctl_color_on(ctl, CTL_WARN), issue->kind, ctl_color_off(ctl, CTL_WARN));
                if (issue->blocks)
                        mhp_text_printf(out, " %.120s%s", issue->blocks, strlen(issue->blocks) > 120 ? "..." : "");
                mhp_text_add(out, ": ");
                ctl_add_plain(out, issue->message);
                if (issue->error != 0)
                        mhp_text_printf(out, " (%s: %s, %" PRIu32 " attempt%s)", issue->verb ? issue->verb : "-", strerror(issue->error),
                                        issue->attempts, issue->attempts == 1 ? "" : "s");
                mhp_text_add(out, "\n");
        }
}

void ctl_issues_json(struct ctl_json *json, const char *key, const struct ctl_issues *issues) {
        ctl_json_stream(json, key, json_type_array);
        for (size_t i = 0; i < issues->n; i++) {
                const struct ctl_issue *issue = &issues->issue[i];

                ctl_json_open(json, NULL, json_type_object);
                ctl_json_string(json, "kind", issue->kind);
                ctl_json_string(json, "blocks", issue->blocks);
                ctl_json_string(json, "verb", issue->verb);
                ctl_json_u64(json, "attempts", issue->attempts);
                ctl_json_i64(json, "errno", issue->error);
                ctl_json_string(json, "message", issue->message);
                ctl_json_close(json);
        }
        ctl_json_close(json);
}
