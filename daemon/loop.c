/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/loop.h"

#include <time.h>

#include "base/macro.h"
#include "base/units.h"

uint64_t loop_now(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static int run_once(sd_event *event, uint64_t *longest) {
        uint64_t begin;
        int r = sd_event_prepare(event);

        if (r == 0)
                r = sd_event_wait(event, UINT64_MAX);
        if (r <= 0)
                return r;

        begin = loop_now();
        r = sd_event_dispatch(event);
        *longest = MAX(*longest, loop_now() - begin);
        return r;
}

int loop_run(sd_event *event, uint64_t *longest) {
        int code = 0;

        while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
                int r = run_once(event, longest);
                if (r < 0)
                        return r;
        }
        (void) sd_event_get_exit_code(event, &code);
        return code;
}
