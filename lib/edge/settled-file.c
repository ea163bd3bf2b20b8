/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edge/settled-file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "edge/names.h"
#include "edge/root-own.h"

#define KEY_PRESENT "present="
#define KEY_ONLINE "online="

/* No block at all is an empty value, which is no list. */
static int parse_ranges(const char *value, struct mhp_ranges *ret) {
        return *value ? mhp_ranges_parse(value, ret) : 0;
}

int mhp_settled_file_parse(char *text, struct mhp_ranges *ret_present, struct mhp_ranges *ret_online) {
        _cleanup_ranges_ struct mhp_ranges present = { 0 }, online = { 0 };
        char *rest = NULL, *first = strtok_r(text, "\n", &rest), *second = strtok_r(NULL, "\n", &rest);
        int r;

        if (!first || !second || strncmp(first, KEY_PRESENT, strlen(KEY_PRESENT)) != 0 || strncmp(second, KEY_ONLINE, strlen(KEY_ONLINE)) != 0)
                return -EBADMSG;
        r = parse_ranges(first + strlen(KEY_PRESENT), &present);
        if (r >= 0)
                r = parse_ranges(second + strlen(KEY_ONLINE), &online);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        *ret_present = present;
        *ret_online = online;
        present = online = (struct mhp_ranges) { 0 };
        return 0;
}

int mhp_settled_file_load(const char *dir, struct mhp_ranges *ret_present, struct mhp_ranges *ret_online) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_own_read(dir, NAME_SETTLED_FILE, &text, &len);

        return r < 0 ? r : mhp_settled_file_parse(text, ret_present, ret_online);
}

int mhp_settled_file_print(const struct mhp_settled *settled, struct mhp_text *text) {
        mhp_text_add(text, KEY_PRESENT);
        mhp_ranges_print(&settled->present, text);
        mhp_text_add(text, "\n" KEY_ONLINE);
        mhp_ranges_print(&settled->online, text);
        mhp_text_add(text, "\n");
        return text->error;
}

int mhp_settled_file_save(const char *dir, const struct mhp_settled *settled) {
        _cleanup_text_ struct mhp_text text = { 0 };
        int r = mhp_settled_file_print(settled, &text);

        return r < 0 ? r : mhp_own_replace(dir, NAME_SETTLED_FILE, text.data, text.len);
}

static void print_variable(const char *name, const struct mhp_ranges *ranges, uint64_t block_size, struct mhp_text *text) {
        mhp_text_printf(text, "MHPD_%s=", name);
        mhp_ranges_print(ranges, text);
        mhp_text_printf(text, "\nMHPD_%s_BYTES=%" PRIu64 "\n", name, mhp_mul_sat(mhp_ranges_count(ranges), block_size));
}

int mhp_settled_env_print(const struct mhp_settled_change *change, uint64_t block_size, struct mhp_text *text) {
        print_variable("ADDED", &change->added, block_size, text);
        print_variable("REMOVED", &change->removed, block_size, text);
        print_variable("ONLINE", &change->online, block_size, text);
        print_variable("OFFLINE", &change->offline, block_size, text);
        return text->error;
}

int mhp_settled_env_save(const char *dir, const struct mhp_settled_change *change, uint64_t block_size) {
        _cleanup_text_ struct mhp_text text = { 0 };
        int r = mhp_settled_env_print(change, block_size, &text);

        return r < 0 ? r : mhp_own_replace(dir, NAME_SETTLED_ENV, text.data, text.len);
}
