/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The worker: a process of its own for the writes that may block. It talks over a SOCK_SEQPACKET pair; each side takes what
 * the other says for outside data. */

#include <stdbool.h>
#include <sys/types.h>

#include "model/event.h"
#include "model/group.h"

#define MHP_WORKER_FD 3            /* where the worker finds its end */
#define MHP_WORKER_BLOCKS_MAX 4096 /* in one request */
#define MHP_WORKER_RESULTS_MAX 64  /* in one answer */
#define MHP_WORKER_TALLIES_MAX 16  /* likewise, which keeps it below a page of memory */
#define MHP_WORKER_VALUE_MAX 16    /* with the NUL */

struct mhp_worker_result {
        uint32_t nr;
        int32_t error;        /* positive errno of the write, or of counting; 0: done */
        int32_t read_error;   /* positive errno of reading back: state and zone are not known; ENOENT, ENODEV: gone */
        uint8_t state, zone, valid;
        uint8_t counted;      /* 1: the next tally of the answer is of this block */
};

struct mhp_worker_answer {
        bool done;            /* the request is carried out: all its blocks have been answered for */
        size_t n;
        struct mhp_worker_result result[MHP_WORKER_RESULTS_MAX];
        size_t n_tallies;     /* as many results are `counted` */
        struct mhp_tally tally[MHP_WORKER_TALLIES_MAX];
};

/* Starts `path --worker --sysroot DIR` with the other end as MHP_WORKER_FD. */
int mhp_worker_spawn(const char *path, const char *sysroot, pid_t *ret_pid, int *ret_fd);

/* One request at a time. SETTLE: `blocks` has the barrier block alone, or n is 0: no barrier, answered at once. -EAGAIN: the
 * socket is full (a worker that does not read); -E2BIG. */
int mhp_worker_send(int fd, enum mhp_verb verb, const uint32_t *blocks, size_t n);

/* ONLINE_MOVABLE, ONLINE_KERNEL: likewise, and a hold on a block is lifted. */
int mhp_worker_send_back(int fd, enum mhp_verb verb, const uint32_t *blocks, size_t n);

/* HOLD, RELEASE, HAND: answered with one result, whose error is all that counts. value: what the switch is to say, of HAND empty. -EINVAL: too long. */
int mhp_worker_send_device(int fd, enum mhp_verb verb, const char *device, const char *value);

/* Whether the verb is one of these three. */
bool mhp_verb_is_device(enum mhp_verb verb);

/* 1: an answer; 0: none there yet; -ECONNRESET: the worker is gone; -EBADMSG: it talks nonsense. Does not block. */
int mhp_worker_receive(int fd, struct mhp_worker_answer *ret);

/* The worker's own side of the talk, by read(2) and write(2): a worker has no system call of sockets (edge/confine.h). SIGPIPE is to be ignored.
 * One request: 1, 0 when the other end is closed, -EBADMSG for nonsense; waits. */
struct mhp_worker_request {
        uint32_t verb; /* enum mhp_verb */
        uint32_t n;
        char device[MHP_GROUP_NAME_MAX]; /* empty unless the verb is a device's */
        char value[MHP_WORKER_VALUE_MAX];
        uint32_t blocks[MHP_WORKER_BLOCKS_MAX];
};
bool mhp_worker_lifts(const struct mhp_worker_request *request); /* whether it was sent by mhp_worker_send_back() */
int mhp_worker_take(int fd, struct mhp_worker_request *ret);
int mhp_worker_give(int fd, const struct mhp_worker_answer *given);
