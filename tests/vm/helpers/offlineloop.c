/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that taking memory offline can cost: write `offline` to the state of each block from LAST down to FIRST and print
 * how long that took, in seconds. Ends with 1 at the first that refuses. With `teardown`, write all of them to that file at once, as a kernel
 * with the companion series takes them.
 * usage: offlineloop FIRST LAST [teardown]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec / 1e9;
}

static int write_text(const char *path, const char *text)
{
        ssize_t size = strlen(text);
        int fd, good;

        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        good = write(fd, text, size) == size;
        close(fd);
        return good ? 0 : -1;
}

static int take_offline(long block)
{
        char path[96];

        snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%ld/state", block);
        return write_text(path, "offline");
}

static int tear_down(long first, long last)
{
        char text[64];

        snprintf(text, sizeof(text), "%ld-%ld", last, first);
        return write_text("/sys/devices/system/memory/teardown", text);
}

int main(int argc, char **argv)
{
        if (argc != 3 && (argc != 4 || strcmp(argv[3], "teardown")))
                return 2;

        long first = atol(argv[1]), last = atol(argv[2]);
        double began = now();

        if (argc == 4 && tear_down(first, last) < 0) {
                perror("offlineloop: teardown");
                return 1;
        }
        for (long block = last; argc == 3 && block >= first; block--)
                if (take_offline(block) < 0) {
                        fprintf(stderr, "offlineloop: block %ld: ", block);
                        perror(NULL);
                        return 1;
                }
        printf("%.6f\n", now() - began);
        return 0;
}
