/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The event loop: priorities, the clock, how long a round took. */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/units.h"

/* Of the sources that are ready, sd-event runs the one with the lowest number; one a round. */
enum loop_priority {
        LOOP_STOP     = -100, /* nothing that is still to come delays the end */
        LOOP_KNOB     = -55, /* before the memory that comes under it */
        LOOP_UEVENT   = -50, /* before the worker: a device's announced blocks are known before a settle's answer is handled */
        LOOP_MORE     = -45, /* what one round was too short for; every fourth time it is its turn among those who ask */
        LOOP_KERNEL   = -43, /* what else the kernel tells is about blocks that uevents have told of */
        LOOP_WORKER   = -40, /* an answer that came in time counts, even when its deadline has passed meanwhile */
        LOOP_DEADLINE = -30,
        LOOP_TICK     = -20, /* blocks that waited for another try */
        LOOP_TURN     = -10, /* when all that is known is known: decide, and send the next step */
        LOOP_RELOAD   = 0,
        LOOP_BUS      = 10,  /* who asks can wait until the memory is on its way */
        LOOP_JOB      = 20,  /* time-outs and progress of what was asked for */
};

/* How long something goes on that can as well go on in the next round. */
#define LOOP_SLICE (5 * USEC_PER_MSEC)

/* µs, monotonic: the ring's clock. */
uint64_t loop_now(void);

/* What the longest rounds took so far, in µs. They need not be the same round: a processor that others have makes one long that did next to nothing. */
struct loop_longest {
        uint64_t wall;
        uint64_t processor; /* of mhpd's own */
};

/* Until sd_event_exit(); its code, or a negative errno. idle: enabled once whenever the loop was woken up for nothing else than the watchdog; what has to be
 * done from time to time costs no wake-up of its own then. */
int loop_run(sd_event *event, sd_event_source *idle, struct loop_longest *longest);
