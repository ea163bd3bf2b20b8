/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Make a memory block impossible to offline: find anonymous pages of ours that lie in it, put references to them into
 * pipes with vmsplice(2), and stay. The kernel then retries their migration for ever. With SECONDS, let go of them after that time.
 * Any aligned range does for a block: 2 and 2147483648 are the third 2 GiB of the address space.
 * usage: pinblock BLOCK BLOCK_SIZE [PAGES [SECONDS]]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { page_size = 4096, chunk_pages = 4096, pages_per_pipe = 8 };

static int pagemap;
static uint64_t first_pfn, last_pfn, found_pfn;

/* The page frame behind an address, 0 when there is none. */
static uint64_t frame_of(const char *address)
{
        uint64_t entry;

        if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)address / page_size * sizeof(entry)) != sizeof(entry))
                return 0;
        return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

/* Put a reference to this page into a pipe; pipes are opened as they fill up and never read. */
static int pin(char *page)
{
        static int ends[2] = { -1, -1 }, used = pages_per_pipe;
        struct iovec part = { page, page_size };

        if (used == pages_per_pipe) {
                if (pipe(ends) < 0)
                        return -errno;
                used = 0;
        }
        used++;
        return vmsplice(ends[1], &part, 1, 0) == page_size ? 0 : -errno;
}

/* Pin what lies in the block out of one chunk of fresh memory; the number of pages pinned. */
static long pin_chunk(long want)
{
        char *chunk = mmap(NULL, chunk_pages * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long pinned = 0;

        if (chunk == MAP_FAILED)
                return -errno;
        madvise(chunk, chunk_pages * page_size, MADV_NOHUGEPAGE);
        for (long i = 0; i < chunk_pages; i++)
                chunk[i * page_size] = 1;
        for (long i = 0; i < chunk_pages && pinned < want; i++) {
                uint64_t frame = frame_of(chunk + i * page_size);

                if (frame < first_pfn || frame > last_pfn)
                        continue;
                if (pin(chunk + i * page_size) < 0)
                        return -errno;
                if (found_pfn == 0)
                        found_pfn = frame;
                pinned++;
        }
        return pinned;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;

        uint64_t block = strtoull(argv[1], NULL, 10), size = strtoull(argv[2], NULL, 10);
        long want = argc > 3 ? atol(argv[3]) : 16, have = 0;

        first_pfn = block * size / page_size;
        last_pfn = first_pfn + size / page_size - 1;
        pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        if (pagemap < 0)
                return 1;
        /* Chunks that missed the block are kept, so that the next one has to come from elsewhere. */
        for (int i = 0; i < 1024 && have < want; i++) {
                long n = pin_chunk(want - have);

                if (n < 0) {
                        fprintf(stderr, "pinblock: %s\n", strerror(-n));
                        return 1;
                }
                have += n;
        }
        printf("pinned %ld pages, the first is PFN %llu\n", have, (unsigned long long)found_pfn);
        fflush(stdout);
        if (have == 0)
                return 1;
        if (argc > 4)
                sleep(atoi(argv[4]));
        else
                pause();
        return 0;
}
