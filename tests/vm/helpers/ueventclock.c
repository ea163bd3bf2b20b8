/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time the kernel's memory events: listen to them directly and, once COUNT blocks have come online or, with `offline`, gone
 * offline (or SECONDS have passed), print one line:
 * add=N online=N offline=N remove=N first_add=S last_online=S span=S first_offline=S last_offline=S lost=N
 * Times are CLOCK_MONOTONIC in seconds. Prints "ready" when it listens.
 * usage: ueventclock COUNT SECONDS [offline]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct tally {
        long add, online, offline, remove, lost;
        double first_add, last_online, first_offline, last_offline;
};

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec / 1e9;
}

static int listen_to_kernel(void)
{
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        int size = 64 << 20, fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        return fd;
}

/* Messages start with "ACTION@DEVPATH". */
static void count_event(struct tally *t, const char *message, double when)
{
        if (!strstr(message, "@/devices/system/memory/memory"))
                return;
        if (!strncmp(message, "add@", 4)) {
                if (t->add++ == 0)
                        t->first_add = when;
        } else if (!strncmp(message, "online@", 7)) {
                t->online++;
                t->last_online = when;
        } else if (!strncmp(message, "offline@", 8)) {
                if (t->offline++ == 0)
                        t->first_offline = when;
                t->last_offline = when;
        } else if (!strncmp(message, "remove@", 7)) {
                t->remove++;
        }
}

/* COUNTED: one of the tallies. */
static void collect(struct tally *t, const long *counted, int fd, long count, double until)
{
        char message[8192];

        while (*counted < count && now() < until) {
                struct pollfd waiting = { .fd = fd, .events = POLLIN };

                if (poll(&waiting, 1, (int)((until - now()) * 1000) + 1) <= 0)
                        continue;
                ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

                if (n < 0) {
                        t->lost += errno == ENOBUFS;
                        continue;
                }
                message[n] = '\0';
                count_event(t, message, now());
        }
}

int main(int argc, char **argv)
{
        if (argc != 3 && argc != 4)
                return 2;

        struct tally t = { 0 };
        const long *counted = argc == 4 && !strcmp(argv[3], "offline") ? &t.offline : &t.online;
        int fd = listen_to_kernel();

        if (fd < 0)
                return 1;
        printf("ready\n");
        fflush(stdout);
        collect(&t, counted, fd, atol(argv[1]), now() + atof(argv[2]));
        printf("add=%ld online=%ld offline=%ld remove=%ld first_add=%.6f last_online=%.6f span=%.6f first_offline=%.6f "
               "last_offline=%.6f lost=%ld\n", t.add, t.online, t.offline, t.remove, t.first_add, t.last_online,
               t.last_online - t.first_add, t.first_offline, t.last_offline, t.lost);
        return *counted >= atol(argv[1]) ? 0 : 1;
}
