/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/worker-main.h"
#include "edge/worker.h"
#include "tree.h"

/* Kernel files that are not sysfs stand in for a state file that answers with an errno: a process's memory has no address 0 and says EIO, oom_score_adj
 * EINVAL to any word; a lease holds who opens the file until a signal comes. */
#define EIO_FILE "/proc/self/mem"
#define EINVAL_FILE "/proc/self/oom_score_adj"

struct machine {
        struct tree t;
        struct mhp_root root;
        pid_t pid;
        int fd;
};

static int setup(void **state) {
        static struct machine m;
        int pair[2];

        tree_make(&m.t);
        tree_memory(&m.t, "8000000");
        if (mhp_root_open(m.t.path, &m.root) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        m.pid = fork();
        if (m.pid == 0) {
                close(pair[0]);
                _exit(mhp_worker_main(pair[1], &m.root) < 0 ? 3 : 0);
        }
        close(pair[1]);
        m.fd = pair[0];
        *state = &m;
        return m.pid < 0;
}

/* How the worker ended: its exit status. */
static int reap(struct machine *m) {
        int status = -1;

        if (m->fd >= 0)
                close(m->fd);
        m->fd = -1;
        assert_int_equal(waitpid(m->pid, &status, 0), m->pid);
        m->pid = 0;
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int teardown(void **state) {
        struct machine *m = *state;

        if (m->pid > 0)
                assert_int_equal(reap(m), 0);
        mhp_root_done(&m->root);
        tree_remove(&m->t);
        return 0;
}

static void state_link(struct machine *m, uint32_t nr, const char *target) {
        char path[128];

        (void) snprintf(path, sizeof(path), "sys/devices/system/memory/memory%u/state", nr);
        tree_link(&m->t, path, target);
}

static const char *state_of(struct machine *m, uint32_t nr) {
        char path[128];

        (void) snprintf(path, sizeof(path), "sys/devices/system/memory/memory%u/state", nr);
        return tree_read(&m->t, path);
}

static void wait_for(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        assert_int_equal(poll(&p, 1, 10000), 1);
}

/* All the answers to one request, in order. */
static size_t answers(int fd, struct mhp_worker_result *results, size_t size) {
        struct mhp_worker_answer answer;
        size_t n = 0;

        do {
                wait_for(fd);
                assert_int_equal(mhp_worker_receive(fd, &answer), 1);
                assert_true(n + answer.n <= size);
                memcpy(results + n, answer.result, answer.n * sizeof(*results));
                n += answer.n;
        } while (!answer.done);
        assert_int_equal(mhp_worker_receive(fd, &answer), 0);
        return n;
}

static void test_verbs(void **state) {
        static const enum mhp_verb verbs[] = { MHP_VERB_ONLINE_MOVABLE, MHP_VERB_ONLINE_KERNEL, MHP_VERB_OFFLINE };
        struct machine *m = *state;

        ROWS(verb, verbs) {
                const uint32_t blocks[] = { 40, 33 };
                struct mhp_worker_result results[2];

                tree_set(&m->t, 33, "state", "");
                tree_add_block(&m->t, 40, "", "Movable", -1, NULL);
                tree_file(&m->t, "sys/devices/system/memory/memory33/state", "");
                tree_file(&m->t, "sys/devices/system/memory/memory40/state", "");
                assert_int_equal(mhp_worker_send(m->fd, *verb, blocks, 2), 0);
                assert_int_equal(answers(m->fd, results, 2), 2);
                for (int i = 0; i < 2; i++) {
                        assert_int_equal(results[i].nr, blocks[i]); /* in the order asked for */
                        assert_int_equal(results[i].error, 0);
                        assert_int_equal(results[i].read_error, 0);
                        assert_string_equal(state_of(m, blocks[i]), mhp_verb_name(*verb));
                }
        }
}

/* What is read back afterwards is what the file says then, not what was written. */
static void test_read_back(void **state) {
        static const struct {
                enum mhp_verb verb;
                enum mhp_state state; /* a file keeps the verb, and only this one is a state's name too */
                uint8_t valid;
        } rows[] = {
                { MHP_VERB_ONLINE_MOVABLE, MHP_STATE_UNKNOWN, 0 },
                { MHP_VERB_OFFLINE, MHP_STATE_OFFLINE, MHP_ZONE_BIT(MHP_ZONE_MOVABLE) },
        };
        const uint32_t block = 33;
        struct mhp_worker_result result;
        struct machine *m = *state;

        ROWS(row, rows) {
                tree_add_block(&m->t, block, "offline", "Movable", -1, NULL);
                assert_int_equal(mhp_worker_send(m->fd, row->verb, &block, 1), 0);
                assert_int_equal(answers(m->fd, &result, 1), 1);
                assert_int_equal(result.state, row->state);
                assert_int_equal(result.zone, MHP_ZONE_UNSET);
                if (row->valid)
                        assert_int_equal(result.valid, row->valid);
        }
}

static void test_errors(void **state) {
        const uint32_t blocks[] = { 1, 2, 3, 4 };
        struct mhp_worker_result results[4];
        struct machine *m = *state;

        state_link(m, 1, EIO_FILE);
        state_link(m, 3, EINVAL_FILE);
        tree_set(&m->t, 4, "state", "");
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_ONLINE_KERNEL, blocks, 4), 0);
        assert_int_equal(answers(m->fd, results, 4), 4);
        assert_int_equal(results[0].error, EIO);
        assert_int_equal(results[1].error, ENOENT);
        assert_int_equal(results[1].read_error, ENOENT);
        assert_int_equal(results[2].error, EINVAL);
        assert_int_equal(results[2].read_error, 0);
        assert_int_equal(results[3].error, 0);
}

static void test_settle(void **state) {
        struct mhp_worker_result results[1];
        struct machine *m = *state;
        uint32_t block = 0;

        state_link(m, 0, EINVAL_FILE);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_SETTLE, &block, 1), 0);
        assert_int_equal(answers(m->fd, results, 1), 1);
        assert_int_equal(results[0].error, 0);

        block = 1;
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_SETTLE, &block, 1), 0);
        assert_int_equal(answers(m->fd, results, 1), 1);
        assert_int_equal(results[0].error, ENOENT);

        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_SETTLE, NULL, 0), 0);
        assert_int_equal(answers(m->fd, results, 1), 0);
}

static void test_many(void **state) {
        enum { N = MHP_WORKER_BLOCKS_MAX };
        static struct mhp_worker_result results[N];
        static uint32_t blocks[N];
        struct machine *m = *state;

        for (uint32_t i = 0; i < N; i++)
                blocks[i] = 100000 - i;
        tree_set(&m->t, 100000, "state", "");
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, blocks, N + 1), -E2BIG);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, blocks, N), 0);
        assert_int_equal(answers(m->fd, results, N), N);
        for (uint32_t i = 0; i < N; i++) {
                assert_int_equal(results[i].nr, blocks[i]);
                assert_int_equal(results[i].error, i == 0 ? 0 : ENOENT);
        }
}

/* Block 2 of 1, 2, 3 hangs, and is freed by a signal. One that comes too early does no harm, so the test needs no clock. The lease holds the
 * read-back as well. */
static void interrupt_second(struct machine *m, enum mhp_verb verb, struct mhp_worker_result results[static 3]) {
        const uint32_t blocks[] = { 1, 2, 3 };
        struct mhp_worker_answer answer = { .done = false };
        size_t n = 0;
        int lease;

        tree_set(&m->t, 1, "state", "");
        tree_set(&m->t, 2, "state", "");
        tree_set(&m->t, 3, "state", "");
        lease = tree_lease(&m->t, "sys/devices/system/memory/memory2/state");

        /* Until it has answered once it may not have its signal handler. */
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_SETTLE, NULL, 0), 0);
        assert_int_equal(answers(m->fd, results, 3), 0);

        assert_int_equal(mhp_worker_send(m->fd, verb, blocks, 3), 0);
        for (int i = 0; i < 1000 && !answer.done; i++) {
                struct pollfd p = { .fd = m->fd, .events = POLLIN };

                if (poll(&p, 1, 10) == 0)
                        assert_int_equal(kill(m->pid, SIGUSR1), 0);
                if (mhp_worker_receive(m->fd, &answer) <= 0)
                        continue;
                for (size_t k = 0; k < answer.n; k++)
                        results[n++] = answer.result[k];
        }
        assert_int_equal(n, 3);
        assert_int_equal(results[0].error, 0);
        assert_int_equal(results[1].nr, 2);
        assert_int_equal(results[1].read_error, EINTR);
        assert_int_equal(results[2].nr, 3);
        close(lease);
}

/* It goes on with the next block. */
static void test_stuck(void **state) {
        struct mhp_worker_result results[3];

        interrupt_second(*state, MHP_VERB_ONLINE_MOVABLE, results);
        assert_int_equal(results[1].error, EINTR);
        assert_int_equal(results[2].error, 0);
}

/* Unless that is one that may take its whole deadline again. */
static void test_stuck_offline(void **state) {
        struct machine *m = *state;
        struct mhp_worker_result results[3];

        interrupt_second(m, MHP_VERB_OFFLINE, results);
        assert_true(results[1].error == EINTR || results[1].error == ECANCELED);
        assert_int_equal(results[2].error, ECANCELED);
        assert_string_equal(state_of(m, 3), "\n"); /* as tree_set() made it */;
}

/* A signal that finds nothing to interrupt does no harm. */
static void test_late_signal(void **state) {
        const uint32_t block = 7;
        struct mhp_worker_result results[1];
        struct machine *m = *state;

        tree_set(&m->t, 7, "state", "");
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, &block, 1), 0);
        assert_int_equal(answers(m->fd, results, 1), 1);
        assert_int_equal(kill(m->pid, SIGUSR1), 0);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, &block, 1), 0);
        assert_int_equal(answers(m->fd, results, 1), 1);
        assert_int_equal(results[0].error, 0);
}

/* All went, or none: what the kernel did not begin, no block is to blame for. */
static void test_teardown(void **state) {
        enum { N = MHP_WORKER_RESULTS_MAX + 6 };
        struct mhp_worker_result results[N];
        struct machine *m = *state;
        uint32_t blocks[N];

        for (uint32_t i = 0; i < N; i++)
                tree_add_block(&m->t, blocks[i] = 200 - i, "offline", "Movable", -1, NULL);
        tree_file(&m->t, "sys/devices/system/memory/teardown", "");
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_TEARDOWN, blocks, N), 0);
        assert_int_equal(answers(m->fd, results, N), N);
        assert_string_equal(tree_read(&m->t, "sys/devices/system/memory/teardown"), "200-131");
        for (uint32_t i = 0; i < N; i++)
                assert_true(results[i].nr == blocks[i] && results[i].error == 0 && results[i].state == MHP_STATE_OFFLINE);

        assert_int_equal(unlinkat(m->root.fd, "sys/devices/system/memory/teardown", 0), 0);
        tree_link(&m->t, "sys/devices/system/memory/teardown", EIO_FILE);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_TEARDOWN, blocks, 2), 0);
        assert_int_equal(answers(m->fd, results, N), 2);
        assert_true(results[0].error == ECANCELED && results[1].error == ECANCELED);
}

static void test_hang_up(void **state) {
        struct machine *m = *state;

        assert_int_equal(reap(m), 0);
}

static uint64_t page(unsigned bit) {
        return UINT64_C(1) << bit;
}

/* Page flags of the machine's first pages; block 1 is behind them. KPF_BUDDY and KPF_SLAB (include/uapi/linux/kernel-page-flags.h). */
static void put_page_flags(struct machine *m) {
        static uint64_t flags[300];
        char path[128];
        FILE *f;

        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                flags[i] = i >= 256 && i < 259 ? page(7) : page(10);
        tree_file(&m->t, "proc/kpageflags", "");
        (void) snprintf(path, sizeof(path), "%s/proc/kpageflags", m->t.path);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(flags, sizeof(flags[0]), ELEMENTSOF(flags), f), ELEMENTSOF(flags));
        assert_int_equal(fclose(f), 0);
}

/* With its tally, if there is one. */
static struct mhp_worker_answer one_answer(int fd) {
        struct mhp_worker_answer answer, all = { .done = false };

        do {
                wait_for(fd);
                assert_int_equal(mhp_worker_receive(fd, &answer), 1);
                for (size_t i = 0; i < answer.n; i++)
                        all.result[all.n++] = answer.result[i];
                for (size_t i = 0; i < answer.n_tallies; i++)
                        all.tally[all.n_tallies++] = answer.tally[i];
        } while (!answer.done);
        return all;
}

static void test_count(void **state) {
        struct machine *m = *state;
        const uint32_t blocks[] = { 0, 1 };
        uint64_t pages = 0x100000 / (uint64_t) sysconf(_SC_PAGESIZE);
        struct mhp_worker_answer answer;

        tree_memory(&m->t, "100000");
        tree_add_block(&m->t, 0, "online", "Normal", -1, NULL);
        tree_add_block(&m->t, 1, "online", "Movable", -1, NULL);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_COUNT, blocks, 2), 0);
        answer = one_answer(m->fd);
        assert_int_equal(answer.n, 2);
        assert_int_equal(answer.n_tallies, 0);
        assert_int_equal(answer.result[0].error, ENOENT);

        if (pages != 256)
                skip();
        put_page_flags(m);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_COUNT, blocks, 2), 0);
        answer = one_answer(m->fd);
        assert_int_equal(answer.n_tallies, 2);
        assert_int_equal(answer.result[1].error, 0);
        assert_int_equal(answer.result[1].counted, 1);
        assert_int_equal(answer.result[1].zone, MHP_ZONE_MOVABLE);
        assert_int_equal(answer.tally[0].pages[MHP_CLASS_FREE], 256);
        assert_int_equal(answer.tally[1].pages[MHP_CLASS_SLAB], 3);
        assert_int_equal(answer.tally[1].first[MHP_CLASS_SLAB], 256);
        assert_string_equal(state_of(m, 0), "online\n"); /* nothing is written */

        /* An offline that fails brings it unasked, if it says anything. */
        tree_drop(&m->t, "sys/devices/system/memory/memory1/state");
        state_link(m, 1, EIO_FILE);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, &blocks[1], 1), 0);
        answer = one_answer(m->fd);
        assert_int_equal(answer.result[0].error, EIO);
        assert_int_equal(answer.n_tallies, 1);
        assert_int_equal(answer.tally[0].pages[MHP_CLASS_SLAB], 3);
        tree_drop(&m->t, "sys/devices/system/memory/memory1/state");
        state_link(m, 1, EINVAL_FILE);
        assert_int_equal(mhp_worker_send(m->fd, MHP_VERB_OFFLINE, &blocks[1], 1), 0);
        assert_int_equal(one_answer(m->fd).n_tallies, 0);
}

/* The switches of those that bring memory, and the hand-over. */
static void test_device(void **state) {
        static const struct {
                const char *what;
                enum mhp_verb verb;
                const char *device, *value;
                const char *path; /* where `value` is found then; NULL: nothing is written */
                int error;
        } rows[] = {
                { "hold", MHP_VERB_HOLD, "acpi:PNP0C80:00", "0", "sys/firmware/acpi/hotplug/memory/enabled", 0 },
                { "release", MHP_VERB_RELEASE, "acpi", "1", "sys/firmware/acpi/hotplug/memory/enabled", 0 },
                { "no value of it", MHP_VERB_HOLD, "acpi:PNP0C80:00", "2", NULL, EINVAL },
                { "no switch", MHP_VERB_HOLD, "dax:dax0.0", "0", NULL, EOPNOTSUPP },
                { "no such source", MHP_VERB_HOLD, "cxl:mem0", "0", NULL, EINVAL },
                { "not there", MHP_VERB_HOLD, "virtio-mem:virtio0", "N", NULL, ENOENT },
                { "unbind", MHP_VERB_HAND, "dax:dax0.0", "", "sys/bus/dax/drivers/kmem/unbind", 0 },
                { "nothing to hand it to", MHP_VERB_HAND, "virtio-mem:virtio0", "", NULL, EOPNOTSUPP },
                { "out of the folder", MHP_VERB_HAND, "acpi:PNP0C80:../x", "", NULL, EINVAL },
        };
        struct machine *m = *state;

        tree_file(&m->t, "sys/firmware/acpi/hotplug/memory/enabled", "1");
        tree_file(&m->t, "sys/bus/dax/drivers/kmem/unbind", "");
        ROWS(row, rows) {
                struct mhp_worker_result result;

                ROW_INT(row->what, mhp_worker_send_device(m->fd, row->verb, row->device, row->value), 0);
                ROW_INT(row->what, answers(m->fd, &result, 1), 1);
                ROW_INT(row->what, result.error, row->error);
                if (row->path)
                        assert_string_equal(tree_read(&m->t, row->path), row->verb == MHP_VERB_HAND ? "dax0.0" : row->value);
        }
        assert_int_equal(mhp_worker_send_device(m->fd, MHP_VERB_HOLD, "acpi", "a value longer than any"), -EINVAL);
}

struct raw_request {
        uint32_t verb, n;
        char device[MHP_GROUP_NAME_MAX], value[MHP_WORKER_VALUE_MAX];
        uint32_t blocks[2];
};

/* A request that makes no sense is the end of a worker; the daemon starts another. */
static void test_bad_requests(void **state) {
        enum { ONE = offsetof(struct raw_request, blocks[1]), NONE = offsetof(struct raw_request, blocks) };
        static const struct {
                const char *what;
                struct raw_request raw;
                size_t len;
        } rows[] = {
                { "too short", { .verb = MHP_VERB_OFFLINE }, 4 },
                { "no device at all", { .verb = MHP_VERB_OFFLINE }, 8 },
                { "verb none", { .verb = MHP_VERB_NONE, .n = 1, .blocks = { 5 } }, ONE },
                { "verb report", { .verb = MHP_VERB_REPORT, .n = 1, .blocks = { 5 } }, ONE },
                { "verb interrupt", { .verb = MHP_VERB_INTERRUPT, .n = 1, .blocks = { 5 } }, ONE },
                { "verb unheard of", { .verb = 4711, .n = 1, .blocks = { 5 } }, ONE },
                { "fewer blocks than said", { .verb = MHP_VERB_OFFLINE, .n = 2, .blocks = { 5 } }, ONE },
                { "more blocks than said", { .verb = MHP_VERB_OFFLINE, .n = 1, .blocks = { 5, 6 } }, sizeof(struct raw_request) },
                { "more blocks than can be", { .verb = MHP_VERB_OFFLINE, .n = UINT32_MAX, .blocks = { 5 } }, ONE },
                { "blocks with a device", { .verb = MHP_VERB_OFFLINE, .n = 1, .device = "acpi", .blocks = { 5 } }, ONE },
                { "blocks with a value", { .verb = MHP_VERB_COUNT, .n = 1, .value = "1", .blocks = { 5 } }, ONE },
                { "a value that is no hold", { .verb = MHP_VERB_ONLINE_KERNEL, .n = 1, .value = "1", .blocks = { 5 } }, ONE },
                { "a hold to be lifted for nothing", { .verb = MHP_VERB_OFFLINE, .n = 1, .value = "lift", .blocks = { 5 } }, ONE },
                { "a device with blocks", { .verb = MHP_VERB_HAND, .n = 1, .device = "dax:dax0.0", .blocks = { 5 } }, ONE },
                { "no device", { .verb = MHP_VERB_HAND }, NONE },
                { "a value without an end", { .verb = MHP_VERB_HOLD, .device = "acpi", .value = { [0 ... 15] = '1' } }, NONE },
                { "a device without an end", { .verb = MHP_VERB_HOLD, .device = { [0 ... 63] = 'a' } }, NONE },
        };
        struct machine *m = *state;

        ROWS(row, rows) {
                tree_set(&m->t, 5, "state", "");
                ROW_INT(row->what, send(m->fd, &row->raw, row->len, MSG_NOSIGNAL), (ssize_t) row->len);
                wait_for(m->fd);
                ROW_INT(row->what, reap(m), 3);
                assert_string_equal(state_of(m, 5), "\n");
                teardown(state);
                assert_int_equal(setup(state), 0);
        }
}

/* The layout of an answer with at most two results or one and a tally, as worker.c has it. */
struct raw {
        uint32_t done, n, n_tallies, reserved;
        struct mhp_worker_result result[2];
        struct mhp_tally tally; /* behind `n` results when it is sent */
};

static size_t lay_out(const struct raw *raw, char *buf) {
        size_t n = MIN(raw->n, 2u), len = offsetof(struct raw, result) + n * sizeof(raw->result[0]);

        memcpy(buf, raw, len);
        if (raw->n_tallies == 0)
                return len;
        memcpy(buf + len, &raw->tally, sizeof(raw->tally));
        return len + sizeof(raw->tally);
}

static void test_bad_answers(void **state) {
        static const struct {
                const char *what;
                struct raw raw;
                size_t len; /* 0: header, n results, a tally if there are any */
                int r;
        } rows[] = {
                { "nothing but the end", { .done = 1 }, 0, 1 },
                { "a good one", { .n = 1, .result = { { .nr = 5, .error = EBUSY, .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_MOVABLE } } }, 0, 1 },
                { "counted", { .n = 1, .n_tallies = 1, .result = { { .counted = 1 } }, .tally = { .pages = { [MHP_CLASS_SLAB] = 7 } } }, 0, 1 },
                { "too short", { .done = 1 }, 4, -EBADMSG },
                { "done twice over", { .done = 2 }, 0, -EBADMSG },
                { "fewer results than said", { .n = 2 }, 16 + sizeof(struct mhp_worker_result), -EBADMSG },
                { "more results than said", { .n = 1 }, 16 + 2 * sizeof(struct mhp_worker_result), -EBADMSG },
                { "more results than can be", { .n = MHP_WORKER_RESULTS_MAX + 1 }, 0, -EBADMSG },
                { "a length that wraps", { .n = UINT32_MAX / 10 }, 16, -EBADMSG },
                { "no block", { .n = 1, .result = { { .nr = MHP_NO_BLOCK } } }, 0, -EBADMSG },
                { "negative errno", { .n = 1, .result = { { .error = -EBUSY } } }, 0, -EBADMSG },
                { "no errno", { .n = 1, .result = { { .error = 4096 } } }, 0, -EBADMSG },
                { "no read errno", { .n = 1, .result = { { .read_error = INT32_MIN } } }, 0, -EBADMSG },
                { "no state", { .n = 1, .result = { { .state = _MHP_STATE_MAX } } }, 0, -EBADMSG },
                { "no zone", { .n = 1, .result = { { .zone = _MHP_ZONE_MAX } } }, 0, -EBADMSG },
                { "counted twice over", { .n = 1, .n_tallies = 1, .result = { { .counted = 2 } } }, 0, -EBADMSG },
                { "counted without a tally", { .n = 1, .result = { { .counted = 1 } } }, 0, -EBADMSG },
                { "a tally of nothing", { .n = 1, .n_tallies = 1 }, 0, -EBADMSG },
                { "more tallies than said", { .n_tallies = 2 }, 0, -EBADMSG },
                { "more tallies than can be", { .n_tallies = MHP_WORKER_TALLIES_MAX + 1 }, 0, -EBADMSG },
                { "more pages than a block has", { .n = 1, .n_tallies = 1, .result = { { .counted = 1 } },
                  .tally = { .pages = { [0] = UINT32_MAX, [1] = 1 } } }, 0, -EBADMSG },
                { "a page beyond all memory", { .n = 1, .n_tallies = 1, .result = { { .counted = 1 } },
                  .tally = { .pages = { [0] = 1 }, .first = { [0] = UINT64_MAX } } }, 0, -EBADMSG },
        };
        struct mhp_worker_answer answer;
        char buf[sizeof(struct raw)];
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        assert_int_equal(mhp_worker_receive(pair[0], &answer), 0);
        ROWS(row, rows) {
                size_t len = lay_out(&row->raw, buf);

                len = row->len ? row->len : len;
                memset(&answer, 0x5a, sizeof(answer));
                ROW_INT(row->what, send(pair[1], row->len ? (const void *) &row->raw : buf, len, 0), (ssize_t) len);
                ROW_INT(row->what, mhp_worker_receive(pair[0], &answer), row->r);
                if (row->r > 0) {
                        ROW_INT(row->what, answer.done, row->raw.done);
                        ROW_INT(row->what, answer.n, row->raw.n);
                        ROW_INT(row->what, answer.n_tallies, row->raw.n_tallies);
                } else
                        ROW_INT(row->what, answer.n, (size_t) 0x5a5a5a5a5a5a5a5a);
        }
        close(pair[1]);
        assert_int_equal(mhp_worker_receive(pair[0], &answer), -ECONNRESET);
        close(pair[0]);
}

/* A worker that does not read must not hold the daemon. */
static void test_full(void **state) {
        static uint32_t blocks[MHP_WORKER_BLOCKS_MAX];
        int pair[2], r = 0, n = 0;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        while (r == 0 && n++ < 100000)
                r = mhp_worker_send(pair[0], MHP_VERB_OFFLINE, blocks, MHP_WORKER_BLOCKS_MAX);
        assert_int_equal(r, -EAGAIN);
        close(pair[1]);
        assert_int_equal(mhp_worker_send(pair[0], MHP_VERB_OFFLINE, blocks, 1), -ECONNRESET); /* it left with requests unread */
        assert_int_equal(mhp_worker_send(pair[0], MHP_VERB_OFFLINE, blocks, 1), -EPIPE);
        close(pair[0]);
}

/* This program is the worker, started as the daemon starts itself. */
static void test_spawn(void **state) {
        struct mhp_worker_result results[1];
        struct machine *m = *state;
        const uint32_t block = 9;
        int fd = -1, status;
        pid_t pid = -1;

        assert_int_equal(mhp_worker_spawn("/nonexistent/mhpd", m->t.path, &pid, &fd), -ENOENT);
        assert_int_equal(pid, -1);
        assert_int_equal(fd, -1);

        tree_set(&m->t, 9, "state", "");
        tree_file(&m->t, "sys/devices/system/memory/memory9/state", "");
        assert_int_equal(mhp_worker_spawn("/proc/self/exe", m->t.path, &pid, &fd), 0);
        assert_int_equal(mhp_worker_send(fd, MHP_VERB_ONLINE_KERNEL, &block, 1), 0);
        assert_int_equal(answers(fd, results, 1), 1);
        assert_int_equal(results[0].error, 0);
        assert_string_equal(state_of(m, 9), "online_kernel");
        close(fd);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int be_worker(const char *sysroot) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        return mhp_root_open(sysroot, &root) < 0 || mhp_worker_main(MHP_WORKER_FD, &root) < 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                T(test_verbs), T(test_read_back), T(test_errors), T(test_settle), T(test_many), T(test_stuck), T(test_stuck_offline), T(test_late_signal),
                T(test_teardown), T(test_hang_up), T(test_count), T(test_device), T(test_bad_requests), cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_full), T(test_spawn),
        };

        if (argc == 4 && strcmp(argv[1], "--worker") == 0 && strcmp(argv[2], "--sysroot") == 0)
                return be_worker(argv[3]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
