/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* mhpctl's frame: a verb is a row of the table in verbs.c and a file of its own. A verb appends what it has to say to
 * ctl->out and returns; main() writes that once and checks the write, so that a full disk is a failure like any other. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/text.h"
#include "model/map.h"

/* A promise: scripts test for them. */
enum ctl_status {
        CTL_DONE   = 0,
        CTL_FAILED = 1,
        CTL_USAGE  = 2,
        CTL_ABSENT = 3, /* of status: mhpd does not run, or cannot be asked; what the machine shows was told all the same */
        CTL_PARTLY = 64,
};

/* Options as bits: what a verb takes, what the command line gave. */
enum ctl_option {
        CTL_OPT_JSON       = 1 << 0,
        CTL_OPT_SYSROOT    = 1 << 1,
        CTL_OPT_HOST       = 1 << 2,
        CTL_OPT_ALL        = 1 << 3,
        CTL_OPT_OUTPUT     = 1 << 4,
        CTL_OPT_BYTES      = 1 << 5,
        CTL_OPT_NOHEADINGS = 1 << 6,
        CTL_OPT_ZONE       = 1 << 7,
        CTL_OPT_TIMEOUT    = 1 << 8,
        CTL_OPT_NO_WAIT    = 1 << 9,
        CTL_OPT_ASSUME     = 1 << 10,
        CTL_OPT_NODE       = 1 << 11,
        CTL_OPT_TO         = 1 << 12,
        CTL_OPT_POLICY     = 1 << 13,
        CTL_OPT_AT_LEAST   = 1 << 28,
        CTL_OPT_NO_ASK     = 1u << 31,
        /* of simulate: a geometry, what is done on it, how it is shown */
        CTL_OPT_ARCH       = 1 << 14,
        CTL_OPT_PAGE       = 1 << 15,
        CTL_OPT_BLOCK      = 1 << 16,
        CTL_OPT_SECTION    = 1 << 17,
        CTL_OPT_SUBSECTION = 1 << 18,
        CTL_OPT_PAGEBLOCK  = 1 << 19,
        CTL_OPT_PMD        = 1 << 20,
        CTL_OPT_STRUCT     = 1 << 21,
        CTL_OPT_VMEMMAP    = 1 << 22,
        CTL_OPT_ADD        = 1 << 23,
        CTL_OPT_EARLY      = 1 << 24,
        CTL_OPT_REMOVE     = 1 << 25,
        CTL_OPT_TRACE      = 1 << 26,
        /* taken by every verb */
        CTL_OPT_COLOR      = 1 << 27, /* and --no-color */
        CTL_OPT_HELP       = 1 << 29,
        CTL_OPT_VERSION    = 1 << 30,
        /* of tables */
        CTL_OPT_RAW        = UINT64_C(1) << 32,
        CTL_OPT_PAIRS      = UINT64_C(1) << 33,
        CTL_OPT_TREE       = UINT64_C(1) << 34,
        CTL_OPT_ASCII      = UINT64_C(1) << 35,
};
#define CTL_OPT_EVERY (CTL_OPT_COLOR | CTL_OPT_HELP | CTL_OPT_VERSION)
#define CTL_OPT_GEOMETRY                                                                                                       \
        (CTL_OPT_ARCH | CTL_OPT_PAGE | CTL_OPT_BLOCK | CTL_OPT_SECTION | CTL_OPT_SUBSECTION | CTL_OPT_PAGEBLOCK | CTL_OPT_PMD | \
         CTL_OPT_STRUCT | CTL_OPT_VMEMMAP)
#define CTL_OPT_TABLE (CTL_OPT_OUTPUT | CTL_OPT_NOHEADINGS | CTL_OPT_RAW | CTL_OPT_PAIRS)
#define CTL_OPT_OPERATION (CTL_OPT_ADD | CTL_OPT_EARLY | CTL_OPT_REMOVE)

struct ctl;

enum ctl_need {
        CTL_NEEDS_NONE,   /* works from sysfs */
        CTL_NEEDS_MAYBE,  /* asks the daemon if it is there */
        CTL_NEEDS_DAEMON,
};

struct ctl_verb {
        const char *name;
        const char *args;            /* as the usage line has them */
        const char *help;            /* one line */
        const char *more;            /* what --help says below the usage line */
        enum ctl_need need;
        uint64_t options;            /* enum ctl_option, besides CTL_OPT_EVERY */
        unsigned min_args, max_args;
        int (*run)(struct ctl *ctl); /* an enum ctl_status, or a negative errno that is still to be told */
};

/* An option as it was given: for those whose order counts, and for the command line of another machine. */
struct ctl_kept {
        enum ctl_option option;
        const char *name, *value;    /* name without the dashes */
};

struct ctl {
        const struct ctl_verb *verbs; /* all of them */
        const struct ctl_verb *verb; /* NULL: not known yet */
        uint64_t given;              /* enum ctl_option */
        const char *sysroot;         /* NULL: this machine */
        const char *host;
        const char *columns;
        const char *zone;
        uint64_t timeout;            /* µs, 0: none */
        enum mhp_placement assume;   /* UNSET: not given */
        int node;                    /* valid when given */
        uint64_t keep;               /* bytes; valid when --to was given */
        bool color;
        char **args;                 /* after the verb; owned, the strings are argv's */
        size_t n_args;
        struct ctl_kept *kept;       /* in the order of the command line; owned */
        size_t n_kept;
        struct mhp_text out;
        bool out_failed;             /* it was told that nothing can be written any more */
};

static inline bool ctl_given(const struct ctl *ctl, enum ctl_option option) {
        return ctl->given & option;
}

/* verbs.c; a row without a name ends the table. Only main() asks for it, for the verbs themselves are given it in struct ctl. */
const struct ctl_verb *ctl_verbs(void);

/* verb.c; NULL: there is none of that name, and the second says what was probably meant. */
const struct ctl_verb *ctl_verb_find(const struct ctl *ctl, const char *name);
int ctl_tell_unknown_verb(const struct ctl *ctl, const char *word);

/* help.c */
void ctl_help(struct ctl *ctl);
void ctl_help_verb(struct ctl *ctl, const struct ctl_verb *verb);

/* options.c: the command line into *ctl. CTL_DONE, or a status after telling why. */
int ctl_options_parse(struct ctl *ctl, int argc, char **argv);
void ctl_options_help(struct mhp_text *text, uint64_t options);
void ctl_options_names(struct mhp_text *text, uint64_t options);

/* out.c: `mhpctl: VERB: ...` on standard error; gives back status (so that `return ctl_fail(...)` reads well). */
int ctl_fail(const struct ctl *ctl, int status, const char *format, ...) _printf_(3, 4);

/* Adds s for a terminal: what is not printable becomes `?`. */
void ctl_add_plain(struct mhp_text *text, const char *s);

/* Writes text to standard output now and empties it: for verbs that go on for long. CTL_DONE or CTL_FAILED after telling. */
int ctl_flush(struct ctl *ctl);

enum ctl_color {
        CTL_PLAIN,
        CTL_BOLD,
        CTL_GOOD,
        CTL_WARN,
        CTL_BAD,
        _CTL_COLOR_MAX,
};

/* The escape that starts a colour and the one that ends it; empty when colours are off. */
const char *ctl_color_on(const struct ctl *ctl, enum ctl_color color);
const char *ctl_color_off(const struct ctl *ctl, enum ctl_color color);

/* Whether lines on that terminal can be drawn over and have colours: file descriptor of a terminal, and TERM neither unset nor `dumb`. */
bool ctl_term_draws(int fd);

/* fit.c: $COLUMNS, or how many columns the terminal has, or 80; SIZE_MAX where fd is none, so that nothing is shortened for a program that reads. */
size_t ctl_term_width(int fd);

/* Breaks lines of ctl->out that are wider than standard output at blanks; what follows stands below the text of the line. */
void ctl_fit(struct ctl *ctl);

/* Shortens one line to `width` columns; the last three are dots then. */
void ctl_cut(struct mhp_text *line, size_t width);

/* remote.c: the verbs that look at files with more than the daemon knows: with -H mhpctl is run over there, by ssh. */
bool ctl_remote_runs(const struct ctl *ctl);
int ctl_remote_run(struct ctl *ctl);

/* source.c: the blocks to talk of: with -H the other machine's daemon's, otherwise read from sysfs. The groups that only root could see there are
 * the daemon's, if it runs. Tells why not. */
int ctl_map_read(struct ctl *ctl, struct mhp_map **ret);

/* The verbs. */
int verb_status(struct ctl *ctl);
int verb_list(struct ctl *ctl);
int verb_groups(struct ctl *ctl);
int verb_memmap(struct ctl *ctl);
int verb_verify(struct ctl *ctl);
int verb_explain(struct ctl *ctl);
int verb_doctor(struct ctl *ctl);
int verb_plan(struct ctl *ctl);
int verb_plan_plug(struct ctl *ctl); /* `plan plug`: verb_plan() hands over */
int verb_plan_remove(struct ctl *ctl); /* `plan offline`, `plan unplug`: likewise */
int verb_online(struct ctl *ctl);
int verb_offline(struct ctl *ctl);
int verb_unplug(struct ctl *ctl);
int verb_jobs(struct ctl *ctl);
int verb_wait(struct ctl *ctl);
int verb_cancel(struct ctl *ctl);
int verb_policy(struct ctl *ctl);
int verb_reload(struct ctl *ctl);
int verb_dump(struct ctl *ctl);
int verb_simulate(struct ctl *ctl);
int verb_monitor(struct ctl *ctl);
int verb_help(struct ctl *ctl);
