/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The door for steps that write: a worker process, kept from step to step. Whatever happens to it, stuck, killed or crashed,
 * the step ends: every block gets a result through engine_result(), or engine_lost() gets those that did not. */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "model/event.h"

struct engine;
struct executor;

int executor_new(struct engine *engine, sd_event *event, const char *sysroot, struct executor **ret);
struct executor *executor_free(struct executor *executor);
DEFINE_CLEANUP(struct executor *, executor_free)

/* Starts the step and returns at once. One at a time. */
int executor_start(struct executor *executor, const struct mhp_step *step);

/* A HOLD, RELEASE or HAND, likewise. */
int executor_start_device(struct executor *executor, const struct mhp_step *step, const char *device, const char *value);

/* Such a step that needs no worker: it is over soon, with this errno. Not at once, for the ring takes answers when its turn is over. */
int executor_answer(struct executor *executor, enum mhp_verb verb, int error);

/* The answer that waits for uevents (engine_hear_first()) waits no more. */
int executor_judge(struct executor *executor);

/* n uevents came for a block. True: it is the running step's to write, and what it reads back after the write will tell. */
bool executor_heard(struct executor *executor, uint32_t nr, unsigned n);

/* The block is gone: no result of it counts any more, not even if another one of that number comes. */
void executor_forget(struct executor *executor, uint32_t nr);

/* Uevents were lost, and with them the sign that another hand was at work: what the worker read back is not relied on. */
void executor_doubt(struct executor *executor);

/* Interrupts the write under way, as its deadline would. */
void executor_interrupt(struct executor *executor);

/* Before the loop runs: waits, as long as that, until nobody has the kernel's hotplug lock. barrier: as in struct mhp_step. */
void executor_wait(struct executor *executor, uint32_t barrier, uint64_t usec);

/* Of the blocks of a teardown, those that something was heard of: it has been at them. */
unsigned executor_n_heard(const struct executor *executor);

/* The block that the worker is at. False: at none. *ret_left: µs until it is interrupted. */
bool executor_current(const struct executor *executor, uint32_t *ret_nr, uint64_t *ret_left);

/* How often a stuck worker was killed. */
uint64_t executor_kills(const struct executor *executor);
