/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/worker.h"

/* Which call of mhp_worker_spawn() fails: fuzz-worker.wrap puts these in the place of libc's, and no process is started. */
static enum { NOTHING_FAILS, INIT_FAILS, DUP_FAILS, SPAWN_FAILS, FCNTL_FAILS, PAIR_FAILS, _FAILS_MAX } fails;

int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __real_posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions);
int __real_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int new_fd);
int __real_fcntl(int fd, int command, ...);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int new_fd);
int __wrap_posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[],
                       char *const envp[]);
int __wrap_fcntl(int fd, int command, ...);

static int fail(int error) {
        errno = error;
        return -1;
}

int __wrap_socketpair(int domain, int type, int protocol, int pair[2]) {
        return fails == PAIR_FAILS ? fail(EMFILE) : __real_socketpair(domain, type, protocol, pair);
}

int __wrap_posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions) {
        return fails == INIT_FAILS ? ENOMEM : __real_posix_spawn_file_actions_init(actions);
}

int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int new_fd) {
        return fails == DUP_FAILS ? EBADF : __real_posix_spawn_file_actions_adddup2(actions, fd, new_fd);
}

int __wrap_posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[],
                       char *const envp[]) {
        (void) actions, (void) attributes, (void) envp;
        if (fails == SPAWN_FAILS)
                return EAGAIN;
        MUST(strcmp(path, argv[0]) == 0);
        *ret = 4711;
        return 0;
}

int __wrap_fcntl(int fd, int command, ...) {
        va_list args;
        long value;

        va_start(args, command);
        value = va_arg(args, long);
        va_end(args);
        return fails == FCNTL_FAILS ? fail(EBADF) : __real_fcntl(fd, command, value);
}

static void check_spawn(uint8_t which) {
        int fd = -1, r;
        pid_t pid = 0;

        fails = which % _FAILS_MAX;
        r = mhp_worker_spawn("worker", "sysroot", &pid, &fd);
        MUST(fails == NOTHING_FAILS ? r == 0 && pid == 4711 && fd >= 0 : r < 0 && pid == 0 && fd == -1);
        if (fd >= 0)
                close(fd);
        fails = NOTHING_FAILS;
}

static void check_answer(const struct mhp_worker_answer *answer) {
        size_t n_counted = 0;

        MUST(answer->n <= MHP_WORKER_RESULTS_MAX && answer->n_tallies <= MHP_WORKER_TALLIES_MAX);
        for (size_t i = 0; i < answer->n; i++) {
                MUST(answer->result[i].nr <= MHP_BLOCK_MAX && answer->result[i].state < _MHP_STATE_MAX && answer->result[i].zone < _MHP_ZONE_MAX);
                n_counted += answer->result[i].counted;
        }
        MUST(n_counted == answer->n_tallies);
}

/* What the one side takes, it can give, and that is taken for the same. */
static void take_answer(const int pair[2]) {
        static struct mhp_worker_answer answer, again;
        int r = mhp_worker_receive(pair[0], &answer);

        MUST(r == 1 || r == -EBADMSG);
        if (r < 0)
                return;
        check_answer(&answer);
        MUST(mhp_worker_give(pair[1], &answer) == 0 && mhp_worker_receive(pair[0], &again) == 1);
        MUST(again.done == answer.done && again.n == answer.n && again.n_tallies == answer.n_tallies);
        MUST(memcmp(again.result, answer.result, answer.n * sizeof(*answer.result)) == 0);
        MUST(memcmp(again.tally, answer.tally, answer.n_tallies * sizeof(*answer.tally)) == 0);
}

static int send_again(int fd, const struct mhp_worker_request *request) {
        enum mhp_verb verb = (enum mhp_verb) request->verb;

        if (mhp_verb_is_device(verb))
                return mhp_worker_send_device(fd, verb, request->device, request->value);
        if (mhp_worker_lifts(request))
                return mhp_worker_send_back(fd, verb, request->blocks, request->n);
        return mhp_worker_send(fd, verb, request->blocks, request->n);
}

static void take_request(const int pair[2]) {
        static struct mhp_worker_request request, again;
        int r = mhp_worker_take(pair[0], &request);

        MUST(r == 1 || r == -EBADMSG);
        if (r < 0)
                return;
        MUST(request.n <= MHP_WORKER_BLOCKS_MAX && strlen(request.device) < MHP_GROUP_NAME_MAX && strlen(request.value) < MHP_WORKER_VALUE_MAX);
        MUST(mhp_verb_is_device((enum mhp_verb) request.verb) ? request.n == 0 : !request.device[0]);
        MUST(send_again(pair[1], &request) == 0 && mhp_worker_take(pair[0], &again) == 1);
        MUST(again.verb == request.verb && again.n == request.n && strcmp(again.device, request.device) == 0 && strcmp(again.value, request.value) == 0);
        MUST(memcmp(again.blocks, request.blocks, request.n * sizeof(*request.blocks)) == 0);
}

struct input {
        const uint8_t *data, *end;
};

static uint8_t next(struct input *in) {
        return in->data < in->end ? *in->data++ : 0;
}

/* What has just been sent comes back with some bytes of it changed, or fewer of them. */
static void change(const int pair[2], struct input *in) {
        static uint8_t message[65536];
        ssize_t len = recv(pair[0], message, sizeof(message), 0);
        size_t end;

        MUST(len > 0 && (size_t) len < sizeof(message));
        for (unsigned n = next(in) % 4; n > 0; n--) {
                size_t at = next(in);

                at += (size_t) next(in) << 8;
                message[at % (size_t) len] = next(in);
        }
        end = next(in) % 8;
        MUST(send(pair[1], message, (size_t) len > end ? (size_t) len - end : 1, 0) > 0);
}

/* Requests and answers that this side makes: numbers and sizes in them are those of the day, whatever an old corpus says. */
static void compose_request(const int pair[2], struct input *in) {
        static uint32_t blocks[256];
        uint8_t kind = next(in) % 3;
        enum mhp_verb verb = (enum mhp_verb) (next(in) % _MHP_VERB_MAX);
        size_t n = next(in);

        for (size_t i = 0; i < n; i++)
                blocks[i] = (uint32_t) (n + i);
        if (kind == 0)
                MUST(mhp_worker_send(pair[1], verb, blocks, n) == 0);
        else if (kind == 1)
                MUST(mhp_worker_send_back(pair[1], verb, blocks, n) == 0);
        else
                MUST(mhp_worker_send_device(pair[1], verb, n & 1 ? "acpi:PNP0C80:00" : "", n & 2 ? "1" : "") == 0);
        change(pair, in);
        take_request(pair);
}

static void compose_answer(const int pair[2], struct input *in) {
        static struct mhp_worker_answer answer;

        answer = (struct mhp_worker_answer) { .done = next(in) & 1, .n = next(in) % (MHP_WORKER_RESULTS_MAX + 1) };
        for (size_t i = 0; i < answer.n; i++) {
                uint8_t error = next(in);

                answer.result[i] = (struct mhp_worker_result) { .nr = (uint32_t) i, .error = error, .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_MOVABLE,
                                                                .counted = error % 2 && answer.n_tallies < MHP_WORKER_TALLIES_MAX };
                if (answer.result[i].counted)
                        answer.tally[answer.n_tallies++].pages[error % _MHP_CLASS_MAX] = error;
        }
        MUST(mhp_worker_give(pair[1], &answer) == 0);
        change(pair, in);
        take_answer(pair);
}

/* More than there is room for, nothing there, and nobody there. */
static void check_ends(const int pair[2], const uint8_t *data, size_t size) {
        static uint32_t blocks[MHP_WORKER_BLOCKS_MAX + 1];
        static struct mhp_worker_answer answer;
        static struct mhp_worker_request request;
        _cleanup_free_ char *word = fuzz_string(data, size);
        int lone[2], r;

        MUST(mhp_worker_send(pair[1], MHP_VERB_OFFLINE, blocks, ELEMENTSOF(blocks)) == -E2BIG);
        MUST(mhp_worker_receive(pair[0], &answer) == 0);
        r = mhp_worker_send_device(pair[1], MHP_VERB_HOLD, word, "0");
        MUST(r == (strlen(word) < MHP_GROUP_NAME_MAX ? 0 : -EINVAL));
        if (r == 0)
                MUST(mhp_worker_take(pair[0], &request) == (*word ? 1 : -EBADMSG));
        MUST(mhp_worker_send_device(pair[1], MHP_VERB_HOLD, "", "a value that is too long") == -EINVAL);

        MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, lone) == 0);
        close(lone[1]);
        MUST(mhp_worker_send(lone[0], MHP_VERB_OFFLINE, blocks, 1) == -EPIPE && mhp_worker_give(lone[0], &answer) == -EPIPE);
        MUST(mhp_worker_take(lone[0], &request) == 0 && mhp_worker_receive(lone[0], &answer) == -ECONNRESET);
        close(lone[0]);
        MUST(mhp_worker_take(-1, &request) == -EBADF && mhp_worker_receive(-1, &answer) == -EBADF);
}

/* The same bytes to either side of the talk, and what is made of them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int pair[2] = { -1, -1 };

        if (pair[0] < 0)
                MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        if (size == 0 || size > 65536)
                return 0;
        check_spawn(data[size - 1]);
        MUST(send(pair[1], data, size, 0) == (ssize_t) size);
        take_answer(pair);
        MUST(send(pair[1], data, size, 0) == (ssize_t) size);
        take_request(pair);
        check_ends(pair, data, size);

        struct input in = { data, data + size };
        compose_request(pair, &in);
        compose_answer(pair, &in);
        return 0;
}
