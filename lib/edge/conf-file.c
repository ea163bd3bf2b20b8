/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files there are, and which of them count. */

#include "edge/conf-file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "edge/conf-text.h"
#include "edge/conf-warning.h"
#include "edge/names.h"
#include "edge/root.h"

int mhp_conf_parse(const char *name, const char *text, size_t len, struct mhp_config *config, struct mhp_conf_warnings *warnings) {
        _cleanup_(mhp_conf_reading_done) struct mhp_conf_reading reading = { .config = config, .warnings = warnings };
        int r = mhp_conf_read(&reading, name, text, len), q;

        if (r < 0)
                return r;
        q = mhp_conf_finish(&reading);
        return q < 0 ? q : r;
}

/* A link that leads nowhere is there all the same. */
static bool is_link(const struct mhp_root *root, const char *file) {
        char name[NAME_MAX + 1];

        return root->fd >= 0 && mhp_root_link_name(root, file, name, sizeof(name)) >= 0;
}

/* MHP_CONF_LOST, -ENOMEM, or -ENOENT: it is not there. */
static int load_file(struct mhp_conf_reading *reading, const char *dir, const char *file) {
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
        if (r == -ENOMEM || (r == -ENOENT && !is_link(&root, file)))
                return r;
        if (r < 0)
                return mhp_conf_lose(reading->warnings, "%s: cannot be read: %s: expected a file of text; the file is not used", path, mhp_root_words(r));
        return mhp_conf_read(reading, path, text, len);
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
static int list_dropins(const char *dir, struct dropins *dropins, struct mhp_conf_warnings *warnings) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_dir_ DIR *d = NULL;
        int r = mhp_root_open(dir, &root);

        if (r >= 0)
                r = mhp_root_opendir(&root, NAME_CONFIG_DROPINS, &d);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r == -ENOMEM ? r : mhp_conf_lose(warnings, "%s/" NAME_CONFIG_DROPINS ": cannot be read: %s: expected a directory; no file in it is used",
                                                        dir, mhp_root_words(r));

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

/* The worse of two outcomes, or the first error. */
static int both(int a, int b) {
        return a < 0 ? a : b < 0 ? b : MAX(a, b);
}

static int load_dropins(struct mhp_conf_reading *reading, const char *etc, const char *vendor) {
        _cleanup_(dropins_done) struct dropins dropins = { 0 };
        int r = list_dropins(etc, &dropins, reading->warnings);

        if (r >= 0)
                r = both(r, list_dropins(vendor, &dropins, reading->warnings));
        if (dropins.n > 0)
                qsort(dropins.dropin, dropins.n, sizeof(*dropins.dropin), compare_dropins);
        for (size_t i = 0; i < dropins.n && r >= 0; i++) {
                int q = load_file(reading, dropins.dropin[i].dir, dropins.dropin[i].name);

                r = both(r, q == -ENOENT ? MHP_CONF_READ : q); /* gone since it was listed */
        }
        return r;
}

static int load_all(struct mhp_conf_reading *reading, const char *etc, const char *vendor) {
        int r = load_file(reading, etc, NAME_CONFIG_FILE), q;

        if (r == -ENOENT)
                r = load_file(reading, vendor, NAME_CONFIG_FILE);
        if (r == -ENOENT)
                r = MHP_CONF_READ;
        if (r >= 0)
                r = both(r, load_dropins(reading, etc, vendor));
        if (r < 0)
                return r;
        q = mhp_conf_finish(reading);
        return q < 0 ? q : r;
}

int mhp_conf_load(const char *etc, const char *vendor, struct mhp_config *ret, struct mhp_conf_warnings *warnings) {
        _cleanup_config_ struct mhp_config config;
        _cleanup_(mhp_conf_reading_done) struct mhp_conf_reading reading = { .config = &config, .warnings = warnings };
        int r;

        mhp_config_init(&config);
        r = load_all(&reading, etc ? etc : NAME_CONFIG_ETC, vendor ? vendor : NAME_CONFIG_VENDOR);
        if (r < 0)
                return r;

        mhp_config_done(ret);
        *ret = config;
        config = (struct mhp_config) { 0 };
        return r;
}
