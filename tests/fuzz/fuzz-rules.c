/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>

#include "edge/rules.h"

/* Whatever stands before a rule without conditions on lines of its own does not hide it. */
static void check_not_hidden(const struct mhp_root *root, const uint8_t *data, size_t size) {
        static const char rule[] = "\n\nATTR{state}=\"online\"";
        _cleanup_rules_ struct mhp_rules_hits hits = {};
        _cleanup_free_ char *text = fake_copy(NULL, size + sizeof(rule) - 1);

        if (size > 0)
                memcpy(text, data, size);
        memcpy(text + size, rule, sizeof(rule) - 1);
        int r = mhp_rules_judge(root, "x.rules", text, size + sizeof(rule) - 1, true, &hits);
        MUST(FINE(r) && (r < 0 || hits.n > 0));
}

static void print(const struct mhp_rules_hits *hits, struct mhp_text *text) {
        for (size_t i = 0; i < hits->n; i++)
                mhp_text_printf(text, "%s %s %d\n", hits->hit[i].where, hits->hit[i].says, hits->hit[i].certain);
}

/* The text of one file, or a tree of a machine with its rule files. */
void fuzz_one(const uint8_t *data, size_t size) {
        _cleanup_rules_ struct mhp_rules_hits hits = {}, marked = {};
        _cleanup_text_ struct mhp_text text = {};
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        bool tree = fake_files(data, size);
        int r;

        MUST(mhp_root_open(FAKE_ROOT, &root) == 0);
        if (tree) {
                r = mhp_rules_find(&root, false, &hits);
                if (r >= 0)
                        r = mhp_rules_find(&root, true, &marked);
        } else {
                _cleanup_free_ char *exact = fake_copy(data, size);

                r = mhp_rules_judge(&root, "x.rules", exact, size, true, &hits);
                check_not_hidden(&root, data, size);
        }
        MUST(FINE(r));
        fake_memory_rest();
        if (r < 0)
                return;
        print(&hits, &text);
        print(&marked, &text);
        fake_result(&text);
}
