/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job.h"

#include <errno.h>
#include <inttypes.h>

#include "ctl/job-wait.h"
#include "ctl/target.h"

static bool online(const struct ctl_wait *job) {
        return job->progress.kind == CTL_JOB_ONLINE;
}

static int check_words(const struct ctl_wait *job) {
        const struct ctl *ctl = job->ctl;

        if (ctl_given(ctl, CTL_OPT_POLICY) && ctl_given(ctl, CTL_OPT_ZONE))
                return ctl_fail(ctl, CTL_USAGE, "--zone and --policy exclude each other: either a zone is named, or policy chooses");
        return online(job) ? ctl_targets_check(ctl, ctl->args, ctl->n_args) : ctl_targets_check_removal(ctl, ctl->args, ctl->n_args);
}

/* The words of the command line as one target. One word stays as it is, if the daemon knows better what to make of it: it chooses what is best given
 * back for a size, and a group's name is what it tells others. Else blocks, looked up in the daemon's own map. */
static int resolve(struct ctl_wait *job, char **ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        _cleanup_text_ struct mhp_text text = {};
        struct ctl *ctl = job->ctl;
        bool sized = !online(job) && ctl_target_is_size(*ctl->args);
        int r;

        r = ctl_bus_map(job->bus, &error, &map);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        job->progress.block_size = map->block_size;
        if (!sized) {
                r = ctl_targets_resolve(ctl, map, ctl->args, ctl->n_args, online(job), &blocks);
                if (r == CTL_DONE)
                        r = ctl_keep_check(ctl, map, *ctl->args);
                if (r != CTL_DONE)
                        return r;
        }
        if (sized || (!online(job) && ctl->n_args == 1 && mhp_map_find_group(map, *ctl->args)))
                mhp_text_printf(&text, "%s%s", *ctl->args, sized && ctl_given(ctl, CTL_OPT_AT_LEAST) ? "+" : "");
        else
                mhp_ranges_print(&blocks, &text);
        return mhp_text_finish(&text, ret);
}

static int call(struct ctl_wait *job, const char *target, sd_bus_error *error, sd_bus_message **ret) {
        const struct ctl *ctl = job->ctl;

        switch (job->progress.kind) {
        case CTL_JOB_ONLINE:
                return ctl_bus_call(job->bus, "Online", ctl, error, ret, "sst", target,
                                    ctl_given(ctl, CTL_OPT_POLICY) ? "policy" : ctl->zone ? ctl->zone : "auto", ctl->timeout);
        case CTL_JOB_OFFLINE:
                return ctl_bus_call(job->bus, "Offline", ctl, error, ret, "st", target, ctl->timeout);
        case CTL_JOB_UNPLUG:
                return ctl_bus_call(job->bus, "Unplug", ctl, error, ret, "stt", target, ctl_given(ctl, CTL_OPT_TO) ? ctl->keep : UINT64_MAX, ctl->timeout);
        }
        return -EINVAL;
}

static int start(struct ctl_wait *job, const char *target) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = ctl_wait_watch(job);
        if (r >= 0)
                r = call(job, target, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "u", &job->id);
        return r < 0 ? ctl_bus_fail(job->ctl, r, &error) : CTL_DONE;
}

int ctl_job_run(struct ctl *ctl, enum ctl_job_kind kind) {
        _cleanup_(ctl_wait_done) struct ctl_wait job = { .ctl = ctl, .progress = { .kind = kind, .block = MHP_NO_BLOCK } };
        _cleanup_free_ char *target = NULL;
        int r;

        r = check_words(&job);
        if (r != CTL_DONE)
                return r;
        r = ctl_bus_open(ctl, &job.bus);
        if (r < 0)
                return ctl_bus_fail(ctl, r, NULL);
        r = resolve(&job, &target);
        if (r == CTL_DONE)
                r = start(&job, target);
        if (r != CTL_DONE)
                return r;

        if (ctl_given(ctl, CTL_OPT_NO_WAIT))
                return ctl_wait_tell_started(&job);
        r = ctl_wait_run(&job);
        return r < 0 ? r : ctl_wait_tell_end(&job);
}
