/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Have pages of one kind, say so, and stay until killed.
 * usage: pages KIND COUNT [DIRECTORY]
 *   anon      anonymous memory, page by page       thp         the same as huge pages
 *   locked    the first with mlock(2)              locked-thp  the second with mlock(2)
 *   huge      hugetlb pages, mapped (COUNT is of small pages, as everywhere)
 *   spliced   anonymous pages that only pipes hold any more
 *   files     COUNT empty files in DIRECTORY, each of which costs the kernel an inode and a name
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { page_size = 4096, huge_size = 2 << 20, pages_per_pipe = 16 };

static void fail(const char *what)
{
        fprintf(stderr, "pages: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* Memory that starts where a huge page can, each page of it written to. */
static char *fill(long count, int huge, int flags)
{
        size_t size = count * page_size;
        char *at = mmap(NULL, size + huge_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

        if (at == MAP_FAILED)
                fail("mmap");
        if (flags & MAP_HUGETLB) {
                memset(at, 1, size);
                return at;
        }
        at = (char *)(((unsigned long)at + huge_size - 1) & ~(huge_size - 1UL));
        if (madvise(at, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) < 0)
                fail("madvise");
        for (long i = 0; i < count; i++)
                at[i * page_size] = 1;
        return at;
}

/* Pages into pipes that are never read; the pages' own mapping goes. */
static void splice_away(char *at, long count)
{
        int ends[2] = { -1, -1 };

        for (long i = 0; i < count; i++) {
                struct iovec part = { at + i * page_size, page_size };

                if (i % pages_per_pipe == 0 && pipe(ends) < 0)
                        fail("pipe");
                if (vmsplice(ends[1], &part, 1, 0) != page_size)
                        fail("vmsplice");
        }
        if (munmap(at, count * page_size) < 0)
                fail("munmap");
}

static void make_files(const char *directory, long count)
{
        char name[32];

        if (chdir(directory) < 0)
                fail(directory);
        for (long i = 0; i < count; i++) {
                int fd;

                snprintf(name, sizeof(name), "%ld", i);
                fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                if (fd < 0)
                        fail(name);
                close(fd);
        }
}

int main(int argc, char **argv)
{
        const char *kind = argc > 2 ? argv[1] : "";
        long count = argc > 2 ? atol(argv[2]) : 0;
        char *at;

        if (strcmp(kind, "anon") == 0 || strcmp(kind, "thp") == 0) {
                fill(count, *kind == 't', 0);
        } else if (strcmp(kind, "locked") == 0 || strcmp(kind, "locked-thp") == 0) {
                at = fill(count, strchr(kind, '-') != NULL, 0);
                if (mlock(at, count * page_size) < 0)
                        fail("mlock");
        } else if (strcmp(kind, "huge") == 0) {
                fill(count, 1, MAP_HUGETLB | MAP_NORESERVE);
        } else if (strcmp(kind, "spliced") == 0) {
                splice_away(fill(count, 0, 0), count);
        } else if (strcmp(kind, "files") == 0 && argc > 3) {
                make_files(argv[3], count);
        } else {
                return 2;
        }
        printf("ready\n");
        fflush(stdout);
        pause();
        return 0;
}
