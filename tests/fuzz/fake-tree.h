/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What fake-files.c has to know of the tree. */

#include "fake.h"

#include <dirent.h>

#define NODES_MAX 96
#define NODE_PATH_MAX 200
#define OPEN_MAX 32
#define FIRST_FD (1 << 20)

struct node {
        char kind; /* as in fake.h; 0: removed */
        char path[NODE_PATH_MAX];
        char *data; /* owned: the text of a file, the target of a link */
        size_t size;
        int error;
};

struct open_file {
        bool used, dir;
        char path[NODE_PATH_MAX];
        int node; /* -1: a directory that no entry names */
        size_t at;
        struct dirent entry;
};

extern struct node tree_nodes[NODES_MAX];
extern size_t tree_n_nodes;
extern struct open_file tree_files[OPEN_MAX];

struct open_file *tree_file_of(int fd);           /* NULL: it is libc's */
struct open_file *tree_file_of_dir(const DIR *dir);
int tree_find(const char *path);                  /* -1: no entry names it */
bool tree_lies_below(const char *path, const char *dir);
bool tree_is_directory(const char *path);

/* The path from the fake root. False: it is libc's affair. */
bool tree_locate(int dir_fd, const char *path, char ret[static NODE_PATH_MAX]);
int tree_follow(char path[static NODE_PATH_MAX]); /* a link in the last place */

int tree_fail(int error);                         /* -1, with errno */
int tree_open(char path[static NODE_PATH_MAX], int flags);
struct node *tree_node_new(const char *path, char kind); /* NULL: there is no room */
