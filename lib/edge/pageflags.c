/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/pageflags.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "edge/names.h"

static int open_file(const struct mhp_root *root, const char *name, int *ret) {
        int fd = mhp_root_open_at(root->fd, name, O_RDONLY);

        if (fd < 0)
                return fd;
        *ret = fd;
        return 0;
}

static int read_words(int fd, uint64_t pfn, uint64_t *ret, size_t n, uint64_t behind) {
        size_t got = 0, want = n * sizeof(*ret);
        uint64_t offset;

        /* a PFN that no file offset can tell is no page */
        if (__builtin_mul_overflow(pfn, sizeof(*ret), &offset) || offset > (uint64_t) INT64_MAX - want)
                want = 0;
        while (got < want) {
                ssize_t r = pread(fd, (char *) ret + got, want - got, (off_t) (offset + got));

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return -errno;
                if (r == 0)
                        break;
                got += (size_t) r;
        }
        for (size_t i = got / sizeof(*ret); i < n; i++)
                ret[i] = behind;
        return 0;
}

int mhp_pageflags_open(const struct mhp_root *root, struct mhp_pageflags *ret) {
        return open_file(root, NAME_PAGEFLAGS, &ret->fd);
}

void mhp_pageflags_done(struct mhp_pageflags *flags) {
        if (flags->fd >= 0)
                close(flags->fd);
        *flags = MHP_PAGEFLAGS_NONE;
}

int mhp_pageflags_read(const struct mhp_pageflags *flags, uint64_t pfn, uint64_t *ret, size_t n) {
        return read_words(flags->fd, pfn, ret, n, MHP_PAGE_NONE);
}

int mhp_pagecounts_open(const struct mhp_root *root, struct mhp_pagecounts *ret) {
        return open_file(root, NAME_PAGECOUNTS, &ret->fd);
}

void mhp_pagecounts_done(struct mhp_pagecounts *counts) {
        if (counts->fd >= 0)
                close(counts->fd);
        *counts = MHP_PAGECOUNTS_NONE;
}

int mhp_pagecounts_read(const struct mhp_pagecounts *counts, uint64_t pfn, uint64_t *ret, size_t n) {
        return read_words(counts->fd, pfn, ret, n, MHP_MAPPED_UNKNOWN);
}
