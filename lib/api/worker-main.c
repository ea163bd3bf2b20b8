/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/worker-main.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "api/count.h"
#include "base/units.h"
#include "edge/remover.h"
#include "edge/sysfs.h"
#include "edge/teardown.h"
#include "edge/worker.h"

/* Answers are gathered this long, so that 256 blocks do not wake the daemon 256 times, and not longer, so that it knows
 * of progress well before a deadline, which is a second at least. */
#define GATHER_USEC (50 * USEC_PER_MSEC)

struct worker {
        int fd;
        const struct mhp_root *root;
        struct mhp_counter counter; /* owned; opened when it is first asked for */
};

static volatile sig_atomic_t interrupted;

/* That the write(2) under way returns is what it is for; and that no other one of its request follows. */
static void interrupt(int sig) {
        (void) sig;
        interrupted = 1;
}

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

/* Zone and state as they are after the write: another hand may have been faster, and the kernel may have chosen another zone. */
static void read_back(const struct mhp_root *root, struct mhp_worker_result *result) {
        struct mhp_reading reading;
        int r = mhp_sysfs_read_zone(root, result->nr, &reading);

        if (r < 0) {
                result->read_error = -r;
                return;
        }
        result->state = (uint8_t) reading.state;
        result->zone = (uint8_t) reading.zone;
        result->valid = reading.valid;
}

static int open_counter(struct worker *worker) {
        uint64_t block_size;
        int r;

        if (worker->counter.flags.fd >= 0)
                return 0;
        r = mhp_sysfs_block_size(worker->root, &block_size);
        return r < 0 ? r : mhp_counter_open(worker->root, block_size / (uint64_t) sysconf(_SC_PAGESIZE), &worker->counter);
}

/* What lies in the block, as well as that can be seen. Positive errno. */
static int count(struct worker *worker, uint32_t nr, struct mhp_tally *ret) {
        int r = open_counter(worker);

        if (r >= 0)
                r = mhp_counter_block(&worker->counter, nr, ret);
        return r < 0 ? -r : 0;
}

/* A block that is on hold answers EBUSY (companion patch). Where it goes back, that is a teardown's hold, and over. */
static int write_state(const struct mhp_root *root, const char *words, uint32_t nr, bool lift) {
        int r = mhp_sysfs_write_state(root, nr, words);

        return r == -EBUSY && lift && mhp_hold_lift(root, nr) > 0 ? mhp_sysfs_write_state(root, nr, words) : r;
}

/* What keeps a block shows best in the moment in which it does. Not where the answer has nothing to do with what lies in it. */
static bool is_kept(enum mhp_verb verb, int error) {
        return verb == MHP_VERB_OFFLINE && error != 0 && error != EINVAL && error != ENODEV && error != ENOENT;
}

static void do_block(struct worker *worker, enum mhp_verb verb, uint32_t nr, bool lift, struct mhp_worker_answer *answer) {
        struct mhp_worker_result *result = &answer->result[answer->n++];
        struct mhp_tally *tally = &answer->tally[answer->n_tallies];

        *result = (struct mhp_worker_result) { .nr = nr };
        if (verb == MHP_VERB_COUNT) {
                result->error = count(worker, nr, tally);
                result->counted = result->error == 0;
        } else {
                /* The barrier block of a settle is online, so state_store() (drivers/base/memory.c, 6.1 and 6.12) takes the hotplug lock and
                 * then finds nothing to do, which it says with EINVAL: the lock was free, and whatever held it is complete. */
                bool settle = verb == MHP_VERB_SETTLE;
                int r = write_state(worker->root, settle ? "online" : mhp_verb_name(verb), nr, lift);

                result->error = settle && r == -EINVAL ? 0 : -r;
                result->counted = is_kept(verb, result->error) && count(worker, nr, tally) == 0;
        }
        answer->n_tallies += result->counted;
        read_back(worker->root, result);
}

/* An offline that had to be interrupted ends its request: what comes behind it would be a surprise to whoever gave up. */
static void skip_block(const struct worker *worker, uint32_t nr, struct mhp_worker_answer *answer) {
        struct mhp_worker_result *result = &answer->result[answer->n++];

        *result = (struct mhp_worker_result) { .nr = nr, .error = ECANCELED };
        read_back(worker->root, result);
}

/* How far the worker is with blocks that may take their whole deadline has to be known at each of them. */
static bool is_due(enum mhp_verb verb, const struct mhp_worker_answer *answer, uint64_t given) {
        return (verb == MHP_VERB_OFFLINE && !interrupted) || answer->n == MHP_WORKER_RESULTS_MAX || answer->n_tallies == MHP_WORKER_TALLIES_MAX ||
               now_usec() - given >= GATHER_USEC;
}

static int do_device(const struct mhp_root *root, const struct mhp_worker_request *request) {
        enum mhp_source source;

        if (request->verb == MHP_VERB_HAND)
                return mhp_remover_hand(root, request->device);

        int r = mhp_remover_source(request->device, &source);
        return r < 0 ? r : mhp_remover_write(root, source, request->value);
}

static int serve_device(const struct worker *worker, const struct mhp_worker_request *request) {
        struct mhp_worker_answer answer = { .done = true, .n = 1 };

        answer.result[0].error = -do_device(worker->root, request);
        return mhp_worker_give(worker->fd, &answer);
}

static int serve_blocks(struct worker *worker, const struct mhp_worker_request *request) {
        enum mhp_verb verb = (enum mhp_verb) request->verb;
        bool lift = mhp_worker_lifts(request);
        struct mhp_worker_answer answer = { 0 };
        uint64_t given = now_usec();
        int r;

        interrupted = 0; /* a signal of before was for another request */
        for (uint32_t i = 0; i < request->n; i++) {
                if (interrupted && verb == MHP_VERB_OFFLINE)
                        skip_block(worker, request->blocks[i], &answer);
                else
                        do_block(worker, verb, request->blocks[i], lift, &answer);
                if (i + 1 == request->n || !is_due(verb, &answer, given))
                        continue;
                r = mhp_worker_give(worker->fd, &answer);
                if (r < 0)
                        return r;
                answer.n = answer.n_tallies = 0;
                given = now_usec();
        }
        answer.done = true;
        return mhp_worker_give(worker->fd, &answer);
}

/* Which block it was that stayed; NULL: none, for nothing was begun, or that is not known. */
static const uint32_t *find_failed(const struct worker *worker, const struct mhp_worker_request *request, int error) {
        struct mhp_teardown teardown;

        if (mhp_teardown_read(worker->root, &teardown) < 0 || !teardown.failed || teardown.error != error)
                return NULL;
        for (uint32_t i = 0; i < request->n; i++)
                if (request->blocks[i] == teardown.block)
                        return &request->blocks[i];
        return NULL;
}

/* One answer for all that stayed, which is like that for a block that was not begun. */
static int serve_teardown(struct worker *worker, const struct mhp_worker_request *request) {
        int error = -mhp_teardown_write(worker->root, request->blocks, request->n);
        const uint32_t *failed = error != 0 ? find_failed(worker, request, error) : NULL;
        struct mhp_worker_answer answer = { 0 };

        for (uint32_t i = 0; i < request->n; i++) {
                const uint32_t *nr = &request->blocks[i];
                struct mhp_worker_result *result = &answer.result[answer.n++];

                *result = (struct mhp_worker_result) { .nr = *nr, .error = nr == failed ? error : error != 0 ? ECANCELED : 0 };
                if (nr == failed && is_kept(MHP_VERB_OFFLINE, error) && count(worker, *nr, &answer.tally[0]) == 0)
                        answer.n_tallies = result->counted = 1;
                read_back(worker->root, result);
                if (answer.n < MHP_WORKER_RESULTS_MAX || i + 1 == request->n)
                        continue;
                int r = mhp_worker_give(worker->fd, &answer);
                if (r < 0)
                        return r;
                answer.n = answer.n_tallies = 0;
        }
        answer.done = true;
        return mhp_worker_give(worker->fd, &answer);
}

static int serve(struct worker *worker, const struct mhp_worker_request *request) {
        if (mhp_verb_is_device((enum mhp_verb) request->verb))
                return serve_device(worker, request);
        return request->verb == MHP_VERB_TEARDOWN ? serve_teardown(worker, request) : serve_blocks(worker, request);
}

static void worker_done(struct worker *worker) {
        mhp_counter_done(&worker->counter);
}

int mhp_worker_main(int fd, const struct mhp_root *root) {
        const struct sigaction action = { .sa_handler = interrupt }; /* no SA_RESTART: write(2) is to return */
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        _cleanup_(worker_done) struct worker worker = { .fd = fd, .root = root, .counter = MHP_COUNTER_NONE };
        static struct mhp_worker_request request;
        int r;

        if (sigaction(SIGUSR1, &action, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;

        while ((r = mhp_worker_take(fd, &request)) > 0) {
                r = serve(&worker, &request);
                if (r < 0)
                        break;
        }
        return r;
}
