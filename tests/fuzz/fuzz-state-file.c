/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>

#include "edge/state-file.h"

#define DIR FAKE_ROOT "/run"

/* The text of a file, or a tree in which `run/state` is the file. */
static int take(const uint8_t *data, size_t size, bool *ret_tree, struct mhp_saved *ret) {
        _cleanup_free_ char *text = NULL;

        *ret_tree = fake_files(data, size);
        if (*ret_tree)
                return mhp_state_file_load(DIR, ret);
        text = fake_copy(NULL, size + 1);
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        return mhp_state_file_parse(text, size, ret);
}

/* What is taken from a file, and written, is taken again. */
void fuzz_one(const uint8_t *data, size_t size) {
        _cleanup_saved_ struct mhp_saved saved = { 0 }, again = { 0 };
        _cleanup_text_ struct mhp_text first = { 0 }, second = { 0 };
        bool tree;
        int r = take(data, size, &tree, &saved);

        MUST(FINE(r) || tree);
        if (r < 0)
                return;
        r = mhp_state_file_print(&saved, &first);
        MUST(FINE(r));
        if (r < 0)
                return;
        r = mhp_state_file_save(DIR, &saved);
        MUST(FINE(r) || tree);
        if (r < 0)
                return;
        r = mhp_state_file_load(DIR, &again);
        MUST(FINE(r) || tree);
        if (r < 0)
                return;
        fake_memory_rest();
        MUST(mhp_state_file_print(&again, &second) == 0);
        MUST(second.len == first.len && (first.len == 0 || memcmp(first.data, second.data, first.len) == 0));
        fake_result(&second);
}
