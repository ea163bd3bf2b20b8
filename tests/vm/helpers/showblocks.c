/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Print the memory blocks as the kernel shows them: the block size as it stands in sysfs, and a line "memoryN/ATTRIBUTE:VALUE" for each state and
 * each valid_zones, "memoryN/nodeM" for each node. A shell with grep and sort says the same, but takes most of a second of an emulated processor,
 * and tests ask ten times a second.
 * usage: showblocks
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *folder = "/sys/devices/system/memory";

/* A block that leaves while it is read has no lines, or fewer. */
static void show(const char *prefix, const char *path)
{
        char text[256];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                close(fd);
        if (n < 0)
                return;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        printf("%s%s\n", prefix, text);
}

static bool is_numbered(const char *name, const char *stem)
{
        size_t len = strlen(stem);

        return strncmp(name, stem, len) == 0 && isdigit((unsigned char) name[len]);
}

static void show_block(const char *block)
{
        char path[280], prefix[300];
        bool on_node = false;
        DIR *d;

        snprintf(path, sizeof(path), "%s/state", block);
        snprintf(prefix, sizeof(prefix), "%s:", path);
        show(prefix, path);
        d = opendir(block);
        if (!d)
                return;
        for (struct dirent *entry; (entry = readdir(d));)
                if (is_numbered(entry->d_name, "node")) {
                        printf("%s/%s\n", block, entry->d_name);
                        on_node = true;
                }
        closedir(d);
        /* Linux 6.12 oopses when valid_zones of a block is read before the block has its node, and keeps the reader's reference for ever. */
        if (on_node) {
                snprintf(path, sizeof(path), "%s/valid_zones", block);
                snprintf(prefix, sizeof(prefix), "%s:", path);
                show(prefix, path);
        }
}

int main(void)
{
        DIR *d = chdir(folder) == 0 ? opendir(".") : NULL;

        if (!d) {
                perror(folder);
                return 1;
        }
        show("", "block_size_bytes");
        for (struct dirent *entry; (entry = readdir(d));)
                if (is_numbered(entry->d_name, "memory"))
                        show_block(entry->d_name);
        closedir(d);
        return 0;
}
