/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/unread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/report.h"
#include "edge/names.h"

#define PATH_MAX_TOLD 128

static void send(struct engine *engine, const char *event, struct log_entry *entry, const char *blocks, int error) {
        log_add(entry, "MESSAGE_ID", "%s", REPORT_ID_UNREAD);
        log_add(entry, "MHPD_EVENT", "%s", event);
        if (*blocks)
                log_add(entry, "MHPD_BLOCK", "%s", blocks);
        if (error)
                log_add(entry, "ERRNO", "%d", error);
        log_send(entry);
        bus_report(engine->bus, &(struct bus_report) {
                .event = event,
                .blocks = blocks,
                .zone = "",
                .node = -1,
                .group = "",
                .reason = "",
                .error = error,
                .message = entry->message.data ? entry->message.data : "",
        });
}

void unread_done(struct unread *unread) {
        mhp_ranges_done(&unread->odd);
}

void unread_again(struct engine *engine) {
        struct unread *unread = &engine->unread;

        if (unread->again_at > 0)
                return;
        unread->again_at = mhp_add_sat(loop_now(), MIN(USEC_PER_SEC << MIN(unread->failures, 20u), engine->ring->config.retry_max));
        unread->failures++;
}

void unread_tell(struct engine *engine, const char *path, int error) {
        _cleanup_log_ struct log_entry entry = { .priority = LOG_WARNING };
        struct unread *unread = &engine->unread;

        unread_again(engine);
        if (unread->told)
                return;
        unread->told = true;
        mhp_text_printf(&entry.message, "%s cannot be read: %s; mhpd tries again until it can", path, strerror(error));
        log_add(&entry, "MHPD_PATH", "%s", path);
        send(engine, "unreadable", &entry, "", error);
}

int unread_block(struct engine *engine, uint32_t nr, int error) {
        char path[PATH_MAX_TOLD];

        (void) snprintf(path, sizeof(path), "/" NAME_MEMORY "/memory%" PRIu32, nr);
        unread_tell(engine, path, error);
        return engine_event(engine, &(struct mhp_event) { .type = MHP_EVENT_UNREAD, .now = loop_now(), .block = nr, .error = error });
}

int unread_note(struct engine *engine, uint32_t nr, int error) {
        _cleanup_log_ struct log_entry entry = { .priority = LOG_WARNING };
        struct mhp_ranges *odd = &engine->unread.odd;
        bool known = mhp_ranges_contain(odd, nr);
        char block[16];

        if (error == 0)
                return known ? mhp_ranges_remove(odd, nr, nr) : 0;
        if (known)
                return 0;
        (void) snprintf(block, sizeof(block), "%" PRIu32, nr);
        if (error == EINVAL)
                mhp_text_printf(&entry.message, "Block %s is left alone: its state is one that this mhpd does not know", block);
        else
                mhp_text_printf(&entry.message, "Block %s is left alone: its state cannot be read: %s", block, strerror(error));
        send(engine, "unreadable", &entry, block, error);
        return mhp_ranges_add(odd, nr, nr);
}

int unread_scanned(void *userdata, const struct mhp_event *event) {
        struct engine *engine = userdata;
        int r;

        if (event->type == MHP_EVENT_UNREAD)
                return unread_block(engine, event->block, event->error);
        r = mhp_ring_event(engine->ring, event);
        return r < 0 || event->type != MHP_EVENT_BLOCK ? r : unread_note(engine, event->reading->nr, event->reading->error);
}

void unread_begin(struct engine *engine) {
        if (loop_now() >= engine->unread.again_at)
                engine->unread.again_at = 0;
}

/* What is not settled may be so because it could not be read. */
void unread_end(struct engine *engine) {
        _cleanup_log_ struct log_entry entry = { .priority = LOG_NOTICE };
        struct unread *unread = &engine->unread;

        if (unread->again_at > 0 || engine->rescan || engine->ring->busy == MHP_VERB_SETTLE || engine->ring->map->queues[MHP_QUEUE_UNSETTLED].n > 0)
                return;
        unread->failures = 0;
        if (!unread->told)
                return;
        unread->told = false;
        mhp_text_add(&entry.message, "What could not be read can be read again");
        send(engine, "readable", &entry, "", 0);
}
