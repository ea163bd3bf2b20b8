/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines that fit the terminal. */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/units.h"
#include "ctl/ctl.h"

#define USUAL 80
#define LEAST 20 /* below it more is lost by breaking a line than is won */

size_t ctl_term_width(int fd) {
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        uint32_t n;

        if (!isatty(fd))
                return SIZE_MAX;
        if (columns && mhp_parse_u32(columns, &n) >= 0 && n > 0)
                return MAX(n, LEAST);
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return MAX(size.ws_col, LEAST);
        return USUAL;
}

/* How many bytes the character at s takes, and whether it takes a column: `\033[...m` and the second and later bytes of UTF-8 do not. */
static size_t step(const char *s, size_t len, size_t *column) {
        size_t n = 1;

        if (s[0] == '\033' && len > 1 && s[1] == '[') {
                while (n < len && s[n] != 'm')
                        n++;
                return MIN(n + 1, len);
        }
        while (n < len && ((unsigned char) s[n] & 0xc0) == 0x80)
                n++;
        (*column)++;
        return n;
}

/* Where the text of a line begins: behind the words at its left, where more than one blank stands between. */
static size_t indent_of(const char *line, size_t len) {
        size_t first = strspn(line, " ");

        for (size_t i = first; i + 2 < len; i++)
                if (line[i] == ' ' && line[i + 1] == ' ')
                        return i + strspn(line + i, " ");
        return first + 2;
}

static void fit_line(struct mhp_text *out, const char *line, size_t len, size_t width) {
        size_t indent = indent_of(line, len), column = 0, blank = 0, start = 0;

        indent = indent < width / 2 ? indent : 2;
        for (size_t i = 0; i < len;) {
                if (line[i] == ' ' && column > indent)
                        blank = i;
                i += step(line + i, len - i, &column);
                if (column <= width || blank == 0)
                        continue;
                mhp_text_add_n(out, line + start, blank - start);
                mhp_text_printf(out, "\n%*s", (int) indent, "");
                start = i = blank + 1;
                column = indent;
                blank = 0;
        }
        mhp_text_add_n(out, line + start, len - start);
}

void ctl_fit(struct ctl *ctl) {
        _cleanup_text_ struct mhp_text whole = ctl->out;
        size_t width = ctl_term_width(STDOUT_FILENO);

        ctl->out = (struct mhp_text) {};
        for (const char *p = whole.data; p && *p;) {
                size_t len = strcspn(p, "\n");

                fit_line(&ctl->out, p, len, width);
                mhp_text_add_n(&ctl->out, p + len, p[len] == '\n');
                p += len + (p[len] == '\n');
        }
        if (whole.error < 0)
                ctl->out.error = whole.error;
}

void ctl_cut(struct mhp_text *line, size_t width) {
        size_t column = 0, end = 0;

        if (line->error < 0 || width < LEAST)
                return;
        for (size_t i = 0; i < line->len; i += step(line->data + i, line->len - i, &column))
                if (column <= width - 3)
                        end = i;
        if (column <= width)
                return;
        line->len = end;
        line->data[end] = '\0';
        mhp_text_add(line, "...");
}
