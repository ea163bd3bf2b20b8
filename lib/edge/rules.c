/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "edge/names.h"

/* As udev looks for them: a file hides those of its name in the folders behind its own (udev(7)). */
static const char *const folders[] = { NAME_UDEV_ETC, NAME_UDEV_RUN, NAME_UDEV_LOCAL, NAME_UDEV_USR, NAME_UDEV_LIB };

struct rule_file {
        char name[256];
        size_t folder;
};

struct rule_files {
        struct rule_file *file; /* owned */
        size_t n, capacity;
};

static void files_done(struct rule_files *files) {
        free(files->file);
}

/* The end of a rule: a newline that no backslash stands before. */
static const char *rule_end(const char *p, const char *end) {
        for (const char *q = p; q < end; q++)
                if (*q == '\n' && (q == p || q[-1] != '\\'))
                        return q;
        return end;
}

/* `ATTR{state}="online..."` assigns; with == or != it asks. */
static bool assigns(const char *p, const char *end) {
        static const char key[] = "ATTR{state}", value[] = "\"online";

        while ((p = memmem(p, (size_t) (end - p), key, sizeof(key) - 1))) {
                p += sizeof(key) - 1;
                while (p < end && *p == ' ')
                        p++;
                if (p + 1 >= end || *p != '=' || p[1] == '=')
                        continue;
                p++;
                while (p < end && *p == ' ')
                        p++;
                if ((size_t) (end - p) >= sizeof(value) - 1 && memcmp(p, value, sizeof(value) - 1) == 0)
                        return true;
        }
        return false;
}

/* No other subsystem has an attribute `state` that takes `online`. */
bool mhp_rules_bring_online(const char *text, size_t len) {
        static const char courtesy[] = "MHPD_MANAGED";

        for (const char *p = text, *end = text + len; p < end;) {
                const char *stop = rule_end(p, end);

                while (p < stop && (*p == ' ' || *p == '\t'))
                        p++;
                if (p < stop && *p != '#' && assigns(p, stop) && !memmem(p, (size_t) (stop - p), courtesy, sizeof(courtesy) - 1))
                        return true;
                p = stop + 1;
        }
        return false;
}

static bool is_rule_file(const char *name) {
        size_t len = strlen(name);

        return len > 6 && len < sizeof(((struct rule_file *) NULL)->name) && strcmp(name + len - 6, ".rules") == 0;
}

static bool is_hidden(const struct rule_files *files, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(files->file[i].name, name) == 0)
                        return true;
        return false;
}

static int list_folder(const struct mhp_root *root, size_t folder, struct rule_files *files) {
        _cleanup_dir_ DIR *dir = NULL;
        size_t before = files->n;

        if (mhp_root_opendir(root, folders[folder], &dir) < 0)
                return 0;
        for (const struct dirent *d; (d = readdir(dir));) {
                if (!is_rule_file(d->d_name) || is_hidden(files, before, d->d_name))
                        continue;
                int r = ARRAY_GROW(files->file, files->n, files->capacity);
                if (r < 0)
                        return r;
                memcpy(files->file[files->n].name, d->d_name, strlen(d->d_name) + 1);
                files->file[files->n++].folder = folder;
        }
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct rule_file *) a)->name, ((const struct rule_file *) b)->name);
}

int mhp_rules_find_onlining(const struct mhp_root *root, char **ret) {
        _cleanup_(files_done) struct rule_files files = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                int r = list_folder(root, i, &files);
                if (r < 0)
                        return r;
        }
        if (files.n > 0)
                qsort(files.file, files.n, sizeof(*files.file), compare);
        for (size_t i = 0; i < files.n; i++) {
                _cleanup_free_ char *text = NULL, *path = NULL;
                size_t len;

                if (asprintf(&path, "%s/%s", folders[files.file[i].folder], files.file[i].name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                if (mhp_root_read_all(root, path, &text, &len) < 0 || !mhp_rules_bring_online(text, len))
                        continue;
                *ret = TAKE(path);
                return 0;
        }
        *ret = NULL;
        return 0;
}
