/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Take kernel memory that cannot move: fill pipes until MIB mebibytes of buffers are held, print how much, and stay.
 * usage: pipefill MIB
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const int pipe_size = 1 << 20;

/* Fill one pipe; the number of bytes that went in, or -1. */
static long fill_pipe(const char *data)
{
        int ends[2];
        long total = 0;

        if (pipe2(ends, O_NONBLOCK) < 0)
                return -1;
        if (fcntl(ends[1], F_SETPIPE_SZ, pipe_size) < 0)
                return -1;
        for (;;) {
                ssize_t n = write(ends[1], data, 65536);

                if (n < 0)
                        return errno == EAGAIN ? total : -1;
                total += n;
        }
}

int main(int argc, char **argv)
{
        static char data[65536];
        struct rlimit files = { 1 << 16, 1 << 16 };
        long want = argc > 1 ? atol(argv[1]) << 20 : 0, have = 0;

        setrlimit(RLIMIT_NOFILE, &files);
        memset(data, 'x', sizeof(data));
        while (have < want) {
                long n = fill_pipe(data);

                if (n < 0) {
                        fprintf(stderr, "pipefill: %s after %ld MiB\n", strerror(errno), have >> 20);
                        return 1;
                }
                have += n;
                if ((have >> 20) % 100 == 0)
                        fprintf(stderr, "%ld\n", have >> 20);
        }
        printf("held %ld MiB\n", have >> 20);
        fflush(stdout);
        pause();
        return 0;
}
