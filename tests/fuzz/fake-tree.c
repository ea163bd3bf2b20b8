/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The files of a fake machine, and which of them are open. */

#include "fake-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define LINKS_MAX 4

struct node tree_nodes[NODES_MAX];
size_t tree_n_nodes;
struct open_file tree_files[OPEN_MAX];

struct open_file *tree_file_of(int fd) {
        return fd >= FIRST_FD && fd < FIRST_FD + OPEN_MAX && tree_files[fd - FIRST_FD].used ? &tree_files[fd - FIRST_FD] : NULL;
}

struct open_file *tree_file_of_dir(const DIR *dir) {
        for (size_t i = 0; i < OPEN_MAX; i++)
                if ((const void *) dir == &tree_files[i])
                        return &tree_files[i];
        return NULL;
}

int tree_find(const char *path) {
        for (size_t i = 0; i < tree_n_nodes; i++)
                if (tree_nodes[i].kind && strcmp(tree_nodes[i].path, path) == 0)
                        return (int) i;
        return -1;
}

bool tree_lies_below(const char *path, const char *dir) {
        size_t len = strlen(dir);

        return len == 0 ? *path : strncmp(path, dir, len) == 0 && path[len] == '/';
}

bool tree_is_directory(const char *path) {
        int node = tree_find(path);

        if (!*path || (node >= 0 && tree_nodes[node].kind == 'd'))
                return true;
        for (size_t i = 0; i < tree_n_nodes && node < 0; i++)
                if (tree_nodes[i].kind && tree_lies_below(tree_nodes[i].path, path))
                        return true;
        return false;
}

/* The path from the fake root. False: it is libc's affair, or too long. */
bool tree_locate(int dir_fd, const char *path, char ret[static NODE_PATH_MAX]) {
        const struct open_file *dir = tree_file_of(dir_fd);
        size_t root = strlen(FAKE_ROOT), len = 0;

        if (*path == '/') {
                if (strncmp(path, FAKE_ROOT, root) != 0 || (path[root] && path[root] != '/'))
                        return false;
                path += root;
        } else if (!dir) {
                return false;
        } else {
                len = strlen(dir->path);
                memcpy(ret, dir->path, len);
        }
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n > 0 && len + n + 2 < NODE_PATH_MAX) {
                        if (len > 0)
                                ret[len++] = '/';
                        memcpy(ret + len, path, n);
                        len += n;
                }
                path += n + (path[n] == '/');
        }
        ret[len] = '\0';
        return true;
}

/* Follows a link in the last place. */
int tree_follow(char path[static NODE_PATH_MAX]) {
        int node = tree_find(path);

        for (unsigned i = 0; i < LINKS_MAX && node >= 0 && tree_nodes[node].kind == 'l'; i++) {
                char target[NODE_PATH_MAX];
                const char *slash = strrchr(path, '/');
                int stem = tree_nodes[node].data[0] != '/' && slash ? (int) (slash - path) : 0;

                (void) snprintf(target, sizeof(target), "%.*s%s%.*s", stem, path, stem > 0 ? "/" : "",
                                (int) tree_nodes[node].size - (tree_nodes[node].data[0] == '/'), tree_nodes[node].data + (tree_nodes[node].data[0] == '/'));
                memcpy(path, target, sizeof(target));
                node = tree_find(path);
        }
        return node;
}

int tree_fail(int error) {
        errno = error;
        return -1;
}

static int open_new(const char *path, int node) {
        for (int i = 0; i < OPEN_MAX; i++)
                if (!tree_files[i].used) {
                        tree_files[i] = (struct open_file) { .used = true, .node = node, .dir = node < 0 || tree_nodes[node].kind == 'd' };
                        memcpy(tree_files[i].path, path, strlen(path) + 1);
                        return FIRST_FD + i;
                }
        return tree_fail(EMFILE);
}

struct node *tree_node_new(const char *path, char kind) {
        int old = tree_find(path);
        struct node *node = old >= 0 ? &tree_nodes[old] : &tree_nodes[tree_n_nodes];

        if (old < 0 && (tree_n_nodes == NODES_MAX || strlen(path) >= NODE_PATH_MAX || !*path))
                return NULL;
        if (old >= 0)
                free(node->data);
        else
                tree_n_nodes++;
        *node = (struct node) { .kind = kind };
        memcpy(node->path, path, strlen(path) + 1);
        return node;
}

int tree_open(char path[static NODE_PATH_MAX], int flags) {
        int node = flags & O_NOFOLLOW ? tree_find(path) : tree_follow(path);

        if (node >= 0 && tree_nodes[node].kind == 'l')
                return tree_fail(ELOOP);
        if (node >= 0 && tree_nodes[node].kind == 'x')
                return tree_fail(tree_nodes[node].error);
        if (node < 0 && !tree_is_directory(path)) {
                const struct node *new = flags & O_CREAT ? tree_node_new(path, 'f') : NULL;

                return new ? open_new(path, (int) (new - tree_nodes)) : tree_fail(ENOENT);
        }
        if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
                return tree_fail(EEXIST);
        bool dir = node < 0 || tree_nodes[node].kind == 'd';
        if (flags & O_DIRECTORY && !dir && tree_nodes[node].kind != 'r')
                return tree_fail(ENOTDIR);
        MUST(node < 0 || tree_nodes[node].kind != 'p' || flags & (O_NONBLOCK | O_PATH)); /* it would wait for the other end */
        if (node >= 0 && tree_nodes[node].kind == 'p' && flags & O_WRONLY)
                return tree_fail(ENXIO);
        if (dir && flags & (O_WRONLY | O_RDWR))
                return tree_fail(EISDIR);
        if (!dir && flags & O_TRUNC)
                tree_nodes[node].size = 0;
        return open_new(path, node);
}

/* One entry of a tree; the text in it ends at END. */
static void add(char kind, const char *line, size_t len, const char *text, const char *end) {
        const char *space = memchr(line, ' ', len), *rest = space ? space + 1 : line + len;
        char path[NODE_PATH_MAX], raw[NODE_PATH_MAX + sizeof(FAKE_ROOT "/")];
        struct node *node;

        if (kind == 'b' && end > text && end[-1] == '\n')
                end--;
        kind = kind == 'b' ? 'f' : kind;
        if (kind == 'f' || kind == 'd')
                space = NULL;
        (void) snprintf(raw, sizeof(raw), FAKE_ROOT "/%.*s", (int) (space ? space - line : (ptrdiff_t) len), line);
        node = tree_locate(-1, raw, path) ? tree_node_new(path, kind) : NULL;
        if (!node)
                return;
        node->error = atoi(rest) & 127;
        if (node->error == 0 || node->error == ENOMEM || node->error == EWOULDBLOCK) /* memory has its own ways to run out, and a lease takes time */
                node->error = EIO;
        node->size = kind == 'f' ? (size_t) (end - text) : kind == 'l' ? (size_t) (line + len - rest) : 0;
        node->data = fake_copy(kind == 'f' ? text : rest, node->size + 1);
        node->data[node->size] = '\0';
}

static bool is_entry(const char *p, const char *end) {
        return end - p > 3 && p[0] == '@' && memchr("fbdlpnxr", p[1], 8) && p[2] == ' ';
}

static void take_tree(const char *p, const char *end) {
        while (p < end) {
                const char *stop = memchr(p, '\n', (size_t) (end - p)), *text = stop ? stop + 1 : end, *next = text;

                stop = stop ? stop : end;
                while (next < end && !is_entry(next, end)) {
                        const char *newline = memchr(next, '\n', (size_t) (end - next));

                        next = newline ? newline + 1 : end;
                }
                if (is_entry(p, end) && !memchr(p, '\0', (size_t) (stop - p)))
                        add(p[1], p + 3, (size_t) (stop - p - 3), text, next);
                p = next;
        }
}

bool fake_files(const uint8_t *data, size_t size) {
        char *copy;

        if (size == 0 || data[0] != '@')
                return false;
        copy = fake_copy(NULL, size + 1);
        memcpy(copy, data, size);
        copy[size] = '\0';
        take_tree(copy, copy + size);
        free(copy);
        return true;
}

void fake_files_done(void) {
        for (size_t i = 0; i < OPEN_MAX; i++)
                MUST(!tree_files[i].used);
        for (size_t i = 0; i < tree_n_nodes; i++)
                free(tree_nodes[i].data);
        tree_n_nodes = 0;
}

void fake_file_put(const char *path, const void *data, size_t size) {
        struct node *node = tree_node_new(path, 'f');

        if (!node)
                return;
        node->data = fake_copy(data, size);
        node->size = size;
}

const char *fake_file_get(const char *path, size_t *ret_size) {
        int node = tree_find(path);

        if (node < 0)
                return NULL;
        *ret_size = tree_nodes[node].size;
        return tree_nodes[node].data ? tree_nodes[node].data : "";
}
