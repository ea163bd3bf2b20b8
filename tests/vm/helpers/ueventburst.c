/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Make the kernel send COUNT synthetic events as fast as it can, by writing ACTION in turn to the uevent file of each
 * memory block from FIRST to LAST. Prints how many were accepted.
 * usage: ueventburst ACTION COUNT FIRST LAST
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_uevent(long block)
{
        char path[96];

        snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%ld/uevent", block);
        return open(path, O_WRONLY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
        if (argc != 5)
                return 2;

        const char *action = argv[1];
        long count = atol(argv[2]), first = atol(argv[3]), last = atol(argv[4]), sent = 0;

        for (long i = 0; i < count; i++) {
                int fd = open_uevent(first + i % (last - first + 1));

                if (fd < 0)
                        continue;
                sent += write(fd, action, strlen(action)) > 0;
                close(fd);
        }
        printf("%ld\n", sent);
        return sent == count ? 0 : 1;
}
