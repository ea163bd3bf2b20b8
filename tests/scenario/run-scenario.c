/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs scenario files through the ring with the simulated kernel behind it. usage: run-scenario FILE.. */

#include "scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int complain(const struct scenario *s, const char *format, ...) {
        va_list ap;

        printf("%s:%u: ", s->file, s->line);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        return -1;
}

static int split(const struct scenario *s, char *line, struct args *ret) {
        struct args args = { .rest = "" };

        for (char *p = line + strspn(line, " \t"); *p; p += strspn(p, " \t")) {
                if (args.n == ARGS_MAX)
                        return complain(s, "too many words");
                args.word[args.n++] = p;
                p += strcspn(p, " \t");
                if (*p)
                        *p++ = '\0';
                /* What follows `expect words` is a text. */
                if (args.n == 2 && strcmp(args.word[0], "expect") == 0 && strcmp(args.word[1], "words") == 0) {
                        args.rest = p + strspn(p, " \t");
                        break;
                }
        }
        *ret = args;
        return 0;
}

static bool is_head(const char *line) {
        static const char *const words[] = { "map", "block-size", "scanned", "block", "group" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcspn(line, " \t") == strlen(words[i]) && strncmp(line, words[i], strlen(words[i])) == 0)
                        return true;
        return false;
}

/* Between `config` and `end`: all of a new configuration. */
static int config_line(struct scenario *s, char *line) {
        size_t n = strlen(line);
        char *value;

        if (strcmp(line, "end") == 0) {
                s->in_config = false;
                return 0;
        }
        if (*line == '[' && line[n - 1] == ']') {
                line[n - 1] = '\0';
                free(s->section);
                s->section = strdup(line + 1);
                return 0;
        }
        value = strchr(line, '=');
        if (!value)
                return complain(s, "neither [Section] nor Key=value nor end");
        *value++ = '\0';
        return scenario_set(s, line, value);
}

static void begin_config(struct scenario *s) {
        for (size_t i = 0; i < s->n_settings; i++) {
                free(s->settings[i].section);
                free(s->settings[i].key);
                free(s->settings[i].value);
        }
        s->n_settings = 0;
        free(s->section);
        s->section = NULL;
        s->in_config = true;
}

/* What was to be told up to here has been told. */
static bool ends_reports(const struct args *args, const struct scenario *s) {
        return s->ring && (strcmp(args->word[0], "expect") == 0 || strcmp(args->word[0], "forget") == 0 || strcmp(args->word[0], "restart") == 0);
}

static int run_line(struct scenario *s, char *line) {
        struct args args;

        line += strspn(line, " \t");
        if (*line == '\0' || *line == '#')
                return 0;
        if (s->in_config)
                return config_line(s, line);
        if (is_head(line)) {
                if (s->ring)
                        return complain(s, "the map stands before `start`");
                mhp_text_add(&s->head, line);
                mhp_text_add(&s->head, "\n");
                return 0;
        }
        if (split(s, line, &args) < 0)
                return -1;
        if (strcmp(args.word[0], "config") == 0) {
                begin_config(s);
                return 0;
        }
        if (strcmp(args.word[0], "cannot-arm") == 0) {
                s->cannot_arm = true;
                return 0;
        }
        if (strcmp(args.word[0], "unasked") == 0) {
                s->unasked = true;
                return 0;
        }
        if (strcmp(args.word[0], "teardown") == 0) {
                s->teardown = true;
                return 0;
        }
        if (ends_reports(&args, s) && mhp_ring_flush(s->ring) < 0)
                return complain(s, "out of memory");
        if (strcmp(args.word[0], "start") == 0 ? scenario_start(s) < 0 : run_command(s, &args) < 0)
                return -1;
        if (!mhp_map_consistent(s->ring->map))
                return complain(s, "the map is not consistent any more");

        /* Whatever the next turn would see to is awake already. */
        const char *sleeper = s->sim->turn_due || s->sim->n_uevents > 0 || s->sim->overflow ? NULL : mhp_ring_sleeps(s->ring);
        return sleeper ? complain(s, "nothing wakes what is %s", sleeper) : 0;
}

static int run_file(const char *path) {
        _cleanup_(scenario_done) struct scenario s = { .file = path };
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        FILE *file = fopen(path, "re");
        ssize_t n;
        int r = 0;

        if (!file)
                return complain(&s, "%s", strerror(errno));
        while (r == 0 && (n = getline(&line, &size, file)) >= 0) {
                s.line++;
                while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' '))
                        line[--n] = '\0';
                r = run_line(&s, line);
        }
        if (r == 0 && (!s.ring || s.in_config))
                r = complain(&s, "the file ends before anything was done");
        fclose(file);
        return r;
}

int main(int argc, char **argv) {
        int failed = 0;

        if (argc < 2) {
                fputs("usage: run-scenario FILE..\n", stderr);
                return 2;
        }
        for (int i = 1; i < argc; i++)
                failed += run_file(argv[i]) < 0;
        printf("%d scenarios, %d failed\n", argc - 1, failed);
        return failed > 0;
}
