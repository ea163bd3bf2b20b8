/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/job-history.h"

#include <errno.h>
#include <string.h>

static void view_done(struct job_view *view) {
        free((char *) view->target);
        free((char *) view->detail);
        *view = (struct job_view) { 0 };
}

void job_history_done(struct job_history *history) {
        for (size_t i = 0; i < JOB_HISTORY_MAX; i++)
                view_done(&history->view[i]);
        *history = (struct job_history) { 0 };
}

int job_history_add(struct job_history *history, const struct job_view *view) {
        _cleanup_free_ char *target = strdup(view->target), *detail = strdup(view->detail ? view->detail : "");

        if (!target || !detail)
                return -ENOMEM;
        if (history->n == JOB_HISTORY_MAX) {
                view_done(&history->view[history->first]);
                history->first = (history->first + 1) % JOB_HISTORY_MAX;
                history->n--;
        }

        struct job_view *copy = &history->view[(history->first + history->n++) % JOB_HISTORY_MAX];
        *copy = *view;
        copy->target = TAKE(target);
        copy->detail = TAKE(detail);
        return 0;
}

const struct job_view *job_history_at(const struct job_history *history, size_t i) {
        return &history->view[(history->first + i) % JOB_HISTORY_MAX];
}

const struct job_view *job_history_find(const struct job_history *history, uint32_t id) {
        for (size_t i = history->n; i > 0; i--)
                if (job_history_at(history, i - 1)->id == id)
                        return job_history_at(history, i - 1);
        return NULL;
}
