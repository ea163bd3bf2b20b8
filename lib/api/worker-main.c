/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/worker-main.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/units.h"
#include "edge/sysfs.h"
#include "edge/worker.h"

/* Answers are gathered this long, so that 256 blocks do not wake the daemon 256 times, and not longer, so that it knows
 * of progress well before a deadline, which is a second at least. */
#define GATHER_USEC (50 * USEC_PER_MSEC)

static void interrupt(int sig) {
        (void) sig; /* nothing to do: that the write(2) under way returns is all it is for */
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

static void do_block(const struct mhp_root *root, enum mhp_verb verb, uint32_t nr, struct mhp_worker_result *result) {
        /* The barrier block of a settle is online, so state_store() (drivers/base/memory.c, 6.1 and 6.12) takes the hotplug lock and
         * then finds nothing to do, which it says with EINVAL: the lock was free, and whatever held it is complete. */
        bool settle = verb == MHP_VERB_SETTLE;
        int r = mhp_sysfs_write_state(root, nr, settle ? "online" : mhp_verb_name(verb));

        *result = (struct mhp_worker_result) { .nr = nr, .error = settle && r == -EINVAL ? 0 : -r };
        read_back(root, result);
}

static int serve(int fd, const struct mhp_root *root, const struct mhp_worker_request *request) {
        struct mhp_worker_answer answer = { 0 };
        uint64_t given = now_usec();
        int r;

        for (uint32_t i = 0; i < request->n; i++) {
                do_block(root, (enum mhp_verb) request->verb, request->blocks[i], &answer.result[answer.n++]);
                if (answer.n < MHP_WORKER_RESULTS_MAX && now_usec() - given < GATHER_USEC)
                        continue;
                r = mhp_worker_give(fd, &answer);
                if (r < 0)
                        return r;
                answer.n = 0;
                given = now_usec();
        }
        answer.done = true;
        return mhp_worker_give(fd, &answer);
}

int mhp_worker_main(int fd, const struct mhp_root *root) {
        const struct sigaction action = { .sa_handler = interrupt }; /* no SA_RESTART: write(2) is to return */
        static struct mhp_worker_request request;
        int r;

        if (sigaction(SIGUSR1, &action, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;

        while ((r = mhp_worker_take(fd, &request)) > 0) {
                r = serve(fd, root, &request);
                if (r < 0)
                        break;
        }
        return r;
}
