/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/macro.h"

extern char **environ;

struct answer_header {
        uint32_t done;
        uint32_t n, n_tallies;
        uint32_t reserved;
};

/* Behind the header n results, then as many tallies. */
struct answer {
        struct answer_header header;
        char rest[MHP_WORKER_RESULTS_MAX * sizeof(struct mhp_worker_result) + MHP_WORKER_TALLIES_MAX * sizeof(struct mhp_tally)];
};

/* In the place of a device's value: blocks that go back, a hold on them notwithstanding. */
#define LIFT "lift"

#define PFN_MAX (UINT64_C(1) << 52) /* no architecture's physical addresses go so far */

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

bool mhp_verb_is_device(enum mhp_verb verb) {
        return verb == MHP_VERB_HOLD || verb == MHP_VERB_RELEASE || verb == MHP_VERB_HAND;
}

static int send_request(int fd, const struct mhp_worker_request *request) {
        size_t len = offsetof(struct mhp_worker_request, blocks) + request->n * sizeof(*request->blocks);

        return send(fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_blocks(int fd, enum mhp_verb verb, const char *value, const uint32_t *blocks, size_t n) {
        struct mhp_worker_request request;

        if (n > MHP_WORKER_BLOCKS_MAX)
                return -E2BIG;
        request.verb = verb;
        request.n = (uint32_t) n;
        memset(request.device, 0, sizeof(request.device));
        memset(request.value, 0, sizeof(request.value));
        memcpy(request.value, value, strlen(value));
        if (n > 0)
                memcpy(request.blocks, blocks, n * sizeof(*blocks));
        return send_request(fd, &request);
}

int mhp_worker_send(int fd, enum mhp_verb verb, const uint32_t *blocks, size_t n) {
        return send_blocks(fd, verb, "", blocks, n);
}

int mhp_worker_send_back(int fd, enum mhp_verb verb, const uint32_t *blocks, size_t n) {
        return send_blocks(fd, verb, LIFT, blocks, n);
}

bool mhp_worker_lifts(const struct mhp_worker_request *request) {
        return strcmp(request->value, LIFT) == 0;
}

int mhp_worker_send_device(int fd, enum mhp_verb verb, const char *device, const char *value) {
        struct mhp_worker_request request;

        if (strlen(device) >= sizeof(request.device) || strlen(value) >= sizeof(request.value))
                return -EINVAL;
        request.verb = verb;
        request.n = 0;
        memset(request.device, 0, sizeof(request.device));
        memset(request.value, 0, sizeof(request.value));
        memcpy(request.device, device, strlen(device));
        memcpy(request.value, value, strlen(value));
        return send_request(fd, &request);
}

static bool result_valid(const struct mhp_worker_result *result) {
        return result->nr <= MHP_BLOCK_MAX && result->error >= 0 && result->error < 4096 && result->read_error >= 0 &&
               result->read_error < 4096 && result->state < _MHP_STATE_MAX && result->zone < _MHP_ZONE_MAX && result->counted <= 1;
}

static bool tally_valid(const struct mhp_tally *tally) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < _MHP_CLASS_MAX; i++) {
                sum += tally->pages[i];
                if (tally->pages[i] > 0 && tally->first[i] >= PFN_MAX)
                        return false;
        }
        return sum <= UINT32_MAX;
}

/* Whether results and tallies make sense, and fit each other. */
static bool answer_valid(const struct mhp_worker_answer *answer) {
        size_t n_counted = 0;

        for (size_t i = 0; i < answer->n; i++) {
                if (!result_valid(&answer->result[i]))
                        return false;
                n_counted += answer->result[i].counted;
        }
        for (size_t i = 0; i < answer->n_tallies; i++)
                if (!tally_valid(&answer->tally[i]))
                        return false;
        return n_counted == answer->n_tallies;
}

/* An answer with no result in it would put off the deadline and tell nothing. */
static bool header_valid(const struct answer_header *header, size_t len) {
        return len >= sizeof(*header) && (header->n > 0 || header->done) && header->done <= 1 && header->n <= MHP_WORKER_RESULTS_MAX && header->n_tallies <= MHP_WORKER_TALLIES_MAX &&
               len == sizeof(*header) + header->n * sizeof(struct mhp_worker_result) + header->n_tallies * sizeof(struct mhp_tally);
}

int mhp_worker_receive(int fd, struct mhp_worker_answer *ret) {
        struct answer answer;
        ssize_t len = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);

        if (len < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (len < 0)
                return errno == ENOMEM ? -ENOBUFS : -errno; /* the kernel's want, and not ours: an answer that is lost */
        if (len == 0)
                return -ECONNRESET;
        if (!header_valid(&answer.header, (size_t) len))
                return -EBADMSG;

        struct mhp_worker_answer taken;
        size_t results = answer.header.n * sizeof(*taken.result);

        taken.done = answer.header.done;
        taken.n = answer.header.n;
        taken.n_tallies = answer.header.n_tallies;
        memcpy(taken.result, answer.rest, results);
        memcpy(taken.tally, answer.rest + results, taken.n_tallies * sizeof(*taken.tally));
        if (!answer_valid(&taken))
                return -EBADMSG;
        *ret = taken;
        return 1;
}

static bool ends(const char *s, size_t size) {
        return memchr(s, '\0', size);
}

static bool request_valid(const struct mhp_worker_request *request, size_t len) {
        if (len < offsetof(struct mhp_worker_request, blocks) || request->n > MHP_WORKER_BLOCKS_MAX ||
            len != offsetof(struct mhp_worker_request, blocks) + request->n * sizeof(*request->blocks) ||
            !ends(request->device, sizeof(request->device)) || !ends(request->value, sizeof(request->value)))
                return false;
        if (mhp_verb_is_device((enum mhp_verb) request->verb))
                return request->n == 0 && request->device[0];
        bool online = request->verb == MHP_VERB_ONLINE_MOVABLE || request->verb == MHP_VERB_ONLINE_KERNEL;

        return (online || request->verb == MHP_VERB_SETTLE || request->verb == MHP_VERB_OFFLINE || request->verb == MHP_VERB_TEARDOWN ||
                request->verb == MHP_VERB_COUNT) &&
               !request->device[0] && (!request->value[0] || (online && mhp_worker_lifts(request)));
}

/* A message that is too long shows in the byte behind. */
int mhp_worker_take(int fd, struct mhp_worker_request *ret) {
        char behind;
        const struct iovec parts[] = { { ret, sizeof(*ret) }, { &behind, 1 } };
        ssize_t len;

        do
                len = readv(fd, parts, ELEMENTSOF(parts));
        while (len < 0 && errno == EINTR);
        if (len < 0)
                return -errno;
        if (len == 0)
                return 0;
        return request_valid(ret, (size_t) len) ? 1 : -EBADMSG;
}

int mhp_worker_give(int fd, const struct mhp_worker_answer *given) {
        struct answer answer = { .header = { .done = given->done, .n = (uint32_t) given->n, .n_tallies = (uint32_t) given->n_tallies } };
        size_t results = given->n * sizeof(*given->result), tallies = given->n_tallies * sizeof(*given->tally);
        ssize_t len;

        memcpy(answer.rest, given->result, results);
        memcpy(answer.rest + results, given->tally, tallies);
        do
                len = write(fd, &answer, sizeof(answer.header) + results + tallies);
        while (len < 0 && errno == EINTR);
        return len < 0 ? -errno : 0;
}
