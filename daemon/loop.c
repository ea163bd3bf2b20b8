/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/loop.h"

#include <time.h>

#include "base/macro.h"
#include "base/units.h"

static uint64_t read_clock(clockid_t clock) {
        struct timespec t;

        (void) clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

uint64_t loop_now(void) {
        return read_clock(CLOCK_MONOTONIC);
}

/* The watchdog is sd-event's own affair: sd_event_wait() looks after it and says that nothing is to be dispatched. */
static int run_once(sd_event *event, sd_event_source *idle, struct loop_longest *longest) {
        uint64_t begin, begin_processor, wall;
        int r = sd_event_prepare(event);

        if (r == 0)
                r = sd_event_wait(event, UINT64_MAX);
        if (r == 0 && idle)
                return sd_event_source_set_enabled(idle, SD_EVENT_ONESHOT);
        if (r <= 0)
                return r;

        begin = loop_now();
        begin_processor = read_clock(CLOCK_THREAD_CPUTIME_ID);
        r = sd_event_dispatch(event);
        wall = loop_now() - begin;
        longest->wall = MAX(longest->wall, wall);
        if (wall > longest->processor)
                longest->processor = MAX(longest->processor, MIN(wall, read_clock(CLOCK_THREAD_CPUTIME_ID) - begin_processor));
        return r;
}

int loop_run(sd_event *event, sd_event_source *idle, struct loop_longest *longest) {
        int code = 0;

        while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
                int r = run_once(event, idle, longest);
                if (r < 0)
                        return r;
        }
        (void) sd_event_get_exit_code(event, &code);
        return code;
}
