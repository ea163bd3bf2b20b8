/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hold memory of one kind and know what is in it: prints "ready" once it is filled, and on SIGTERM checks every word, prints
 * "intact" or "broken" with what it did, and ends with 0 or 3. SIGUSR1 prints the same and goes on. With `churn` it also keeps
 * checking and writing pages all the time, and ends at the first word that is wrong.
 * usage: load KIND MIB [churn] [FILE]
 *   anon      small pages                         mlock     the same, locked
 *   thp       one heap, advised to be huge        hugetlb   huge pages of hugetlbfs, which it asks the kernel for
 *   shmem     shared memory                       file      page cache of FILE, written back
 *   slab      files in a tmpfs of its own: their inodes and names fill kernel memory
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { page_size = 4096, words = page_size / 8, huge_size = 2 << 20, burst = 64, slab_per_mib = 1000 };

static volatile sig_atomic_t stop, report;
static uint32_t *generation;    /* of each page: what was written last */
static uint64_t *memory;
static long pages, rounds;
static const char *slab_folder = "/run/load-slab";

static void give_up(const char *what)
{
        fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* What the first word of a page is; the others follow from it. */
static uint64_t first_word(long page)
{
        return (page + 1) * 0x9e3779b97f4a7c15ULL ^ (uint64_t)generation[page] << 40;
}

static void write_page(uint64_t *at, long page)
{
        uint64_t word = first_word(page);

        for (int i = 0; i < words; i++)
                at[i] = word + i;
}

static bool page_is_right(const uint64_t *at, long page)
{
        uint64_t word = first_word(page), wrong = 0;

        for (int i = 0; i < words; i++)
                wrong |= at[i] ^ (word + i);
        return wrong == 0;
}

static uint64_t *map(long size, int flags, int fd)
{
        void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

        if (at == MAP_FAILED)
                give_up("mmap");
        return at;
}

static uint64_t *map_anonymous(long size, int advice)
{
        char *at = (char *)map(size + huge_size, MAP_PRIVATE | MAP_ANONYMOUS, -1);

        at += huge_size - (uintptr_t)at % huge_size;
        madvise(at, size, advice);
        return (uint64_t *)at;
}

static uint64_t *map_hugetlb(long size)
{
        FILE *f = fopen("/proc/sys/vm/nr_hugepages", "we");

        if (!f || fprintf(f, "%ld\n", size / huge_size) < 0 || fclose(f) < 0)
                give_up("nr_hugepages");
        return map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static uint64_t *map_shmem(long size)
{
        int fd = memfd_create("load", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, size) < 0)
                give_up("memfd");
        return map(size, MAP_SHARED, fd);
}

/* By write(2): that is how page cache comes to be, and a fault for each page would take long. */
static uint64_t *map_file(long size, const char *path)
{
        static uint64_t page[words];
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0)
                give_up(path);
        for (long i = 0; i < pages; i++) {
                write_page(page, i);
                if (write(fd, page, page_size) != page_size)
                        give_up(path);
        }
        if (fsync(fd) < 0)
                give_up(path);
        return map(size, MAP_SHARED, fd);
}

static uint64_t *get_memory(const char *kind, long size, const char *path)
{
        if (!strcmp(kind, "anon") || !strcmp(kind, "mlock"))
                return map_anonymous(size, MADV_NOHUGEPAGE);
        if (!strcmp(kind, "thp"))
                return map_anonymous(size, MADV_HUGEPAGE);
        if (!strcmp(kind, "hugetlb"))
                return map_hugetlb(size);
        if (!strcmp(kind, "shmem"))
                return map_shmem(size);
        if (!strcmp(kind, "file") && path)
                return map_file(size, path);
        fprintf(stderr, "load: no such kind: %s\n", kind);
        exit(2);
}

static void fill(bool lock)
{
        for (long i = 0; i < pages; i++)
                write_page(memory + i * words, i);
        if (lock && mlock(memory, pages * page_size) < 0)
                give_up("mlock");
}

static long count_broken(void)
{
        long broken = 0;

        for (long i = 0; i < pages; i++)
                broken += !page_is_right(memory + i * words, i);
        return broken;
}

/* Check some pages all over the place and write them anew; whether all of them were right. */
static bool churn_some(void)
{
        static uint64_t state = 88172645463325252ULL;

        for (int i = 0; i < burst; i++) {
                state ^= state << 13, state ^= state >> 7, state ^= state << 17;

                long page = state % pages;

                if (!page_is_right(memory + page * words, page))
                        return false;
                generation[page]++;
                write_page(memory + page * words, page);
        }
        rounds += burst;
        return true;
}

static void slab_name(char *path, size_t size, long i)
{
        snprintf(path, size, "%s/a-name-that-is-too-long-to-lie-in-its-dentry-%ld", slab_folder, i);
}

/* Empty files: an inode and two allocations for its name, about a KiB in all. Their number is their only content. */
static long slab(long count, bool make)
{
        struct stat st;
        char path[128];
        long good = 0;

        if (make && ((mkdir(slab_folder, 0700) < 0 && errno != EEXIST) || mount("load", slab_folder, "tmpfs", 0, "nr_inodes=0") < 0))
                give_up(slab_folder);
        for (long i = 0; i < count; i++) {
                slab_name(path, sizeof(path), i);
                good += make ? mknod(path, S_IFREG | 0600, 0) == 0 : stat(path, &st) == 0;
        }
        return count - good;
}

static bool say(long broken)
{
        printf("%s pages=%ld broken=%ld rounds=%ld\n", broken ? "broken" : "intact", pages, broken, rounds);
        fflush(stdout);
        return broken == 0;
}

static void on_signal(int number)
{
        if (number == SIGUSR1)
                report = 1;
        else
                stop = 1;
}

static int live(bool is_slab, bool churn)
{
        sigset_t none, ours;

        sigemptyset(&none);
        sigemptyset(&ours);
        sigaddset(&ours, SIGUSR1);
        sigaddset(&ours, SIGTERM);
        while (!stop) {
                if (churn && !churn_some())
                        break;
                if (!churn) {
                        sigprocmask(SIG_BLOCK, &ours, NULL);
                        if (!stop && !report)
                                sigsuspend(&none);
                        sigprocmask(SIG_UNBLOCK, &ours, NULL);
                }
                if (report) {
                        report = 0;
                        say(is_slab ? slab(pages, false) : count_broken());
                }
        }

        bool good = say(is_slab ? slab(pages, false) : count_broken());

        if (is_slab)
                umount2(slab_folder, MNT_DETACH);
        return good ? 0 : 3;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;

        const char *kind = argv[1];
        bool churn = argc > 3 && !strcmp(argv[3], "churn"), is_slab = !strcmp(kind, "slab");
        struct sigaction action = { .sa_handler = on_signal };
        long mib = atol(argv[2]);

        sigaction(SIGUSR1, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        pages = is_slab ? mib * slab_per_mib : mib << 20 >> 12;
        if (is_slab) {
                if (slab(pages, true) > 0)
                        give_up("slab");
        } else {
                generation = calloc(pages, sizeof(*generation));
                if (!generation)
                        give_up("calloc");
                memory = get_memory(kind, pages * page_size, argc > 3 ? argv[argc - 1] : NULL);
                if (strcmp(kind, "file"))
                        fill(!strcmp(kind, "mlock"));
        }
        printf("ready %s %ld MiB\n", kind, mib);
        fflush(stdout);
        return live(is_slab, churn && !is_slab);
}
