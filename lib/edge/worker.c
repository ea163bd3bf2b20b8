/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

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
        struct mhp_worker_request request;
        size_t len = offsetof(struct mhp_worker_request, blocks) + n * sizeof(*blocks);

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

static bool request_valid(const struct mhp_worker_request *request, size_t len) {
        if (len < offsetof(struct mhp_worker_request, blocks) || request->n > MHP_WORKER_BLOCKS_MAX ||
            len != offsetof(struct mhp_worker_request, blocks) + request->n * sizeof(*request->blocks))
                return false;
        return request->verb == MHP_VERB_SETTLE || request->verb == MHP_VERB_ONLINE_MOVABLE || request->verb == MHP_VERB_ONLINE_KERNEL ||
               request->verb == MHP_VERB_OFFLINE;
}

int mhp_worker_take(int fd, struct mhp_worker_request *ret) {
        ssize_t len;

        do
                len = recv(fd, ret, sizeof(*ret), MSG_TRUNC);
        while (len < 0 && errno == EINTR);
        if (len < 0)
                return -errno;
        if (len == 0)
                return 0;
        return request_valid(ret, (size_t) len) ? 1 : -EBADMSG;
}

int mhp_worker_give(int fd, const struct mhp_worker_answer *given) {
        struct answer answer = { .header = { .done = given->done, .n = (uint32_t) given->n } };
        ssize_t len;

        memcpy(answer.result, given->result, given->n * sizeof(*given->result));
        do
                len = send(fd, &answer, sizeof(answer.header) + given->n * sizeof(*answer.result), MSG_NOSIGNAL);
        while (len < 0 && errno == EINTR);
        return len < 0 ? -errno : 0;
}
