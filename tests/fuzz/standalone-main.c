/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs a fuzz target over the files named on the command line, and over the files of the directories named there: the
 * corpus as a regression test, for compilers that have no libFuzzer. */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static int run_file(const char *path) {
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;
        FILE *f = fopen(path, "re");
        size_t n;

        if (!f || fstat(fileno(f), &st) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                if (f)
                        fclose(f);
                return -1;
        }
        data = malloc((size_t) st.st_size + 1);
        n = data ? fread(data, 1, (size_t) st.st_size, f) : 0;
        fclose(f);
        if (n != (size_t) st.st_size) {
                fprintf(stderr, "%s: cannot be read\n", path);
                return -1;
        }
        /* before the call: an abort then says which file it was */
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(data, n);
        return 1;
}

static int run_directory(const char *path, DIR *dir) {
        struct dirent *entry;
        int n = 0;

        while ((entry = readdir(dir))) {
                char file[4096];
                int r;

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
                r = run_file(file);
                if (r < 0)
                        return r;
                n += r;
        }
        return n;
}

extern const bool fuzz_replays;
const bool fuzz_replays = true; /* fake-memory.c asks */

int main(int argc, char **argv) {
        int n = 0;

        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                int r = dir ? run_directory(argv[i], dir) : run_file(argv[i]);

                if (dir)
                        closedir(dir);
                if (r < 0)
                        return EXIT_FAILURE;
                n += r;
        }
        if (n == 0) {
                fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
                return EXIT_FAILURE;
        }
        fprintf(stderr, "%d inputs\n", n);
        return EXIT_SUCCESS;
}
