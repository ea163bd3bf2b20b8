/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/report.h"

#include <inttypes.h>
#include <string.h>

#include "core/outcome.h"
#include "daemon/bus.h"
#include "daemon/log.h"

static const struct {
        const char *id;
        int priority;
} notes[_MHP_NOTE_MAX] = {
        [MHP_NOTE_DECIDED] = { REPORT_ID_DECIDED, LOG_INFO },
        [MHP_NOTE_ONLINE] = { REPORT_ID_ONLINE, LOG_INFO },
        [MHP_NOTE_OFFLINE] = { REPORT_ID_OFFLINE, LOG_INFO },
        [MHP_NOTE_FAILED] = { REPORT_ID_FAILED, LOG_WARNING },
        [MHP_NOTE_GAVE_UP] = { REPORT_ID_GAVE_UP, LOG_ERR },
        [MHP_NOTE_DRIFT] = { REPORT_ID_DRIFT, LOG_WARNING },
        [MHP_NOTE_REPAIRED] = { REPORT_ID_REPAIRED, LOG_NOTICE },
        [MHP_NOTE_FOREIGN_OFFLINE] = { REPORT_ID_FOREIGN_OFFLINE, LOG_NOTICE },
        [MHP_NOTE_GONE] = { REPORT_ID_GONE, LOG_INFO },
        [MHP_NOTE_RESTORED] = { REPORT_ID_RESTORED, LOG_NOTICE },
        [MHP_NOTE_REMOVAL] = { REPORT_ID_REMOVAL, LOG_NOTICE },
        [MHP_NOTE_REMOVED] = { REPORT_ID_REMOVED, LOG_NOTICE },
        [MHP_NOTE_RESCAN] = { REPORT_ID_RESCAN, LOG_WARNING },
};

static int ranges_of(const struct mhp_step *step, struct mhp_text *ret) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };

        for (size_t i = 0; i < step->n_blocks; i++) {
                int r = mhp_ranges_add(&ranges, step->blocks[i], step->blocks[i]);
                if (r < 0)
                        return r;
        }
        mhp_ranges_print(&ranges, ret);
        return ret->error;
}

/* Where the blocks are, or are to join. */
static const char *zone_of(const struct mhp_step *step) {
        if (mhp_zone_name(step->zone))
                return mhp_zone_name(step->zone);

        switch (step->want) {
        case MHP_WANT_MOVABLE:
                return mhp_zone_name(MHP_ZONE_MOVABLE);
        case MHP_WANT_KERNEL:
                return mhp_want_name(MHP_WANT_KERNEL);
        case MHP_WANT_UNSET:
        case MHP_WANT_AUTO:
        case MHP_WANT_NONE:
        case _MHP_WANT_MAX:
                break;
        }
        return NULL;
}

static const char *wanted(enum mhp_want want) {
        return want == MHP_WANT_MOVABLE ? "Movable" : want == MHP_WANT_KERNEL ? "a kernel zone" : "no zone";
}

static void decided_sentence(const struct mhp_step *step, bool many, struct mhp_text *text) {
        if (step->want == MHP_WANT_NONE)
                mhp_text_printf(text, " %s offline", many ? "stay" : "stays");
        else
                mhp_text_printf(text, " %s %s", mhp_zone_name(step->zone) ? many ? "belong to" : "belongs to" : many ? "are to join" : "is to join",
                                wanted(step->want));
        if (step->words)
                mhp_text_printf(text, ": %s", step->words);
}

static void failed_sentence(const struct mhp_step *step, struct mhp_text *text) {
        const char *words = step->note == MHP_NOTE_GAVE_UP ? "given up" : "another try follows";

        if (step->want == MHP_WANT_NONE)
                mhp_text_add(text, " cannot be taken offline");
        else if (mhp_zone_name(step->zone))
                mhp_text_printf(text, " cannot be moved from %s to %s", mhp_zone_name(step->zone), wanted(step->want));
        else
                mhp_text_printf(text, " cannot be brought online in %s", wanted(step->want));
        /* A write that the kernel took, and a block that is elsewhere afterwards. */
        mhp_text_printf(text, ": %s", step->error ? strerror(step->error) : "the kernel took it and did not do it");
        if (step->words && *step->words)
                mhp_text_printf(text, " (%s)", step->words); /* what keeps it */
        mhp_text_printf(text, "; %s", words);
}

/* Another hand's decision, and how to have it undone. */
static void kept_sentence(const struct mhp_step *step, bool many, struct mhp_text *text) {
        mhp_text_printf(text, " %s put into %s by another hand and %s left there", many ? "were" : "was", zone_of(step) ? zone_of(step) : "an unknown zone",
                        many ? "are" : "is");
        if (step->words)
                mhp_text_printf(text, " (%s)", step->words);
        mhp_text_add(text, "; `mhpctl online --policy ");
        (void) ranges_of(step, text);
        mhp_text_printf(text, "` puts %s where policy wants %s", many ? "them" : "it", many ? "them" : "it");
}

static void drift_sentence(const struct mhp_step *step, bool many, struct mhp_text *text) {
        if (step->reason == MHP_REASON_ACCEPTED) {
                kept_sentence(step, many, text);
                return;
        }
        mhp_text_printf(text, " %s online in %s and not %s%s", many ? "are" : "is", zone_of(step) ? zone_of(step) : "an unknown zone",
                        step->want == MHP_WANT_NONE ? "" : "in ", step->want == MHP_WANT_NONE ? "offline" : wanted(step->want));
        if (step->reason == MHP_REASON_REQUESTED)
                mhp_text_add(text, ", which was asked for");
        else
                mhp_text_printf(text, ": another hand put %s there", many ? "them" : "it");
        if (step->words)
                mhp_text_printf(text, "; %s", step->words);
}

/* What happened to them, behind the subject. */
static void predicate(const struct mhp_step *step, bool many, struct mhp_text *text) {
        const char *are = many ? "are" : "is", *zone = zone_of(step) ? zone_of(step) : "an unknown zone";

        switch (step->note) {
        case MHP_NOTE_DECIDED:
                decided_sentence(step, many, text);
                return;
        case MHP_NOTE_ONLINE:
                mhp_text_printf(text, " %s online in %s", are, zone);
                return;
        case MHP_NOTE_OFFLINE:
                mhp_text_printf(text, " %s offline, as asked", are);
                return;
        case MHP_NOTE_FAILED:
        case MHP_NOTE_GAVE_UP:
                failed_sentence(step, text);
                return;
        case MHP_NOTE_DRIFT:
                drift_sentence(step, many, text);
                return;
        case MHP_NOTE_REPAIRED:
                mhp_text_printf(text, " %s put right and ", are);
                if (step->want == MHP_WANT_NONE)
                        mhp_text_add(text, "offline");
                else
                        mhp_text_printf(text, "online in %s", zone);
                return;
        case MHP_NOTE_FOREIGN_OFFLINE:
                mhp_text_printf(text, " %s taken offline by another hand and %s left to it", many ? "were" : "was", many ? "are" : "is");
                return;
        case MHP_NOTE_GONE:
                mhp_text_add(text, " left the machine");
                return;
        case MHP_NOTE_RESTORED:
                mhp_text_printf(text, " %s back in %s", are, zone);
                return;
        case MHP_NOTE_NONE:
        case MHP_NOTE_REMOVAL:
        case MHP_NOTE_REMOVED:
        case MHP_NOTE_RESCAN:
        case _MHP_NOTE_MAX:
                return;
        }
}

void report_sentence(const struct mhp_step *step, struct mhp_text *text) {
        bool many = step->n_blocks != 1;

        if (step->note == MHP_NOTE_RESCAN) {
                mhp_text_add(text, "Events were lost; everything was read again");
                return;
        }
        if (step->note == MHP_NOTE_REMOVAL || step->note == MHP_NOTE_REMOVED) {
                mhp_text_printf(text, "Removal %s: %s", step->note == MHP_NOTE_REMOVAL ? "begun" : "ended", step->words ? step->words : "");
                return;
        }
        mhp_text_add(text, many ? "Blocks " : "Block ");
        (void) ranges_of(step, text);
        if (step->group)
                mhp_text_printf(text, " of %s", step->group);
        predicate(step, many, text);
}

/* `slab,page-table`: what keeps the block. */
static void add_classes(struct log_entry *entry, const struct mhp_tally *tally) {
        _cleanup_text_ struct mhp_text classes = { 0 };

        for (enum mhp_class c = 0; c < _MHP_CLASS_MAX; c++)
                if (tally->pages[c] > 0 && mhp_class_is_fixed(c))
                        mhp_text_printf(&classes, "%s%s", classes.len > 0 ? "," : "", mhp_class_name(c));
        if (classes.len > 0 && classes.error == 0)
                log_add(entry, "MHPD_CLASS", "%s", classes.data);
}

static void add_job(struct log_entry *entry, const struct report_job *job) {
        if (job->id == 0)
                return;
        log_add(entry, "MHPD_JOB", "%" PRIu32, job->id);
        if (job->verb)
                log_add(entry, "MHPD_VERB", "%s", job->verb);
        if (job->target)
                log_add(entry, "MHPD_TARGET", "%s", job->target);
        if (job->result)
                log_add(entry, "MHPD_RESULT", "%s", job->result);
}

void report(struct bus *bus, const struct mhp_step *step, const struct mhp_tally *tally, const struct report_job *job) {
        _cleanup_log_ struct log_entry entry = { .priority = notes[step->note].priority };
        _cleanup_text_ struct mhp_text blocks = { 0 };
        const char *event = mhp_note_name(step->note), *reason = mhp_reason_name(step->reason), *zone = zone_of(step);

        if (!event || !notes[step->note].id || ranges_of(step, &blocks) < 0)
                return;
        report_sentence(step, &entry.message);

        log_add(&entry, "MESSAGE_ID", "%s", notes[step->note].id);
        log_add(&entry, "MHPD_EVENT", "%s", event);
        if (blocks.len > 0)
                log_add(&entry, "MHPD_BLOCK", "%s", blocks.data);
        if (zone)
                log_add(&entry, "MHPD_ZONE", "%s", zone);
        if (step->node >= 0)
                log_add(&entry, "MHPD_NODE", "%d", step->node);
        if (step->group)
                log_add(&entry, "MHPD_GROUP", "%s", step->group);
        if (reason)
                log_add(&entry, "MHPD_REASON", "%s", reason);
        if (step->error)
                log_add(&entry, "ERRNO", "%d", step->error);
        if (step->note == MHP_NOTE_FAILED || step->note == MHP_NOTE_GAVE_UP)
                log_add(&entry, "MHPD_OUTCOME", "%s", mhp_outcome_name(mhp_outcome_of(step->error, false)));
        if (tally && (step->note == MHP_NOTE_FAILED || step->note == MHP_NOTE_GAVE_UP))
                add_classes(&entry, tally);
        add_job(&entry, job);
        log_send(&entry);

        bus_report(bus, &(struct bus_report) {
                .event = event,
                .blocks = blocks.data ? blocks.data : "",
                .zone = zone ? zone : "",
                .node = step->node,
                .group = step->group ? step->group : "",
                .reason = reason ? reason : "",
                .error = step->error,
                .message = entry.message.data ? entry.message.data : "",
                .job = job->id,
                .verb = job->verb,
                .target = job->target,
                .result = job->result,
        });
}

/* A step's blocks are counted where they wait for it, and where they are under way. */
static uint32_t doing(const struct mhp_ring *ring, enum mhp_queue queue, enum mhp_verb verb) {
        return ring->map->queues[queue].n + (ring->busy == verb ? ring->map->queues[MHP_QUEUE_BUSY].n : 0);
}

void report_status(const struct mhp_ring *ring, struct mhp_text *text) {
        const struct mhp_map *map = ring->map;
        const struct {
                uint32_t n;
                const char *words;
        } parts[] = {
                { doing(ring, MHP_QUEUE_UNSETTLED, MHP_VERB_SETTLE), "arriving" },
                { doing(ring, MHP_QUEUE_ONLINE_MOVABLE, MHP_VERB_ONLINE_MOVABLE) + doing(ring, MHP_QUEUE_ONLINE_KERNEL, MHP_VERB_ONLINE_KERNEL),
                  "onlining" },
                { doing(ring, MHP_QUEUE_OFFLINE, ring->busy == MHP_VERB_TEARDOWN ? ring->busy : MHP_VERB_OFFLINE), "offlining" },
                { map->queues[MHP_QUEUE_WAITING].n, "to be tried again:" },
                { map->total.n_gave_up, "given up:" },
        };
        const char *comma = ";";

        mhp_text_printf(text, "%zu blocks, %" PRIu32 " Movable", map->n_blocks, map->total.n_placed_movable);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (parts[i].n == 0)
                        continue;
                mhp_text_printf(text, "%s %s %" PRIu32, comma, parts[i].words, parts[i].n);
                comma = ",";
        }
}
