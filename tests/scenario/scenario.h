/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A scenario: a map in the text form, a configuration, then what happens and what is expected, a command a line. README has the
 * language. Every function that takes a line apart returns 0, or -1 after it has said what is wrong with it. */

#include <stdarg.h>

#include "core/sim.h"
#include "model/line.h"

#define ARGS_MAX 40

/* A step or a report that came out of the ring. */
struct record {
        struct mhp_step step; /* its pointers are not to be used */
        struct mhp_ranges blocks;
        struct mhp_text order; /* the same, as they came */
        char *words;
};

struct setting {
        char *section, *key, *value;
};

struct scenario {
        const char *file;
        unsigned line;
        struct mhp_text head;       /* lines of the map */
        struct setting *settings;
        size_t n_settings, settings_capacity;
        char *section;              /* the one being written */
        bool in_config;
        bool cannot_arm;
        bool unasked; /* pseries: the kernel brings memory online whatever it is told */
        bool teardown;
        struct mhp_sim *sim;        /* NULL: not started */
        struct mhp_ring *ring;
        struct record *records;     /* since the start or the last `forget` */
        size_t n_records, records_capacity;
};

/* The words of a command. */
struct args {
        char *word[ARGS_MAX];
        unsigned n;
        const char *rest; /* of the line, from the word behind the first two */
};

int complain(const struct scenario *s, const char *format, ...) _printf_(2, 3);

/* record.c */
int record_step(void *scenario, const struct mhp_step *step);
void records_clear(struct scenario *s);
unsigned records_count(const struct scenario *s, enum mhp_verb verb, enum mhp_note note, uint32_t nr); /* MHP_NO_BLOCK: any block */
void records_print(const struct scenario *s);

/* words.c */
int arg_ranges(const struct scenario *s, const struct args *args, unsigned i, struct mhp_ranges *ret);
int arg_number(const struct scenario *s, const struct args *args, unsigned i, uint64_t *ret);
int arg_usec(const struct scenario *s, const struct args *args, unsigned i, uint64_t *ret);
const char *arg_value(const struct args *args, const char *key); /* of the word KEY=VALUE; NULL: there is none */
bool arg_has(const struct args *args, const char *word);
int parse_errno(const char *name, int *ret);
int parse_verb(const char *name, enum mhp_verb *ret);
int parse_note(const char *name, enum mhp_note *ret);
int parse_valid(const char *names, uint8_t *ret);

/* setup.c */
int scenario_start(struct scenario *s);
int scenario_restart(struct scenario *s);
int scenario_reload(struct scenario *s);
int scenario_set(struct scenario *s, const char *key, const char *value);
void scenario_done(struct scenario *s);

/* commands.c */
int run_command(struct scenario *s, const struct args *args);

/* removals.c */
int run_removal_command(struct scenario *s, const struct args *args);
int expect_removal(struct scenario *s, const struct args *args);
int expect_hold(struct scenario *s, const struct args *args);

/* expect.c */
int run_expect(struct scenario *s, const struct args *args);
bool line_has(const char *line, const char *word); /* `goal=movable` stands in it; `flags=a` too, though others may be with it; `goal=` must not */
int expect_truth(struct scenario *s); /* the map says what the simulated kernel has */
