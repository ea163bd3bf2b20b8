/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/conf-file.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "edge/names.h"
#include "edge/root.h"

#define FILE_MAX ((size_t) 256 << 10)
#define LINE_MAX_BYTES 190 /* libinih reads lines of up to 200 bytes (INI_MAX_LINE) and splits longer ones silently */
#define SECTION_MAX_BYTES 49 /* and cuts longer names of sections (MAX_SECTION): two rules would become one */
#define WARNINGS_MAX 100

void mhp_conf_warnings_done(struct mhp_conf_warnings *warnings) {
        for (size_t i = 0; i < warnings->n; i++)
                free(warnings->text[i]);
        free(warnings->text);
        *warnings = (struct mhp_conf_warnings) { 0 };
}

static int _printf_(2, 0) warn_v(struct mhp_conf_warnings *warnings, const char *format, va_list args) {
        _cleanup_free_ char *text = NULL;
        int r = ARRAY_GROW(warnings->text, warnings->n, warnings->capacity);

        if (r < 0)
                return r;
        if (vasprintf(&text, format, args) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        warnings->text[warnings->n++] = TAKE(text);
        return 0;
}

static int _printf_(2, 3) warn(struct mhp_conf_warnings *warnings, const char *format, ...) {
        va_list args;
        int r;

        if (warnings->n > WARNINGS_MAX)
                return 0;
        if (warnings->n == WARNINGS_MAX)
                format = "there are more warnings than these 100";
        va_start(args, format);
        r = warn_v(warnings, format, args);
        va_end(args);
        return r;
}

/* The last word on a file that cannot be used; not subject to the limit. */
static int _printf_(2, 3) reject(struct mhp_conf_warnings *warnings, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = warn_v(warnings, format, args);
        va_end(args);
        return r < 0 ? r : -EBADMSG;
}

struct parse {
        const char *name;
        const char *p, *end;
        unsigned line; /* of the text handed out last; the reader is called once a line, before the handler */
        struct mhp_config *config;
        struct mhp_conf_warnings *warnings;
        int error;
};

static char *read_line(char *buf, int size, void *userdata) {
        struct parse *parse = userdata;
        size_t len;

        if (parse->p >= parse->end || parse->error < 0)
                return NULL;

        const char *newline = memchr(parse->p, '\n', (size_t) (parse->end - parse->p));
        len = (size_t) ((newline ? newline + 1 : parse->end) - parse->p);
        parse->line++;
        if (len >= (size_t) size) /* cannot be: check_lines() has seen to that */
                len = (size_t) size - 1;
        memcpy(buf, parse->p, len);
        buf[len] = '\0';
        parse->p = newline ? newline + 1 : parse->end;
        return buf;
}

static int set_key(void *userdata, const char *section, const char *name, const char *value) {
        struct parse *parse = userdata;
        const char *allowed = "";
        int r = mhp_config_set(parse->config, section, name, value, &allowed);

        if (r == -ENOMEM)
                parse->error = r;
        else if (r == -ENOENT)
                r = warn(parse->warnings, "%s:%u: [%s] %s= is not known; allowed are %s", parse->name, parse->line, section, name, allowed);
        else if (r < 0)
                r = warn(parse->warnings, "%s:%u: %s=%s is not valid; allowed is %s", parse->name, parse->line, name, value, allowed);
        if (r < 0)
                parse->error = r;
        return 1;
}

/* What libinih would take silently and differently from what was meant: lines that it would split, section names that it would
 * cut, and indented lines, which it takes for more of the value before. */
static int check_line(const char *name, unsigned line, const char *p, size_t n, struct mhp_conf_warnings *warnings) {
        size_t blanks = 0;

        if (memchr(p, '\0', n))
                return reject(warnings, "%s:%u: the line has a NUL byte; allowed is text", name, line);
        if (n > LINE_MAX_BYTES)
                return reject(warnings, "%s:%u: the line has %zu bytes; allowed are %d", name, line, n, LINE_MAX_BYTES);

        while (blanks < n && (p[blanks] == ' ' || p[blanks] == '\t' || p[blanks] == '\r'))
                blanks++;
        if (blanks == n || p[blanks] == '#' || p[blanks] == ';')
                return 0;
        if (blanks > 0)
                return reject(warnings, "%s:%u: the line starts with a blank; allowed is KEY=VALUE at the start of a line", name, line);

        const char *end = p[0] == '[' ? memchr(p, ']', n) : NULL;
        if (end && end - p - 1 > SECTION_MAX_BYTES)
                return reject(warnings, "%s:%u: the section's name has %td bytes; allowed are %d", name, line, end - p - 1, SECTION_MAX_BYTES);
        return 0;
}

static int check_lines(const char *name, const char *text, size_t len, struct mhp_conf_warnings *warnings) {
        const char *p = text, *end = text + len;

        if (len > FILE_MAX)
                return reject(warnings, "%s: the file has %zu bytes; allowed are %zu", name, len, FILE_MAX);

        for (unsigned line = 1; p < end; line++) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                const char *stop = newline ? newline : end;
                int r = check_line(name, line, p, (size_t) (stop - p), warnings);

                if (r < 0)
                        return r;
                p = newline ? newline + 1 : end;
        }
        return 0;
}

int mhp_conf_parse(const char *name, const char *text, size_t len, struct mhp_config *config, struct mhp_conf_warnings *warnings) {
        struct parse parse = { .name = name, .p = text, .end = text + len, .config = config, .warnings = warnings };
        int r = check_lines(name, text, len, warnings);

        if (r < 0)
                return r;
        r = ini_parse_stream(read_line, &parse, set_key, &parse);
        if (parse.error < 0)
                return parse.error;
        if (r == -2)
                return -ENOMEM;
        if (r > 0)
                return reject(warnings, "%s:%d: this is neither [SECTION] nor KEY=VALUE", name, r);
        return 0;
}

static int load_file(const char *dir, const char *file, struct mhp_config *config, struct mhp_conf_warnings *warnings) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ char *text = NULL, *path = NULL;
        size_t len;
        int r;

        if (asprintf(&path, "%s/%s", dir, file) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = mhp_root_open(dir, &root);
        if (r >= 0)
                r = mhp_root_read_all(&root, file, &text, &len);
        if (r == -ENOENT || r == -ENOMEM)
                return r;
        if (r < 0)
                return reject(warnings, "%s: cannot be read: %s", path, strerror(-r));
        return mhp_conf_parse(path, text, len, config, warnings);
}

struct dropin {
        char *name; /* owned */
        const char *dir;
};

struct dropins {
        struct dropin *dropin; /* owned */
        size_t n, capacity;
};

static void dropins_done(struct dropins *dropins) {
        for (size_t i = 0; i < dropins->n; i++)
                free(dropins->dropin[i].name);
        free(dropins->dropin);
}

static bool is_dropin(const char *name) {
        size_t len = strlen(name);

        return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

/* The first directory to name a file wins. */
static int list_dropins(const char *dir, struct dropins *dropins) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_dir_ DIR *d = NULL;
        int r = mhp_root_open(dir, &root);

        if (r >= 0)
                r = mhp_root_opendir(&root, NAME_CONFIG_DROPINS, &d);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        for (const struct dirent *entry; (entry = readdir(d));) {
                bool hidden = !is_dropin(entry->d_name);

                for (size_t i = 0; i < dropins->n; i++)
                        hidden |= strcmp(dropins->dropin[i].name + strlen(NAME_CONFIG_DROPINS "/"), entry->d_name) == 0;
                if (hidden)
                        continue;
                r = ARRAY_GROW(dropins->dropin, dropins->n, dropins->capacity);
                if (r < 0)
                        return r;
                if (asprintf(&dropins->dropin[dropins->n].name, "%s/%s", NAME_CONFIG_DROPINS, entry->d_name) < 0)
                        return -ENOMEM;
                dropins->dropin[dropins->n++].dir = dir;
        }
        return 0;
}

static int compare_dropins(const void *a, const void *b) {
        return strcmp(((const struct dropin *) a)->name, ((const struct dropin *) b)->name);
}

static int load_dropins(const char *etc, const char *vendor, struct mhp_config *config, struct mhp_conf_warnings *warnings) {
        _cleanup_(dropins_done) struct dropins dropins = { 0 };
        int r = list_dropins(etc, &dropins);

        if (r >= 0)
                r = list_dropins(vendor, &dropins);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return reject(warnings, "%s/" NAME_CONFIG_DROPINS " or %s/" NAME_CONFIG_DROPINS ": cannot be read: %s", etc, vendor, strerror(-r));

        if (dropins.n > 0)
                qsort(dropins.dropin, dropins.n, sizeof(*dropins.dropin), compare_dropins);
        for (size_t i = 0; i < dropins.n; i++) {
                r = load_file(dropins.dropin[i].dir, dropins.dropin[i].name, config, warnings);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int mhp_conf_load(const char *etc, const char *vendor, struct mhp_config *ret, struct mhp_conf_warnings *warnings) {
        _cleanup_config_ struct mhp_config config;
        int r;

        mhp_config_init(&config);
        etc = etc ? etc : NAME_CONFIG_ETC;
        vendor = vendor ? vendor : NAME_CONFIG_VENDOR;

        r = load_file(etc, NAME_CONFIG_FILE, &config, warnings);
        if (r == -ENOENT)
                r = load_file(vendor, NAME_CONFIG_FILE, &config, warnings);
        if (r < 0 && r != -ENOENT)
                return r;
        r = load_dropins(etc, vendor, &config, warnings);
        if (r < 0)
                return r;

        mhp_config_done(ret);
        *ret = config;
        config = (struct mhp_config) { 0 };
        return 0;
}
