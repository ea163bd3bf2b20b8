/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that taking memory offline can cost: write `offline` to the state of each block from LAST down to FIRST and print
 * how long that took, in seconds. Ends with 1 at the first that refuses.
 * usage: offlineloop FIRST LAST
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec / 1e9;
}

static int take_offline(long block)
{
        char path[96];
        int fd, good;

        snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%ld/state", block);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        good = write(fd, "offline", 7) == 7;
        close(fd);
        return good ? 0 : -1;
}

int main(int argc, char **argv)
{
        if (argc != 3)
                return 2;

        double began = now();

        for (long first = atol(argv[1]), block = atol(argv[2]); block >= first; block--)
                if (take_offline(block) < 0) {
                        fprintf(stderr, "offlineloop: block %ld: ", block);
                        perror(NULL);
                        return 1;
                }
        printf("%.6f\n", now() - began);
        return 0;
}
