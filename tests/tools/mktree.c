/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mktree DIR BLOCKS: a made-up machine below DIR, with all the files of /sys/devices/system/memory that lsmem and mhpctl read. The
 * first eight blocks are boot memory in zone `none`; then online in Normal, online in Movable and offline in turn, eight blocks each. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what) {
        fprintf(stderr, "mktree: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void make_dir(const char *path) {
        char copy[256];

        snprintf(copy, sizeof(copy), "%s", path);
        for (char *p = copy + 1; *p; p++)
                if (*p == '/') {
                        *p = '\0';
                        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                                fail(copy);
                        *p = '/';
                }
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                fail(copy);
}

static void put(const char *path, const char *content) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, content, strlen(content)) < 0)
                fail(path);
        close(fd);
}

static void make_block(unsigned long nr) {
        static const struct {
                const char *state, *zones;
        } kinds[] = { { "online\n", "Normal\n" }, { "online\n", "Movable\n" }, { "offline\n", "Normal Movable\n" } };
        const size_t kind = nr / 8 % 3;
        char path[128], text[64];

        snprintf(path, sizeof(path), "memory%lu", nr);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                fail(path);
        snprintf(path, sizeof(path), "memory%lu/state", nr);
        put(path, nr < 8 ? "online\n" : kinds[kind].state);
        snprintf(path, sizeof(path), "memory%lu/valid_zones", nr);
        put(path, nr < 8 ? "none\n" : kinds[kind].zones);
        snprintf(path, sizeof(path), "memory%lu/removable", nr);
        put(path, "1\n");
        snprintf(path, sizeof(path), "memory%lu/phys_index", nr);
        snprintf(text, sizeof(text), "%08lx\n", nr);
        put(path, text);
        snprintf(path, sizeof(path), "memory%lu/node0", nr);
        if (symlink("../../node/node0", path) < 0 && errno != EEXIST)
                fail(path);
        snprintf(path, sizeof(path), "../node/node0/memory%lu", nr);
        snprintf(text, sizeof(text), "../../memory/memory%lu", nr);
        if (symlink(text, path) < 0 && errno != EEXIST)
                fail(path);
}

int main(int argc, char **argv) {
        unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
        char path[256];

        if (n == 0 || n > 1000000) {
                fprintf(stderr, "usage: mktree DIR BLOCKS (1 to 1000000)\n");
                return 2;
        }
        snprintf(path, sizeof(path), "%s/proc", argv[1]);
        make_dir(path);
        snprintf(path, sizeof(path), "%s/proc/iomem", argv[1]);
        put(path, "00001000-3fffffff : System RAM\n");
        snprintf(path, sizeof(path), "%s/sys/devices/system/node/node0", argv[1]);
        make_dir(path);
        snprintf(path, sizeof(path), "%s/sys/devices/system/memory", argv[1]);
        make_dir(path);
        if (chdir(path) < 0)
                fail(path);
        put("block_size_bytes", "8000000\n");
        put("auto_online_blocks", "offline\n");
        for (unsigned long i = 0; i < n; i++)
                make_block(i);
        return 0;
}
