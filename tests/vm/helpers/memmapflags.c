/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Say what /proc/kpageflags shows of memmaps that lie in their own blocks, one line a block: its number and state, how
 * many pages at its start carry the mark, how many pages carry it at all, and how many the kernel shows nothing of
 * (those of an offline block). Then one line with the number of pages read and the seconds that reading them took.
 * Shares nothing with mhpd, on purpose.
 * usage: memmapflags [PAGES [BLOCK..]]        PAGES: how many to read of each block, 0 = all of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SYSFS "/sys/devices/system/memory"
#define NOPAGE (1ULL << 20)
#define RESERVED (1ULL << 32)                                   /* Linux 6.1 leaves it set beside the mark */
#define SELF_HOSTED (1ULL << 37)                                /* KPF_OWNER_PRIVATE, and nothing else */

static int flags_fd;
static long pages_read;
static double seconds;

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec / 1e9;
}

static long block_pages(void)
{
        unsigned long bytes = 0;
        FILE *f = fopen(SYSFS "/block_size_bytes", "re");

        if (!f || fscanf(f, "%lx", &bytes) != 1)
                exit(1);
        fclose(f);
        return bytes / sysconf(_SC_PAGESIZE);
}

static ssize_t read_flags(uint64_t *flags, long count, long pfn)
{
        double began = now();
        ssize_t n = pread(flags_fd, flags, count * sizeof(*flags), pfn * sizeof(*flags));

        seconds += now() - began;
        if (n > 0)
                pages_read += n / sizeof(*flags);
        return n < 0 ? -errno : n / (ssize_t)sizeof(*flags);
}

static void read_state(long block, char *ret, size_t size)
{
        char path[sizeof(SYSFS) + 64];
        FILE *f;

        snprintf(path, sizeof(path), SYSFS "/memory%ld/state", block);
        f = fopen(path, "re");
        if (!f || !fgets(ret, size, f))
                snprintf(ret, size, "gone");
        ret[strcspn(ret, "\n")] = '\0';
        if (f)
                fclose(f);
}

static void show(long block, long whole, long wanted)
{
        static uint64_t flags[1 << 15];
        long leading = 0, marked = 0, unseen = 0, at = 0;
        char state[32];

        read_state(block, state, sizeof(state));
        while (at < wanted) {
                long chunk = wanted - at < 1 << 15 ? wanted - at : 1 << 15;
                ssize_t n = read_flags(flags, chunk, block * whole + at);

                if (n <= 0)
                        break;
                for (ssize_t i = 0; i < n; i++, at++) {
                        int mark = (flags[i] & ~RESERVED) == SELF_HOSTED;

                        leading += mark && leading == at;
                        marked += mark;
                        unseen += !!(flags[i] & NOPAGE);
                }
        }
        printf("%ld %s %ld %ld %ld\n", block, state, leading, marked, unseen + wanted - at);
}

static int by_number(const void *a, const void *b)
{
        long x = *(const long *)a, y = *(const long *)b;

        return (x > y) - (x < y);
}

/* All blocks there are; their number. */
static long list_blocks(long *blocks, long most)
{
        DIR *folder = opendir(SYSFS);
        long n = 0, block;

        for (struct dirent *entry; folder && (entry = readdir(folder));)
                if (n < most && sscanf(entry->d_name, "memory%ld", &block) == 1)
                        blocks[n++] = block;
        if (folder)
                closedir(folder);
        qsort(blocks, n, sizeof(*blocks), by_number);
        return n;
}

int main(int argc, char **argv)
{
        static long blocks[1 << 16];
        long whole = block_pages(), wanted = argc > 1 ? atol(argv[1]) : 0, n = 0;

        flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
        if (flags_fd < 0)
                return 1;
        for (int i = 2; i < argc; i++)
                blocks[n++] = atol(argv[i]);
        if (n == 0)
                n = list_blocks(blocks, sizeof(blocks) / sizeof(*blocks));
        for (long i = 0; i < n; i++)
                show(blocks[i], whole, wanted > 0 && wanted < whole ? wanted : whole);
        printf("read %ld pages in %.6f s\n", pages_read, seconds);
        return 0;
}
