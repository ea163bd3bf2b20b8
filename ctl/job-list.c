/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job-list.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "ctl/words.h"

#define ENTRY "(usssstttttttbs)"

void ctl_job_list_done(struct ctl_job_list *list) {
        free(list->entries);
        sd_bus_message_unref(list->answer);
        *list = (struct ctl_job_list) {};
}

static int read_entry(sd_bus_message *m, struct ctl_job_entry *e) {
        return sd_bus_message_read(m, ENTRY, &e->id, &e->verb, &e->target, &e->phase, &e->result, &e->done, &e->failed, &e->total, &e->bytes_done,
                                   &e->bytes_total, &e->since, &e->ended, &e->changed, &e->detail);
}

int ctl_job_list_ask(sd_bus *bus, sd_bus_error *error, struct ctl_job_list *ret) {
        _cleanup_job_list_ struct ctl_job_list list = {};
        struct ctl_job_entry entry;
        int r = ctl_bus_call(bus, "ListAllJobs", NULL, error, &list.answer, NULL);

        if (r >= 0)
                r = sd_bus_message_enter_container(list.answer, 'a', ENTRY);
        while (r >= 0 && (r = read_entry(list.answer, &entry)) > 0) {
                r = ARRAY_GROW(list.entries, list.n, list.capacity);
                if (r >= 0)
                        list.entries[list.n++] = entry;
        }
        if (r < 0)
                return r;
        *ret = list;
        list = (struct ctl_job_list) {};
        return 0;
}

/* From the end: of two with one number, the later counts. */
const struct ctl_job_entry *ctl_job_list_find(const struct ctl_job_list *list, uint32_t id) {
        for (size_t i = list->n; i > 0; i--)
                if (list->entries[i - 1].id == id)
                        return &list->entries[i - 1];
        return NULL;
}

int ctl_job_unknown(struct ctl *ctl, uint32_t id) {
        return ctl_fail(ctl, CTL_FAILED, "there is no job %" PRIu32 ", or it ended long ago; `mhpctl jobs` lists them", id);
}

static void add_bool(struct mhp_text *out, const char *key, bool known, bool value) {
        mhp_text_printf(out, ",\"%s\":%s", key, !known ? "null" : value ? "true" : "false");
}

void ctl_job_json(struct mhp_text *out, const struct ctl_job_entry *e, bool cancels) {
        bool ended = *e->result != '\0';
        bool changed = cancels ? !ended || strcmp(e->result, "cancelled") == 0 : e->changed;

        ctl_json_u64(out, "{", "job", e->id);
        ctl_json_string(out, ",", "verb", e->verb);
        ctl_json_string(out, ",", "target", e->target);
        ctl_json_string(out, ",", "phase", e->phase);
        ctl_json_string(out, ",", "result", ended ? e->result : NULL);
        add_bool(out, "changed", ended || cancels, changed);
        ctl_json_u64(out, ",", "blocks", e->done);
        ctl_json_u64(out, ",", "blocks_failed", e->failed);
        ctl_json_u64(out, ",", "blocks_total", e->total);
        ctl_json_u64(out, ",", "bytes", e->bytes_done);
        ctl_json_u64(out, ",", "bytes_total", e->bytes_total);
        ctl_json_u64(out, ",", "started_usec", e->since);
        if (ended)
                ctl_json_u64(out, ",", "ended_usec", e->ended);
        else
                mhp_text_add(out, ",\"ended_usec\":null");
        ctl_json_string(out, ",", "detail", *e->detail ? e->detail : NULL);
        mhp_text_add(out, "}");
}
