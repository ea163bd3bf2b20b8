/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/worker.h"

static void take_answer(int fd) {
        static struct mhp_worker_answer answer;
        size_t n_counted = 0;
        int r = mhp_worker_receive(fd, &answer);

        MUST(r == 1 || r == -EBADMSG);
        if (r < 0)
                return;
        MUST(answer.n <= MHP_WORKER_RESULTS_MAX && answer.n_tallies <= MHP_WORKER_TALLIES_MAX);
        for (size_t i = 0; i < answer.n; i++) {
                MUST(answer.result[i].nr <= MHP_BLOCK_MAX && answer.result[i].state < _MHP_STATE_MAX && answer.result[i].zone < _MHP_ZONE_MAX);
                n_counted += answer.result[i].counted;
        }
        MUST(n_counted == answer.n_tallies);
}

static void take_request(int fd) {
        static struct mhp_worker_request request;
        int r = mhp_worker_take(fd, &request);

        MUST(r == 1 || r == -EBADMSG);
        if (r < 0)
                return;
        MUST(request.n <= MHP_WORKER_BLOCKS_MAX && strlen(request.device) < MHP_GROUP_NAME_MAX && strlen(request.value) < MHP_WORKER_VALUE_MAX);
        MUST(mhp_verb_is_device((enum mhp_verb) request.verb) ? request.n == 0 : !request.device[0]);
}

/* The same bytes to either side of the talk. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int pair[2] = { -1, -1 };

        if (pair[0] < 0)
                MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        if (size == 0 || size > 65536)
                return 0;
        MUST(send(pair[1], data, size, 0) == (ssize_t) size);
        take_answer(pair[0]);
        MUST(send(pair[1], data, size, 0) == (ssize_t) size);
        take_request(pair[0]);
        return 0;
}
