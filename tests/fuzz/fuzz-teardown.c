/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>

#include "base/range.h"
#include "base/units.h"
#include "edge/names.h"
#include "edge/teardown.h"

#define BLOCKS_MAX 64

/* What the kernel says, as a text and as a file of this text. */
static void check_said(const struct mhp_root *root, const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fake_copy(NULL, size + 1);
        struct mhp_teardown said = { .error = -1 }, read = { .error = -1 };
        int r, q;

        if (size > 0)
                memcpy(s, data, size);
        s[size] = '\0';
        r = mhp_teardown_parse(s, &said);
        MUST(r == 0 || r == -EINVAL);
        if (r < 0)
                MUST(said.error == -1);
        else
                MUST(!said.failed || (said.error > 0 && said.error <= 4095 && said.block <= MHP_BLOCK_MAX));

        MUST(!mhp_teardown_offered(root) && mhp_teardown_read(root, &read) == -ENOENT);
        fake_file_put(NAME_TEARDOWN, data, size);
        MUST(mhp_teardown_offered(root));
        q = mhp_teardown_read(root, &read);
        if (size > 0 && data[size - 1] == '\n')
                return;
        MUST(size < 64 ? q == r : q == -E2BIG);
        if (q == 0)
                MUST(read.failed == said.failed && (!said.failed || (read.block == said.block && read.error == said.error)));
}

/* The kernel's reading of a list: `7-5,9` is 7, 6, 5 and 9. */
static size_t expand(const char *p, const char *end, uint32_t blocks[static BLOCKS_MAX]) {
        size_t n = 0;

        while (p < end) {
                char word[32] = "", *last;
                size_t len = 0;
                uint32_t first, stop;

                for (; p < end && *p != ','; p++)
                        if (len + 1 < sizeof(word))
                                word[len++] = *p;
                p += p < end;
                last = strchr(word, '-');
                if (last)
                        *last++ = '\0';
                MUST(mhp_parse_u32(word, &first) >= 0 && mhp_parse_u32(last ? last : word, &stop) >= 0);
                for (; n < BLOCKS_MAX; first += first < stop ? 1 : UINT32_MAX) {
                        blocks[n++] = first;
                        if (first == stop)
                                break;
                }
        }
        return n;
}

/* The blocks that are written are those that were named, in that order. One byte says how far the next one is from the last. */
static void check_written(const struct mhp_root *root, const uint8_t *data, size_t size) {
        uint32_t blocks[BLOCKS_MAX], written[BLOCKS_MAX], block = 1000;
        const char *text;
        size_t n, len;
        int r;

        for (n = 0; n < size && n < BLOCKS_MAX; n++)
                blocks[n] = block = (block + (uint32_t) (int8_t) (data[n] - '0')) & UINT16_MAX;
        r = mhp_teardown_write(root, blocks, n);
        MUST(FINE(r));
        if (r < 0)
                return;
        text = fake_file_get(NAME_TEARDOWN, &len);
        MUST(text && expand(text, text + len, written) == n && (n == 0 || memcmp(blocks, written, n * sizeof(*blocks)) == 0));
}

static void check_hold(const struct mhp_root *root, const uint8_t *data, size_t size) {
        size_t end = size > 0 && data[size - 1] == '\n' ? size - 1 : size, len;
        bool held = size < 8 && end > 0 && data[0] == '1' && (end == 1 || data[1] == '\0'); /* a NUL ends what is read */
        const char *text;

        MUST(!mhp_hold_read(root, 7) && mhp_hold_lift(root, 7) == 0);
        fake_file_put(NAME_MEMORY "/memory7/" NAME_HOLD, data, size);
        MUST(mhp_hold_read(root, 7) == held);
        MUST(mhp_hold_lift(root, 7) == held && !mhp_hold_read(root, 7));
        text = fake_file_get(NAME_MEMORY "/memory7/" NAME_HOLD, &len);
        MUST(held ? len == 1 && *text == '0' : len == size);
}

/* The words of the kernel; behind `#`, steps from block to block; behind another, what a hold says. In a tree any of the files may fail. */
void fuzz_one(const uint8_t *data, size_t size) {
        const uint8_t *blocks = size > 0 ? memchr(data, '#', size) : NULL, *end = data + size;
        const uint8_t *hold = blocks ? memchr(blocks + 1, '#', (size_t) (end - blocks - 1)) : NULL;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        bool tree = fake_files(data, size);

        MUST(mhp_root_open(FAKE_ROOT, &root) == 0);
        if (tree) {
                struct mhp_teardown said;

                (void) mhp_teardown_offered(&root);
                (void) mhp_teardown_read(&root, &said);
                (void) mhp_teardown_write(&root, NULL, 0);
                (void) mhp_hold_lift(&root, 7);
                return;
        }
        check_said(&root, data, (size_t) ((blocks ? blocks : end) - data));
        if (blocks)
                check_written(&root, blocks + 1, (size_t) ((hold ? hold : end) - blocks - 1));
        if (hold)
                check_hold(&root, hold + 1, (size_t) (end - hold - 1));
}
