/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/names.h"

extern char **environ;

/* Answers are gathered this long, so that 256 blocks do not wake the daemon 256 times, and not longer, so that it knows
 * of progress well before a deadline. */
#define GATHER_USEC (10 * USEC_PER_MSEC)

struct request {
        uint32_t verb;
        uint32_t n;
        uint32_t blocks[MHP_WORKER_BLOCKS_MAX];
};

struct answer_header {
        uint32_t done;
        uint32_t n;
};

struct answer {
        struct answer_header header;
        struct mhp_worker_result result[MHP_WORKER_RESULTS_MAX];
};

static void close_pair(int pair[2]) {
        for (int i = 0; i < 2; i++)
                if (pair[i] >= 0)
                        close(pair[i]);
}

static int spawn_with(const char *path, const char *sysroot, int fd, pid_t *ret) {
        char *const argv[] = { (char *) path, (char *) "--worker", (char *) "--sysroot", (char *) sysroot, NULL };
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        /* dup2 of a descriptor onto itself clears its close-on-exec flag here (glibc 2.29). */
        r = posix_spawn_file_actions_adddup2(&actions, fd, MHP_WORKER_FD);
        if (r == 0)
                r = posix_spawn(ret, path, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int mhp_worker_spawn(const char *path, const char *sysroot, pid_t *ret_pid, int *ret_fd) {
        int pair[2] = { -1, -1 };
        pid_t pid;
        int r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        else
                r = spawn_with(path, sysroot, pair[1], &pid);
        if (r < 0) {
                close_pair(pair);
                return r;
        }

        close(pair[1]);
        *ret_pid = pid;
        *ret_fd = pair[0];
        return 0;
}

int mhp_worker_send(int fd, enum mhp_verb verb, const uint32_t *blocks, size_t n) {
        struct request request;
        size_t len = offsetof(struct request, blocks) + n * sizeof(*blocks);

        if (n > MHP_WORKER_BLOCKS_MAX)
                return -E2BIG;
        request.verb = verb;
        request.n = (uint32_t) n;
        if (n > 0)
                memcpy(request.blocks, blocks, n * sizeof(*blocks));
        if (send(fd, &request, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return -errno;
        return 0;
}

static bool result_valid(const struct mhp_worker_result *result) {
        return result->nr <= MHP_BLOCK_MAX && result->error >= 0 && result->error < 4096 && result->read_error >= 0 &&
               result->read_error < 4096 && result->state < _MHP_STATE_MAX && result->zone < _MHP_ZONE_MAX;
}

int mhp_worker_receive(int fd, struct mhp_worker_answer *ret) {
        struct answer answer;
        ssize_t len = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);

        if (len < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (len < 0)
                return -errno;
        if (len == 0)
                return -ECONNRESET;
        if ((size_t) len < sizeof(answer.header) || answer.header.n > MHP_WORKER_RESULTS_MAX || answer.header.done > 1 ||
            (size_t) len != sizeof(answer.header) + answer.header.n * sizeof(*answer.result))
                return -EBADMSG;
        for (uint32_t i = 0; i < answer.header.n; i++)
                if (!result_valid(&answer.result[i]))
                        return -EBADMSG;

        ret->done = answer.header.done;
        ret->n = answer.header.n;
        memcpy(ret->result, answer.result, answer.header.n * sizeof(*answer.result));
        return 1;
}

/* ------------------------------------------------------------------------------------------- the worker's own side */

static void interrupt(int sig) {
        (void) sig; /* nothing to do: that the write(2) under way returns is all it is for */
}

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static int flush(int fd, struct answer *answer, bool done) {
        ssize_t n;

        answer->header.done = done;
        do
                n = send(fd, answer, sizeof(answer->header) + answer->header.n * sizeof(*answer->result), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        answer->header.n = 0;
        return n < 0 ? -errno : 0;
}

static int write_state(const struct mhp_root *root, uint32_t nr, const char *verb) {
        char path[64];

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/memory%u/" NAME_STATE, nr);
        return mhp_root_write(root, path, verb);
}

/* Zone and state as they are after the write: another hand may have been faster, and the kernel may have chosen another zone. */
static void read_back(const struct mhp_root *root, struct mhp_worker_result *result) {
        char path[64], text[64];
        enum mhp_state state = MHP_STATE_UNKNOWN;
        enum mhp_zone zone = MHP_ZONE_UNSET;
        int r;

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/memory%u/" NAME_STATE, result->nr);
        r = mhp_root_read(root, path, text, sizeof(text));
        if (r < 0) {
                result->read_error = -r;
                return;
        }
        (void) mhp_state_parse(text, &state);

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/memory%u/" NAME_VALID_ZONES, result->nr);
        if (mhp_root_read(root, path, text, sizeof(text)) >= 0)
                (void) mhp_valid_zones_parse(text, state, &zone, &result->valid);
        result->state = (uint8_t) state;
        result->zone = (uint8_t) zone;
}

static void do_block(const struct mhp_root *root, enum mhp_verb verb, uint32_t nr, struct mhp_worker_result *result) {
        *result = (struct mhp_worker_result) { .nr = nr };
        result->error = -write_state(root, nr, mhp_verb_name(verb));
        read_back(root, result);
}

/* The barrier block is online, so state_store() (drivers/base/memory.c, 6.1 and 6.12) takes the hotplug lock and then finds
 * nothing to do, which it says with EINVAL: the lock was free, and whatever held it is complete. */
static void do_settle(const struct mhp_root *root, uint32_t nr, struct mhp_worker_result *result) {
        int r = write_state(root, nr, "online");

        *result = (struct mhp_worker_result) { .nr = nr, .error = r == -EINVAL ? 0 : -r };
        read_back(root, result);
}

static int serve(int fd, const struct mhp_root *root, const struct request *request) {
        struct answer answer = { 0 };
        uint64_t flushed = now_usec();

        for (uint32_t i = 0; i < request->n; i++) {
                struct mhp_worker_result *result = &answer.result[answer.header.n];

                if (request->verb == MHP_VERB_SETTLE)
                        do_settle(root, request->blocks[i], result);
                else
                        do_block(root, (enum mhp_verb) request->verb, request->blocks[i], result);
                answer.header.n++;

                if (answer.header.n < MHP_WORKER_RESULTS_MAX && now_usec() - flushed < GATHER_USEC)
                        continue;
                int r = flush(fd, &answer, false);
                if (r < 0)
                        return r;
                flushed = now_usec();
        }
        return flush(fd, &answer, true);
}

static bool request_valid(const struct request *request, size_t len) {
        if (len < offsetof(struct request, blocks) || request->n > MHP_WORKER_BLOCKS_MAX ||
            len != offsetof(struct request, blocks) + request->n * sizeof(*request->blocks))
                return false;
        return request->verb == MHP_VERB_SETTLE || request->verb == MHP_VERB_ONLINE_MOVABLE || request->verb == MHP_VERB_ONLINE_KERNEL ||
               request->verb == MHP_VERB_OFFLINE;
}

int mhp_worker_main(int fd, const struct mhp_root *root) {
        const struct sigaction action = { .sa_handler = interrupt }; /* no SA_RESTART: write(2) is to return */
        static struct request request;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
                return -errno;

        for (;;) {
                ssize_t len = recv(fd, &request, sizeof(request), MSG_TRUNC);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return -errno;
                if (len == 0)
                        return 0;
                if (!request_valid(&request, (size_t) len))
                        return -EBADMSG;

                int r = serve(fd, root, &request);
                if (r < 0)
                        return r;
        }
}
