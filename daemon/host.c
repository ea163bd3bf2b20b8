/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "daemon/engine.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/state.h"
#include "edge/companion.h"

struct request {
        char group[MHP_GROUP_NAME_MAX];
        uint64_t keep;  /* bytes, MHP_KEEP_NONE: nothing */
        bool due;       /* nothing has been begun for it */
        uint32_t job;   /* the last that was begun for the group; 0: none */
};

struct host {
        struct engine *engine;
        struct request *requests; /* owned; one for each device that was ever asked for */
        size_t n_requests, capacity;
};

int host_new(struct engine *engine, struct host **ret) {
        struct host *host = calloc(1, sizeof(*host));

        if (!host)
                return -ENOMEM;
        host->engine = engine;
        *ret = host;
        return 0;
}

struct host *host_free(struct host *host) {
        if (!host)
                return NULL;

        free(host->requests);
        free(host);
        return NULL;
}

/* -------------------------------------------------------------------------------------------------------------- the notice */

static void save(struct engine *engine, bool notice) {
        engine->saved.notice = notice;
        (void) state_save(engine->options->runtime, &engine->saved, "that the kernel's notice of ejects was off before");
}

void host_listen(struct engine *engine) {
        bool on;
        int r = engine->dry_run ? -ENOENT : mhp_eject_notice_read(&engine->root, &on);

        if (mhp_error_passes(r))
                log_print(LOG_WARNING, "whether the kernel tells of ejects that the host asks for cannot be read: %s", strerror(-r));
        if (r < 0 || on)
                return;
        save(engine, true);
        r = mhp_eject_notice_write(&engine->root, true);
        if (r < 0)
                log_print(LOG_WARNING, "the kernel does not tell of ejects that the host asks for: %s", strerror(-r));
}

void host_stop(struct engine *engine) {
        int r;

        if (!engine->saved.notice)
                return;
        r = mhp_eject_notice_write(&engine->root, false);
        if (r < 0 && r != -ENOENT)
                log_print(LOG_WARNING, "the kernel's notice of ejects cannot be switched off: %s", strerror(-r));
        else
                save(engine, false);
}

/* ------------------------------------------------------------------------------------------------------------ the requests */

static struct request *find(struct host *host, const char *group) {
        for (size_t i = 0; i < host->n_requests; i++)
                if (strcmp(host->requests[i].group, group) == 0)
                        return &host->requests[i];
        return NULL;
}

int host_heard(struct host *host, const struct mhp_uevent *uevent) {
        bool eject = uevent->action == MHP_UEVENT_EJECT;
        char group[MHP_GROUP_NAME_MAX];
        struct request *request;

        (void) snprintf(group, sizeof(group), "%s:%s", mhp_source_name(eject ? MHP_SOURCE_ACPI : MHP_SOURCE_VIRTIO_MEM), uevent->device);
        request = find(host, group);
        if (!request) {
                int r = ARRAY_GROW(host->requests, host->n_requests, host->capacity);
                if (r < 0)
                        return r;
                request = &host->requests[host->n_requests++];
                *request = (struct request) { 0 };
                memcpy(request->group, group, sizeof(group));
        }
        request->keep = eject ? MHP_KEEP_NONE : uevent->requested;
        request->due = true;
        return engine_turn_soon(host->engine);
}

/* The device's blocks. Empty: there is nothing to be given back. */
static int list_blocks(const struct mhp_map *map, const struct request *request, struct mhp_ranges *ret) {
        const struct mhp_group *group = mhp_map_find_group(map, request->group);

        if (!group || (request->keep != MHP_KEEP_NONE && mhp_mul_sat(group->n_blocks, map->block_size) <= request->keep))
                return 0;
        for (const struct mhp_block *b = mhp_map_at_or_after(map, group->first); b && b->nr <= group->last; b = mhp_map_next_block(map, b)) {
                int r = mhp_map_group(map, b) == group ? mhp_ranges_add(ret, b->nr, b->nr) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static void tell(const struct request *request, const struct mhp_map *map, const struct mhp_target *target, const struct mhp_removal_refusal *refusal) {
        char size[MHP_SIZE_MAX];
        _cleanup_text_ struct mhp_text what = { 0 }, why = { 0 };

        mhp_text_printf(&what, "the host wants %s", request->group);
        if (request->keep == MHP_KEEP_NONE)
                mhp_text_add(&what, " back");
        else
                mhp_text_printf(&what, " to shrink to %s", mhp_format_size(size, request->keep));
        mhp_removal_refusal_print(map, target, refusal, &why);
        if (refusal->why == MHP_REFUSED_NONE)
                log_print(LOG_NOTICE, "%s: job %" PRIu32, what.data ? what.data : "", request->job);
        else
                log_print(LOG_WARNING, "%s, which mhpd does not try: %s", what.data ? what.data : "", why.data ? why.data : "");
}

/* One that the host has changed its mind about is given up first; what is under way on an administrator's behalf is waited for. */
static int begin(struct host *host, struct request *request) {
        struct engine *engine = host->engine;
        _cleanup_target_ struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .keep = request->keep,
                                                     .hold_first = request->keep != MHP_KEEP_NONE };
        struct mhp_removal_refusal refusal;
        struct job_view view;
        int r;

        if (request->job != 0 && jobs_find(engine->jobs, request->job, &view))
                return request->keep == MHP_KEEP_NONE ? 0 : jobs_cancel(engine->jobs, request->job);
        r = list_blocks(engine->ring->map, request, &target.blocks);
        if (r < 0)
                return r;
        if (target.blocks.n == 0) {
                request->due = false;
                return 0;
        }
        r = jobs_add_removal(engine->jobs, &target, request->group, 0, &request->job, &refusal);
        if (r < 0)
                return r;
        if (refusal.why == MHP_REFUSED_ARRIVING || refusal.why == MHP_REFUSED_TAKEN)
                return 0; /* the turn that changes that asks again */
        request->due = false;
        tell(request, engine->ring->map, &target, &refusal);
        return 0;
}

int host_pursue(struct host *host) {
        int r = 0;

        if (host->engine->stopping)
                return 0;
        for (size_t i = 0; i < host->n_requests && r >= 0; i++)
                if (host->requests[i].due)
                        r = begin(host, &host->requests[i]);
        return r;
}
