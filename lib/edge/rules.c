/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "edge/names.h"
#include "edge/rules-walk.h"

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
        int r = mhp_root_opendir(root, folders[folder], &dir);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (const struct dirent *d; (d = readdir(dir));) {
                if (!is_rule_file(d->d_name) || is_hidden(files, before, d->d_name))
                        continue;
                r = ARRAY_GROW(files->file, files->n, files->capacity);
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

/* The same rule may answer to several events. */
static bool is_known(const struct mhp_rules_hits *hits, const struct mhp_rules_hit *hit) {
        for (size_t i = 0; i < hits->n; i++)
                if (strcmp(hits->hit[i].where, hit->where) == 0 && strcmp(hits->hit[i].says, hit->says) == 0) {
                        hits->hit[i].certain = hits->hit[i].certain || hit->certain;
                        return true;
                }
        return false;
}

static int merge(struct mhp_rules_hits *hits, struct mhp_rules_hits *more) {
        for (size_t i = 0; i < more->n; i++) {
                int r;

                if (is_known(hits, &more->hit[i]))
                        continue;
                r = ARRAY_GROW(hits->hit, hits->n, hits->capacity);
                if (r < 0)
                        return r;
                hits->hit[hits->n++] = more->hit[i];
                more->hit[i] = (struct mhp_rules_hit) {};
        }
        return 0;
}

static int walk_text(struct rule_walk *walk, const char *path, const char *text, size_t len) {
        _cleanup_(rule_lines_done) struct rule_lines lines = {};
        int r = rule_lines_parse(text, len, &lines);

        walk->path = path;
        return r < 0 ? r : rule_walk_file(walk, &lines);
}

static int walk_files(struct rule_walk *walk, const struct mhp_root *root, const struct rule_files *files) {
        int r = 0;

        for (size_t i = 0; i < files->n && r >= 0; i++) {
                _cleanup_free_ char *text = NULL;
                char path[512];
                size_t len;

                snprintf(path, sizeof(path), "/%s/%s", folders[files->file[i].folder], files->file[i].name);
                r = mhp_root_read_all(root, &path[1], &text, &len);
                if (r >= 0)
                        r = walk_text(walk, path, text, len);
                else if (r != -ENOMEM)
                        r = 0;
        }
        return r;
}

/* What asks about the event `add`, and what brings a block back that somebody took offline. Files NULL: the text alone. */
static int judge(const struct mhp_root *root, const struct rule_files *files, const char *name, const char *text, size_t len, bool mhpd,
                 struct mhp_rules_hits *ret) {
        static const char *const actions[] = { "add", "offline" };
        _cleanup_rules_ struct mhp_rules_hits all = {};

        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                _cleanup_(rule_walk_done) struct rule_walk walk = {};
                _cleanup_rules_ struct mhp_rules_hits hits = {};
                int r = rule_walk_begin(root, actions[i], mhpd, &hits, &walk);

                if (r >= 0)
                        r = files ? walk_files(&walk, root, files) : walk_text(&walk, name, text, len);
                if (r >= 0)
                        r = rule_walk_end(&walk);
                if (r >= 0)
                        r = merge(&all, &hits);
                if (r < 0)
                        return r;
        }
        *ret = all;
        all = (struct mhp_rules_hits) {};
        return 0;
}

int mhp_rules_judge(const struct mhp_root *root, const char *name, const char *text, size_t len, bool mhpd, struct mhp_rules_hits *ret) {
        return judge(root, NULL, name, text, len, mhpd, ret);
}

int mhp_rules_find(const struct mhp_root *root, bool mhpd, struct mhp_rules_hits *ret) {
        _cleanup_(files_done) struct rule_files files = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                int r = list_folder(root, i, &files);
                if (r < 0)
                        return r;
        }
        if (files.n > 0)
                qsort(files.file, files.n, sizeof(*files.file), compare);
        return judge(root, &files, NULL, NULL, 0, mhpd, ret);
}
