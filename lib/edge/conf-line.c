/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libinih takes some lines for something else than what was meant, and says nothing: it splits lines of 200 bytes and more, cuts
 * names of sections after 49 bytes, takes an indented line for more of the value before, a colon for an equals sign, `;` behind a
 * blank but not `#` for a comment, and passes over what follows a closing bracket. Only lines that it takes as meant are handed to it. */

#include "edge/conf-line.h"

#include <stdbool.h>
#include <string.h>

#define PIECE_MAX 190 /* of INI_MAX_LINE, 200, with a newline and a NUL behind it */
#define SECTION_MAX 49 /* MAX_SECTION without its NUL */

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static bool is_comment(char c) {
        return c == '#' || c == ';';
}

static void trim(const char **p, size_t *n) {
        while (*n > 0 && is_blank(**p)) {
                (*p)++;
                (*n)--;
        }
        while (*n > 0 && is_blank((*p)[*n - 1]))
                (*n)--;
}

/* Up to a comment, which is at the beginning or behind a blank. */
static size_t without_comment(const char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (is_comment(p[i]) && (i == 0 || is_blank(p[i - 1])))
                        return i;
        return n;
}

static bool has_control(const char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (((unsigned char) p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
                        return true;
        return false;
}

static struct mhp_conf_line bad(enum mhp_conf_kind kind, const char *p, size_t n, const char *expected) {
        return (struct mhp_conf_line) { .kind = kind, .piece = p, .len = n, .expected = expected };
}

/* A name may hold what would be a comment elsewhere, but not as libinih sees it. */
static struct mhp_conf_line section(const char *p, size_t n) {
        const char *name = p + 1, *end = memchr(p, ']', n), *rest;
        size_t len, rest_len;

        if (!end)
                return bad(MHP_CONF_BAD_SECTION, p, n, "a closing bracket, as in [SECTION]");
        rest = end + 1;
        rest_len = (size_t) (p + n - rest);
        rest_len = without_comment(rest, rest_len);
        trim(&rest, &rest_len);
        if (rest_len > 0)
                return bad(MHP_CONF_BAD_SECTION, p, n, "nothing behind the closing bracket");

        len = (size_t) (end - name);
        trim(&name, &len);
        if (without_comment(name, len) < len)
                return bad(MHP_CONF_BAD_SECTION, p, n, "a name without # or ; behind a blank");
        if (len > SECTION_MAX)
                return bad(MHP_CONF_BAD_SECTION, p, n, "a section's name of at most 49 bytes");
        return (struct mhp_conf_line) { .kind = MHP_CONF_SECTION, .piece = name, .len = len };
}

static struct mhp_conf_line key(const char *p, size_t n) {
        const char *equals = memchr(p, '=', n), *colon = memchr(p, ':', n);

        if (!equals || equals == p || (colon && colon < equals))
                return bad(MHP_CONF_BAD, p, n, "[SECTION] or KEY=VALUE");
        if (n > PIECE_MAX)
                return bad(MHP_CONF_BAD, p, n, "at most 190 bytes");
        return (struct mhp_conf_line) { .kind = MHP_CONF_KEY, .piece = p, .len = n };
}

struct mhp_conf_line mhp_conf_line(const char *p, size_t n) {
        enum mhp_conf_kind kind;
        size_t all;

        if (n > 0 && p[n - 1] == '\r')
                n--;
        trim(&p, &n);
        if (n == 0)
                return (struct mhp_conf_line) { .kind = MHP_CONF_BLANK, .piece = p };

        kind = *p == '[' ? MHP_CONF_BAD_SECTION : MHP_CONF_BAD;
        /* In a comment as well: a file whose lines end with carriage returns alone is a single line. */
        if (memchr(p, '\r', n))
                return bad(kind, p, n, "lines that end with a newline");
        if (is_comment(*p))
                return (struct mhp_conf_line) { .kind = MHP_CONF_BLANK, .piece = p };
        if (has_control(p, n))
                return bad(kind, p, n, "no control characters");
        if (*p == '[')
                return section(p, n);

        all = n;
        n = without_comment(p, n);
        trim(&p, &n);
        struct mhp_conf_line line = key(p, n);
        if (line.kind == MHP_CONF_BAD)
                line.len = all;
        return line;
}
