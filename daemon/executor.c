/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/executor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/units.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "edge/names.h"
#include "edge/worker.h"

/* What a write gets to leave the kernel after it was asked to. */
#define GRACE (500 * USEC_PER_MSEC)
/* What a teardown gets between two of the blocks that it then brings back. */
#define GRACE_TEARDOWN (5 * USEC_PER_SEC)
/* Between two starts of a worker that does not even begin to work. */
#define RESPAWN (1 * USEC_PER_SEC)

enum stage {
        STAGE_IDLE,
        STAGE_HELD,        /* no worker can be had just now; tried again when the timer says */
        STAGE_ANSWERED,    /* without a worker; told when the timer says, which is at once */
        STAGE_WORKING,
        STAGE_INTERRUPTED, /* asked to leave the kernel */
};

struct item {
        uint32_t nr;
        uint16_t heard; /* uevents since the step began */
        bool answered;
        bool gone;
};

struct executor {
        struct engine *engine;
        sd_event *event;          /* owned */
        const char *sysroot;
        pid_t pid;                /* of the worker */
        int fd;                   /* the worker's socket, owned; -1: no worker */
        sd_event_source *io, *child, *timer; /* owned */
        enum stage stage;
        bool spoke;               /* the worker has answered at least once */
        bool waits;               /* `answer` waits for uevents that came before it */
        struct mhp_worker_answer answer; /* the last one */
        uint64_t spawn_at;        /* no worker is started before */
        unsigned failures;        /* starts of one in a row that came to nothing, told with the first */
        uint64_t kills;
        /* the step under way */
        enum mhp_verb verb;
        uint64_t deadline;
        uint64_t deadline_at;     /* of the block that is being worked on */
        bool lift;
        uint32_t barrier;
        int lost;                 /* the worker was lost in a teardown, with this errno: another one waits until the kernel has undone it; 0: no */
        int settle_error;         /* likewise of a device's step */
        char device[MHP_GROUP_NAME_MAX], value[MHP_WORKER_VALUE_MAX];
        uint32_t *request;        /* what the worker is sent, owned */
        size_t n_request, request_capacity;
        struct item *items;       /* owned */
        size_t n_items, items_capacity;
        size_t at_answer, at_uevent; /* where the next one is expected: both come in the order of the writes */
};

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata);

/* ------------------------------------------------------------------------------------------------------ the step's blocks */

static int set_timer(struct executor *x, uint64_t usec) {
        int r = sd_event_source_set_time_relative(x->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(x->timer, SD_EVENT_ONESHOT);
}

static struct item *find(struct executor *x, uint32_t nr, size_t *at) {
        for (size_t i = 0; i < x->n_items; i++) {
                size_t k = (*at + i) % x->n_items;

                if (x->items[k].nr == nr) {
                        *at = (k + 1) % x->n_items;
                        return &x->items[k];
                }
        }
        return NULL;
}

static int load_step(struct executor *x, const struct mhp_step *step) {
        bool settle = step->verb == MHP_VERB_SETTLE;

        x->n_items = x->n_request = x->at_answer = x->at_uevent = 0;
        for (size_t i = 0; i < step->n_blocks && !settle; i++) {
                int r = ARRAY_GROW(x->items, x->n_items, x->items_capacity);
                if (r >= 0)
                        r = ARRAY_GROW(x->request, x->n_request, x->request_capacity);
                if (r < 0)
                        return r;
                x->items[x->n_items++] = (struct item) { .nr = step->blocks[i] };
                x->request[x->n_request++] = step->blocks[i];
        }
        if (settle && step->barrier != MHP_NO_BLOCK) {
                int r = ARRAY_GROW(x->request, x->n_request, x->request_capacity);
                if (r < 0)
                        return r;
                x->request[x->n_request++] = step->barrier;
        }
        x->verb = step->verb;
        x->deadline = step->deadline;
        x->lift = step->lift;
        x->barrier = step->barrier;
        x->lost = 0;
        x->settle_error = 0;
        x->device[0] = x->value[0] = '\0';
        return 0;
}

/* A teardown answers at its end, but each block that it takes or brings back is announced: the next one has a deadline of its own. */
static int go_on(struct executor *x) {
        if (x->stage == STAGE_INTERRUPTED)
                return set_timer(x, GRACE_TEARDOWN);
        if (x->stage != STAGE_WORKING || x->lost != 0)
                return 0;
        x->deadline_at = mhp_add_sat(loop_now(), x->deadline);
        return set_timer(x, x->deadline);
}

bool executor_heard(struct executor *x, uint32_t nr, unsigned n) {
        struct item *item = x->stage == STAGE_IDLE ? NULL : find(x, nr, &x->at_uevent);

        if (!item || item->answered || item->gone)
                return false;
        item->heard = (uint16_t) MIN(item->heard + n, (unsigned) UINT16_MAX);
        if (x->verb == MHP_VERB_TEARDOWN)
                (void) engine_check(x->engine, go_on(x));
        return true;
}

unsigned executor_n_heard(const struct executor *x) {
        unsigned n = 0;

        for (size_t i = 0; i < x->n_items && x->stage != STAGE_IDLE; i++)
                n += x->items[i].heard > 0;
        return n;
}

void executor_forget(struct executor *x, uint32_t nr) {
        size_t at = 0;
        struct item *item = x->stage == STAGE_IDLE ? NULL : find(x, nr, &at);

        if (item)
                item->gone = true;
}

void executor_doubt(struct executor *x) {
        for (size_t i = 0; i < x->n_items; i++)
                x->items[i].heard = UINT16_MAX;
}

/* ------------------------------------------------------------------------------------------------------------- the worker */

static int watch(struct executor *x) {
        int r = sd_event_add_io(x->event, &x->io, x->fd, EPOLLIN, on_io, x);

        if (r >= 0)
                r = sd_event_source_set_priority(x->io, LOOP_WORKER);
        if (r >= 0)
                r = sd_event_add_child(x->event, &x->child, x->pid, WEXITED, on_child, x);
        if (r >= 0)
                r = sd_event_source_set_priority(x->child, LOOP_WORKER);
        return r;
}

/* Lets go of the worker. It may sit in the kernel for as long as it likes: the loop reaps it when it comes out. */
static void abandon(struct executor *x) {
        if (x->fd < 0)
                return;

        x->io = sd_event_source_disable_unref(x->io);
        if (x->child && sd_event_source_set_floating(x->child, true) >= 0)
                (void) sd_event_source_set_userdata(x->child, NULL);
        x->child = sd_event_source_unref(x->child);
        close(x->fd);
        x->fd = -1;
        x->waits = false;
        if (!x->spoke)
                x->spawn_at = loop_now() + RESPAWN;
}

static int spawn(struct executor *x) {
        int r = mhp_worker_spawn(NAME_SELF_EXE, x->sysroot, &x->pid, &x->fd);

        if (r < 0) {
                x->fd = -1;
                return r;
        }
        x->spoke = false;
        r = watch(x);
        if (r < 0) {
                (void) kill(x->pid, SIGKILL);
                abandon(x);
        }
        return r;
}

static int hold(struct executor *x, uint64_t usec) {
        x->stage = STAGE_HELD;
        return set_timer(x, usec);
}

/* What is missing, a process (TasksMax=) or a descriptor, nobody tells of when it is there again. */
static int hold_spawn(struct executor *x, int error) {
        uint64_t pause = MIN(RESPAWN << MIN(x->failures, 20u), MAX(x->engine->ring->config.retry_max, RESPAWN));

        if (x->failures++ == 0)
                log_print(LOG_WARNING, "no worker process can be started, and no memory brought online or taken offline: %s; mhpd tries again until one can",
                          strerror(error));
        return hold(x, pause);
}

static int work(struct executor *x) {
        x->stage = STAGE_WORKING;
        x->deadline_at = mhp_add_sat(loop_now(), x->deadline);
        return set_timer(x, x->deadline);
}

/* Hands the loaded step to the worker, which is started if need be. */
static int send_request(struct executor *x) {
        uint64_t now = loop_now();
        int r;

        if (x->fd < 0 && now < x->spawn_at)
                return hold(x, x->spawn_at - now);
        if (x->fd < 0) {
                r = spawn(x);
                if (r < 0)
                        return hold_spawn(x, -r);
                if (x->failures > 0)
                        log_print(LOG_NOTICE, "a worker process could be started again");
                x->failures = 0;
        }
        if (x->lost != 0)
                r = mhp_worker_send(x->fd, MHP_VERB_SETTLE, &x->barrier, 1);
        else if (mhp_verb_is_device(x->verb))
                r = mhp_worker_send_device(x->fd, x->verb, x->device, x->value);
        else if (x->lift)
                r = mhp_worker_send_back(x->fd, x->verb, x->request, x->n_request);
        else
                r = mhp_worker_send(x->fd, x->verb, x->request, x->n_request);
        if (r < 0) {
                log_print(LOG_WARNING, "the worker process takes no work and is replaced: %s", strerror(-r));
                (void) kill(x->pid, SIGKILL);
                abandon(x);
                return hold(x, RESPAWN);
        }
        return work(x);
}

int executor_start(struct executor *x, const struct mhp_step *step) {
        int r = load_step(x, step);

        return r < 0 ? r : send_request(x);
}

int executor_start_device(struct executor *x, const struct mhp_step *step, const char *device, const char *value) {
        int r = load_step(x, step);

        if (r < 0)
                return r;
        if (strlen(device) >= sizeof(x->device) || strlen(value) >= sizeof(x->value))
                return executor_answer(x, step->verb, EINVAL);
        memcpy(x->device, device, strlen(device) + 1);
        memcpy(x->value, value, strlen(value) + 1);
        return send_request(x);
}

int executor_answer(struct executor *x, enum mhp_verb verb, int error) {
        x->n_items = x->n_request = 0;
        x->verb = verb;
        x->settle_error = error;
        x->stage = STAGE_ANSWERED;
        return set_timer(x, 0);
}

void executor_wait(struct executor *x, uint32_t barrier, uint64_t usec) {
        struct pollfd poll_fd = { .fd = x->fd, .events = POLLIN };
        struct mhp_worker_answer answer;

        if (x->fd < 0 || mhp_worker_send(x->fd, MHP_VERB_SETTLE, &barrier, 1) < 0)
                return;
        if (poll(&poll_fd, 1, (int) (usec / USEC_PER_MSEC)) > 0 && mhp_worker_receive(x->fd, &answer) > 0)
                return;
        (void) kill(x->pid, SIGKILL);
        abandon(x);
}

bool executor_current(const struct executor *x, uint32_t *ret_nr, uint64_t *ret_left) {
        uint64_t now = loop_now();

        if (x->stage != STAGE_WORKING && x->stage != STAGE_INTERRUPTED)
                return false;
        for (size_t i = 0; i < x->n_items; i++) {
                const struct item *item = &x->items[(x->at_answer + i) % x->n_items];

                if (item->answered || item->gone || (x->verb == MHP_VERB_TEARDOWN && item->heard > 0))
                        continue;
                *ret_nr = item->nr;
                *ret_left = x->deadline_at > now ? x->deadline_at - now : 0;
                return true;
        }
        return false;
}

static int end_step(struct executor *x) {
        x->stage = STAGE_IDLE;
        return sd_event_source_set_enabled(x->timer, SD_EVENT_OFF);
}

/* What the worker did not answer for is read afresh, by the engine. */
static int give_up(struct executor *x, int error) {
        int r = end_step(x);

        if (r < 0)
                return r;
        x->n_request = 0;
        for (size_t i = 0; i < x->n_items; i++)
                if (!x->items[i].answered && !x->items[i].gone)
                        x->request[x->n_request++] = x->items[i].nr;
        return engine_lost(x->engine, x->verb, x->request, x->n_request, error);
}

/* The worker is no more, or not to be waited for. Of a teardown the kernel then brings back what it took, under the hotplug lock: to look before that is
 * over would be to take it for another hand's doing. */
static int lose(struct executor *x, int error) {
        bool working = x->stage == STAGE_WORKING || x->stage == STAGE_INTERRUPTED;

        abandon(x);
        if (!working)
                return 0; /* a step that waits goes on with another one */
        if (x->verb != MHP_VERB_TEARDOWN || x->lost != 0 || x->barrier == MHP_NO_BLOCK)
                return give_up(x, x->lost != 0 ? x->lost : error);
        x->lost = error;
        return send_request(x);
}

/* ----------------------------------------------------------------------------------------------------------- its answers */

static int take_result(struct executor *x, const struct mhp_worker_result *result, const struct mhp_tally *tally, bool interrupted) {
        struct mhp_worker_result mine = *result;
        struct item *item;

        if (interrupted && mine.error == EINTR)
                mine.error = ETIMEDOUT;
        if (x->verb == MHP_VERB_SETTLE || mhp_verb_is_device(x->verb)) {
                x->settle_error = mine.error;
                return 0;
        }
        item = find(x, mine.nr, &x->at_answer);
        if (!item || item->answered)
                return -EBADMSG;
        item->answered = true;
        return item->gone ? 0 : engine_result(x->engine, &mine, tally, item->heard);
}

static int take_answer(struct executor *x, const struct mhp_worker_answer *answer) {
        bool interrupted = x->stage == STAGE_INTERRUPTED;
        size_t n_tallies = 0;
        int r = 0;

        if (x->stage != STAGE_WORKING && x->stage != STAGE_INTERRUPTED)
                return -EBADMSG;
        x->spoke = true;
        if (x->lost != 0)
                return give_up(x, x->lost);

        for (size_t i = 0; i < answer->n && r >= 0; i++) {
                const struct mhp_worker_result *result = &answer->result[i];

                r = take_result(x, result, result->counted ? &answer->tally[n_tallies++] : NULL, interrupted);
        }
        if (r < 0)
                return r;

        if (!answer->done) {
                r = engine_turn_soon(x->engine); /* a failure in the middle may end what the rest is for */
                return r < 0 ? r : work(x);
        }
        for (size_t i = 0; i < x->n_items; i++)
                if (!x->items[i].answered && !x->items[i].gone)
                        return -EBADMSG;
        r = end_step(x);
        return r < 0 ? r : engine_step_over(x->engine, x->verb, x->settle_error);
}

static int replace(struct executor *x, int r) {
        if (r == -ENOMEM)
                return r;
        log_print(LOG_WARNING, r == -EBADMSG ? "the worker process talks nonsense and is replaced" : "the worker process is gone; another one follows");
        (void) kill(x->pid, SIGKILL);
        return lose(x, EIO);
}

int executor_judge(struct executor *x) {
        int r;

        if (!x->waits)
                return 0;
        x->waits = false;
        r = sd_event_source_set_enabled(x->io, SD_EVENT_ON);
        if (r < 0)
                return r;
        r = take_answer(x, &x->answer);
        return r < 0 ? replace(x, r) : r;
}

/* The kernel announces a change before the write that made it returns. So with the events heard that came before the answer, each result's block has
 * had its own one; a second one means another hand, and that what the worker read back may be old. One answer a round: the next one has events of its own
 * before it. */
static int receive(struct executor *x) {
        int r = mhp_worker_receive(x->fd, &x->answer);

        if (r <= 0)
                return r < 0 ? replace(x, r) : 0;
        r = engine_hear_first(x->engine);
        if (r < 0)
                return r;
        x->waits = true;
        return r > 0 ? executor_judge(x) : sd_event_source_set_enabled(x->io, SD_EVENT_OFF);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct executor *x = userdata;

        (void) source;
        (void) fd;
        (void) revents;
        return engine_check(x->engine, receive(x));
}

/* Death shows on the socket first; this is for the reaping. */
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct executor *x = userdata;

        if (!x)
                return sd_event_source_set_floating(source, false); /* one that was let go of; this frees the source */
        log_print(LOG_WARNING, info->si_code == CLD_EXITED ? "the worker process ended with status %d; another one follows"
                                                           : "the worker process was killed by signal %d; another one follows",
                  info->si_status);
        return engine_check(x->engine, lose(x, EIO));
}

/* ------------------------------------------------------------------------------------------------------------ deadlines */

void executor_interrupt(struct executor *x) {
        if (x->stage != STAGE_WORKING)
                return;
        (void) kill(x->pid, SIGUSR1);
        x->stage = STAGE_INTERRUPTED;
        (void) engine_check(x->engine, set_timer(x, x->verb == MHP_VERB_TEARDOWN ? GRACE_TEARDOWN : GRACE));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct executor *x = userdata;

        (void) source;
        (void) usec;
        if (x->waits) /* the answer came in time */
                return engine_check(x->engine, set_timer(x, GRACE));
        switch (x->stage) {
        case STAGE_IDLE:
                return 0;
        case STAGE_HELD:
                return engine_check(x->engine, send_request(x));
        case STAGE_ANSWERED: {
                int r = end_step(x);
                return engine_check(x->engine, r < 0 ? r : engine_step_over(x->engine, x->verb, x->settle_error));
        }
        case STAGE_WORKING:
                executor_interrupt(x);
                return 0;
        case STAGE_INTERRUPTED:
                break;
        }

        /* A writer that still waits for the hotplug lock restarts its system call at every other signal
         * (lock_device_hotplug_sysfs(), drivers/base/core.c). */
        x->kills++;
        log_print(LOG_WARNING, "the worker process was stuck beyond its deadline and is killed (%s)", mhp_verb_name(x->verb));
        (void) kill(x->pid, SIGKILL);
        return engine_check(x->engine, lose(x, ETIMEDOUT));
}

/* -------------------------------------------------------------------------------------------------------------- its life */

int executor_new(struct engine *engine, sd_event *event, const char *sysroot, struct executor **ret) {
        _cleanup_(executor_freep) struct executor *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        x->engine = engine;
        x->event = sd_event_ref(event);
        x->sysroot = sysroot;
        x->fd = -1;

        r = sd_event_add_time_relative(event, &x->timer, CLOCK_MONOTONIC, 0, 10 * USEC_PER_MSEC, on_timer, x);
        if (r >= 0)
                r = sd_event_source_set_priority(x->timer, LOOP_DEADLINE);
        if (r >= 0)
                r = sd_event_source_set_enabled(x->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        /* It is there before it is needed: when memory comes, memory may be what is short, and processors are busy. */
        (void) spawn(x);
        *ret = TAKE(x);
        return 0;
}

struct executor *executor_free(struct executor *x) {
        if (!x)
                return NULL;

        abandon(x);
        sd_event_source_disable_unref(x->timer);
        sd_event_unref(x->event);
        free(x->request);
        free(x->items);
        free(x);
        return NULL;
}

uint64_t executor_kills(const struct executor *x) {
        return x->kills;
}
