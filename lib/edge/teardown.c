/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/teardown.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"
#include "base/text.h"
#include "base/units.h"
#include "edge/names.h"

#define WORDS_MAX 64
#define HOLD_PATH_MAX 64

bool mhp_teardown_offered(const struct mhp_root *root) {
        return mhp_root_exists(root, NAME_TEARDOWN);
}

/* How many from the first on count up, or down, by one. */
static size_t run_length(const uint32_t *blocks, size_t n) {
        uint32_t step = n > 1 && blocks[1] == blocks[0] + 1 ? 1 : UINT32_MAX; /* which is -1 here */
        size_t i = 1;

        while (i < n && blocks[i] == blocks[i - 1] + step)
                i++;
        return i;
}

int mhp_teardown_write(const struct mhp_root *root, const uint32_t *blocks, size_t n) {
        _cleanup_text_ struct mhp_text list = { 0 };

        for (size_t i = 0, len; i < n; i += len) {
                len = run_length(blocks + i, n - i);
                mhp_text_printf(&list, "%s%" PRIu32, i > 0 ? "," : "", blocks[i]);
                if (len > 1)
                        mhp_text_printf(&list, "-%" PRIu32, blocks[i + len - 1]);
        }
        return list.error < 0 ? list.error : mhp_root_write(root, NAME_TEARDOWN, list.data ? list.data : "");
}

/* The next word of a line whose words have one space between them. */
static const char *next_word(char **rest) {
        char *word = *rest;

        if (word)
                *rest = strchr(word, ' ');
        if (word && *rest)
                *(*rest)++ = '\0';
        return word;
}

int mhp_teardown_parse(const char *s, struct mhp_teardown *ret) {
        struct mhp_teardown teardown = { .failed = true };
        char words[WORDS_MAX], *rest = words;
        const char *block, *error, *pfn;
        uint32_t number;
        uint64_t page;

        if (strcmp(s, "none") == 0 || strcmp(s, "ok") == 0) {
                *ret = (struct mhp_teardown) { .failed = false };
                return 0;
        }
        if (strlen(s) >= sizeof(words))
                return -EINVAL;
        memcpy(words, s, strlen(s) + 1);
        if (strcmp(next_word(&rest), "failed") != 0)
                return -EINVAL;
        block = next_word(&rest);
        error = next_word(&rest);
        pfn = next_word(&rest);
        if (!pfn || rest || mhp_parse_u32(block, &teardown.block) < 0 || teardown.block > MHP_BLOCK_MAX || mhp_parse_u32(error, &number) < 0 ||
            number == 0 || number > 4095 || (strcmp(pfn, "-") != 0 && mhp_parse_u64(pfn, &page) < 0))
                return -EINVAL;
        teardown.error = (int) number;
        *ret = teardown;
        return 0;
}

int mhp_teardown_read(const struct mhp_root *root, struct mhp_teardown *ret) {
        char words[WORDS_MAX];
        int r = mhp_root_read(root, NAME_TEARDOWN, words, sizeof(words));

        return r < 0 ? r : mhp_teardown_parse(words, ret);
}

static const char *hold_path(uint32_t block, char path[static HOLD_PATH_MAX]) {
        (void) snprintf(path, HOLD_PATH_MAX, NAME_MEMORY "/memory%" PRIu32 "/" NAME_HOLD, block);
        return path;
}

bool mhp_hold_read(const struct mhp_root *root, uint32_t block) {
        char path[HOLD_PATH_MAX], value[8];

        return mhp_root_read(root, hold_path(block, path), value, sizeof(value)) >= 0 && strcmp(value, "1") == 0;
}

int mhp_hold_lift(const struct mhp_root *root, uint32_t block) {
        char path[HOLD_PATH_MAX];
        int r;

        if (!mhp_hold_read(root, block))
                return 0;
        r = mhp_root_write(root, hold_path(block, path), "0");
        return r < 0 ? r : 1;
}
