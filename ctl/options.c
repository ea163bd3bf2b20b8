/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/near.h"

static int take_sysroot(struct ctl *ctl, const char *value);
static int take_host(struct ctl *ctl, const char *value);
static int take_columns(struct ctl *ctl, const char *value);
static int take_zone(struct ctl *ctl, const char *value);
static int take_timeout(struct ctl *ctl, const char *value);
static int take_assume(struct ctl *ctl, const char *value);
static int take_keep(struct ctl *ctl, const char *value);
static int take_node(struct ctl *ctl, const char *value);
static int take_color(struct ctl *ctl, const char *value);
static int take_no_color(struct ctl *ctl, const char *value);

struct option_row {
        enum ctl_option bit;
        const char *name;
        char letter;       /* '\0': none */
        const char *value; /* what the help calls its argument; NULL: takes none */
        const char *help;
        int (*take)(struct ctl *ctl, const char *value); /* NULL: the bit is all */
};

static const struct option_row rows[] = {
        { CTL_OPT_JSON, "json", 'J', NULL, "print JSON", NULL },
        { CTL_OPT_ALL, "all", 'a', NULL, "each block on its own", NULL },
        { CTL_OPT_OUTPUT, "output", 'o', "COLS", "these columns, comma separated; +COLS adds to the usual ones", take_columns },
        { CTL_OPT_BYTES, "bytes", 'b', NULL, "sizes in bytes", NULL },
        { CTL_OPT_NOHEADINGS, "noheadings", 'n', NULL, "no line of headings", NULL },
        { CTL_OPT_RAW, "raw", 'r', NULL, "columns are separated by one blank; blanks in them are \\x20", NULL },
        { CTL_OPT_PAIRS, "pairs", 'P', NULL, "NAME=\"value\", as a shell reads it", NULL },
        { CTL_OPT_TREE, "tree", 'T', NULL, "each group with its blocks below it", NULL },
        { CTL_OPT_ASCII, "ascii", 'i', NULL, "draw trees with ASCII characters", NULL },
        { CTL_OPT_ZONE, "zone", 'z', "ZONE", "auto (as the policy says), movable or kernel", take_zone },
        { CTL_OPT_POLICY, "policy", '\0', NULL, "also what is online: where policy wants it", NULL },
        { CTL_OPT_TIMEOUT, "timeout", 't', "TIME", "end after this time (30, 500ms, 2min); what is half-way out then goes back", take_timeout },
        { CTL_OPT_TO, "to", '\0', "SIZE", "how much the group keeps (virtio-mem)", take_keep },
        { CTL_OPT_AT_LEAST, "at-least", '\0', NULL, "a size is never less than that, instead of never more", NULL },
        { CTL_OPT_NO_WAIT, "no-wait", '\0', NULL, "start it and return", NULL },
        { CTL_OPT_NO_ASK, "no-ask-password", '\0', NULL, "do not ask for a password, fail if one is needed", NULL },
        { CTL_OPT_ASSUME, "assume", '\0', "PLACEMENT", "dram, self or force: what the model takes for all hot-added memory", take_assume },
        { CTL_OPT_NODE, "node", '\0', "N", "memory of this NUMA node", take_node },
        { CTL_OPT_ARCH, "arch", '\0', "NAME", "that of x86_64 (the default), arm64-4k, arm64-16k, arm64-64k, ppc64-64k, ppc64-4k, s390x or riscv64", NULL },
        { CTL_OPT_PAGE, "page-size", '\0', "SIZE", "but with pages of this size, and so on", NULL },
        { CTL_OPT_BLOCK, "block-size", '\0', "SIZE", "what goes online and offline at once", NULL },
        { CTL_OPT_SECTION, "section-size", '\0', "SIZE", "what comes and goes at once", NULL },
        { CTL_OPT_SUBSECTION, "subsection-size", '\0', "SIZE", "what device memory is aligned to", NULL },
        { CTL_OPT_PAGEBLOCK, "pageblock-size", '\0', "SIZE", "what has one migrate type", NULL },
        { CTL_OPT_PMD, "pmd-size", '\0', "SIZE", "what one huge mapping covers", NULL },
        { CTL_OPT_STRUCT, "struct-page", '\0', "SIZE", "what a page is described by", NULL },
        { CTL_OPT_VMEMMAP, "vmemmap-base", '\0', "HEX", "where page 0 is described", NULL },
        { CTL_OPT_ADD, "add", '\0', "PIECE", "add START+SIZE[:PLACEMENT]; dram (the default), self, force or range", NULL },
        { CTL_OPT_EARLY, "early", '\0', "PIECE", "START+SIZE that is there since boot", NULL },
        { CTL_OPT_REMOVE, "remove", '\0', "PIECE", "take START+SIZE away", NULL },
        { CTL_OPT_TRACE, "trace", '\0', NULL, "each step of a removal", NULL },
        { CTL_OPT_SYSROOT, "sysroot", 's', "DIR", "read DIR/sys, DIR/proc and DIR/etc instead of this machine's", take_sysroot },
        { CTL_OPT_HOST, "host", 'H', "[USER@]HOST", "of another machine, over ssh: its mhpd is asked, or mhpctl run there", take_host },
        { CTL_OPT_COLOR, "color", '\0', "WHEN", "auto (on a terminal that has some), always or never", take_color },
        { CTL_OPT_COLOR, "no-color", '\0', NULL, "the same as --color=never", take_no_color },
        { CTL_OPT_HELP, "help", 'h', NULL, "print this", NULL },
        { CTL_OPT_VERSION, "version", 'V', NULL, "print the version", NULL },
};

static int take_sysroot(struct ctl *ctl, const char *value) {
        ctl->sysroot = value;
        return CTL_DONE;
}

static int take_host(struct ctl *ctl, const char *value) {
        /* ssh would take it for an option of its own */
        if (*value == '\0' || *value == '-')
                return ctl_fail(ctl, CTL_USAGE, "--host: \"%s\" is no host; [USER@]HOST is", value);
        ctl->host = value;
        return CTL_DONE;
}

static int take_columns(struct ctl *ctl, const char *value) {
        ctl->columns = value;
        return CTL_DONE;
}

static int take_zone(struct ctl *ctl, const char *value) {
        static const char *const zones[] = { "auto", "movable", "kernel" };

        for (size_t i = 0; i < ELEMENTSOF(zones); i++)
                if (strcmp(value, zones[i]) == 0) {
                        ctl->zone = zones[i];
                        return CTL_DONE;
                }
        return ctl_fail(ctl, CTL_USAGE, "--zone: \"%s\" is not allowed; auto, movable and kernel are", value);
}

static int take_timeout(struct ctl *ctl, const char *value) {
        uint64_t usec;

        if (mhp_parse_usec(value, &usec) < 0 || usec == 0)
                return ctl_fail(ctl, CTL_USAGE, "--timeout: \"%s\" is not allowed; a time above 0 is, as 30, 500ms or 2min", value);
        ctl->timeout = usec;
        return CTL_DONE;
}

static int take_assume(struct ctl *ctl, const char *value) {
        enum mhp_placement placement;

        if (mhp_placement_parse(value, &placement) < 0 || placement == MHP_PLACEMENT_RANGE)
                return ctl_fail(ctl, CTL_USAGE, "--assume: \"%s\" is not allowed; dram, self and force are", value);
        ctl->assume = placement;
        return CTL_DONE;
}

static int take_keep(struct ctl *ctl, const char *value) {
        if (mhp_parse_size(value, &ctl->keep) < 0 || ctl->keep == UINT64_MAX)
                return ctl_fail(ctl, CTL_USAGE, "--to: \"%s\" is not allowed; a size is, as 512M or 2G", value);
        return CTL_DONE;
}

static int take_node(struct ctl *ctl, const char *value) {
        uint32_t node;

        if (mhp_parse_u32(value, &node) < 0 || node > MHP_NODE_MAX)
                return ctl_fail(ctl, CTL_USAGE, "--node: \"%s\" is not allowed; the number of a NUMA node is", value);
        ctl->node = (int) node;
        return CTL_DONE;
}

static bool color_fits(void) {
        const char *no_color = getenv("NO_COLOR");

        return ctl_term_draws(STDOUT_FILENO) && !(no_color && *no_color);
}

static int take_color(struct ctl *ctl, const char *value) {
        if (strcmp(value, "always") == 0)
                ctl->color = true;
        else if (strcmp(value, "never") == 0)
                ctl->color = false;
        else if (strcmp(value, "auto") == 0)
                ctl->color = color_fits();
        else
                return ctl_fail(ctl, CTL_USAGE, "--color: \"%s\" is not allowed; auto, always and never are", value);
        return CTL_DONE;
}

static int take_no_color(struct ctl *ctl, const char *value) {
        (void) value;
        ctl->color = false;
        return CTL_DONE;
}

static int value_width(const struct option_row *row) {
        return (int) strlen(row->name) + (row->value ? (int) strlen(row->value) + 1 : 0);
}

void ctl_options_help(struct mhp_text *text, uint64_t options) {
        int width = 16;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].bit & options)
                        width = MAX(width, value_width(&rows[i]));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct option_row *row = &rows[i];

                if (!(row->bit & options))
                        continue;
                mhp_text_printf(text, "  %c%c%c --%s%s%s%*s  %s\n", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
                                row->letter ? ',' : ' ', row->name, row->value ? "=" : "", row->value ? row->value : "",
                                width - value_width(row), "", row->help);
        }
}

void ctl_options_names(struct mhp_text *text, uint64_t options) {
        const char *comma = "";

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].bit & options) {
                        mhp_text_printf(text, "%s--%s", comma, rows[i].name);
                        comma = ", ";
                }
}

/* What getopt_long() wants, made of the rows. Letters come back as themselves, the others as LONG_ONLY + row. */
#define LONG_ONLY 256

struct getopt_tables {
        char letters[3 + 2 * ELEMENTSOF(rows) + 1];
        struct option options[ELEMENTSOF(rows) + 1];
};

static void make_tables(struct getopt_tables *ret) {
        size_t n = 0;

        /* '-': arguments come in order, so that the verb is known when an option after it is wrong; ':': told apart
         * from an unknown option when the value is missing */
        ret->letters[n++] = '-';
        ret->letters[n++] = ':';
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ret->options[i] = (struct option) {
                        .name = rows[i].name,
                        .has_arg = rows[i].value ? required_argument : no_argument,
                        .val = LONG_ONLY + (int) i,
                };
                if (rows[i].letter == '\0')
                        continue;
                ret->letters[n++] = rows[i].letter;
                if (rows[i].value)
                        ret->letters[n++] = ':';
        }
        ret->letters[n] = '\0';
        ret->options[ELEMENTSOF(rows)] = (struct option) {};
}

static const struct option_row *find_row(int c) {
        if (c >= LONG_ONLY)
                return &rows[c - LONG_ONLY];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].letter == c && c != '\0')
                        return &rows[i];
        return NULL;
}

/* A word that is no option: the verb, then its arguments. */
static int take_word(struct ctl *ctl, char *word, size_t *capacity) {
        if (ctl->verb) {
                if (ARRAY_GROW(ctl->args, ctl->n_args, *capacity) < 0)
                        return ctl_fail(ctl, CTL_FAILED, "out of memory");
                ctl->args[ctl->n_args++] = word;
                return CTL_DONE;
        }

        ctl->verb = ctl_verb_find(ctl, word);
        return ctl->verb ? CTL_DONE : ctl_tell_unknown_verb(ctl, word);
}

static int keep(struct ctl *ctl, const struct option_row *row, const char *value, size_t *capacity) {
        if (ARRAY_GROW(ctl->kept, ctl->n_kept, *capacity) < 0)
                return ctl_fail(ctl, CTL_FAILED, "out of memory");
        ctl->kept[ctl->n_kept++] = (struct ctl_kept) { .option = row->bit, .name = row->name, .value = value };
        return CTL_DONE;
}

static bool takes(const struct ctl *ctl, const struct option_row *row) {
        return !ctl->verb || row->bit & (ctl->verb->options | CTL_OPT_EVERY);
}

/* -j for -J */
static int tell_unknown_letter(struct ctl *ctl, int c) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].letter && (rows[i].letter ^ c) == ('a' ^ 'A') && takes(ctl, &rows[i]))
                        return ctl_fail(ctl, CTL_USAGE, "unknown option -%c; did you mean -%c (--%s)?", c, rows[i].letter, rows[i].name);
        return ctl_fail(ctl, CTL_USAGE, "unknown option -%c", c);
}

/* What the verb takes comes first, for the verb may be the one that was not meant. */
static int tell_unknown_option(struct ctl *ctl, const char *word) {
        _cleanup_free_ char *name = strndup(word, strcspn(word, "="));
        struct ctl_near near = { .word = name ? name + strspn(name, "-") : "" };

        for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
                const struct option_row *row = &rows[i % ELEMENTSOF(rows)];

                if (takes(ctl, row) == (i < ELEMENTSOF(rows)))
                        ctl_near_try(&near, row->name);
        }
        return ctl_fail(ctl, CTL_USAGE, "unknown option %s%s%s%s", word, near.name ? "; did you mean --" : "", near.name ? near.name : "", near.name ? "?" : "");
}

static int tell_bad_option(struct ctl *ctl, int c, const char *word) {
        const struct option_row *row;

        if (c == ':') {
                row = find_row(optopt);
                return ctl_fail(ctl, CTL_USAGE, "%s: a value is missing: %s", word, row && row->value ? row->value : "VALUE");
        }
        if (optopt >= LONG_ONLY)
                return ctl_fail(ctl, CTL_USAGE, "%s: takes no value", word);
        return optopt != 0 ? tell_unknown_letter(ctl, optopt) : tell_unknown_option(ctl, word);
}

/* A table has one form. */
static int check_forms(const struct ctl *ctl) {
        static const enum ctl_option forms[] = { CTL_OPT_JSON, CTL_OPT_RAW, CTL_OPT_PAIRS, CTL_OPT_TREE };
        enum ctl_option first = 0;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_text_ struct mhp_text names = {};

                if (!ctl_given(ctl, forms[i]))
                        continue;
                if (first == 0) {
                        first = forms[i];
                        continue;
                }
                ctl_options_names(&names, first | forms[i]);
                if (names.error < 0)
                        return ctl_fail(ctl, CTL_FAILED, "out of memory");
                return ctl_fail(ctl, CTL_USAGE, "%s exclude each other: each is a form of its own", names.data);
        }
        return CTL_DONE;
}

/* What cannot be said before all is read: whether the options fit the verb and each other. */
static int check_fit(struct ctl *ctl) {
        uint64_t foreign = ctl->given & ~(ctl->verb->options | CTL_OPT_EVERY);
        _cleanup_text_ struct mhp_text names = {}, taken = {};
        int r;

        if (foreign != 0) {
                ctl_options_names(&names, foreign);
                ctl_options_names(&taken, ctl->verb->options | CTL_OPT_EVERY);
                if (names.error < 0 || taken.error < 0)
                        return ctl_fail(ctl, CTL_FAILED, "out of memory");
                return ctl_fail(ctl, CTL_USAGE, "%s does not fit this verb, which takes %s", names.data, taken.data);
        }
        if (ctl_given(ctl, CTL_OPT_SYSROOT) && ctl_given(ctl, CTL_OPT_HOST))
                return ctl_fail(ctl, CTL_USAGE, "--sysroot and --host do not go together: one is a directory here, the other a machine elsewhere");
        if (ctl_given(ctl, CTL_OPT_JSON) && ctl_given(ctl, CTL_OPT_TRACE))
                return ctl_fail(ctl, CTL_USAGE, "--trace and --json do not go together: JSON has every free");
        if (ctl_given(ctl, CTL_OPT_TRACE) && ctl_given(ctl, CTL_OPT_RAW | CTL_OPT_PAIRS))
                return ctl_fail(ctl, CTL_USAGE, "--trace does not go together with --raw or --pairs: these show the table alone");
        r = check_forms(ctl);
        if (r != CTL_DONE)
                return r;
        if (ctl->n_args < ctl->verb->min_args)
                return ctl_fail(ctl, CTL_USAGE, "an argument is missing: mhpctl %s %s", ctl->verb->name, ctl->verb->args);
        if (ctl->n_args > ctl->verb->max_args)
                return ctl_fail(ctl, CTL_USAGE, "\"%s\" is one argument too many", ctl->args[ctl->verb->max_args]);
        return CTL_DONE;
}

int ctl_options_parse(struct ctl *ctl, int argc, char **argv) {
        struct getopt_tables tables;
        size_t capacity = 0, kept_capacity = 0;
        int c, r = CTL_DONE;

        ctl->color = color_fits();
        make_tables(&tables);
        opterr = 0;
        while (r == CTL_DONE && (c = getopt_long(argc, argv, tables.letters, tables.options, NULL)) >= 0) {
                const struct option_row *row;

                if (c == 1) {
                        r = take_word(ctl, optarg, &capacity);
                        continue;
                }
                row = c == '?' || c == ':' ? NULL : find_row(c);
                if (!row)
                        return tell_bad_option(ctl, c, argv[optind - 1]);
                ctl->given |= row->bit;
                r = keep(ctl, row, optarg, &kept_capacity);
                if (r == CTL_DONE && row->take)
                        r = row->take(ctl, optarg);
        }
        while (r == CTL_DONE && optind < argc)
                r = take_word(ctl, argv[optind++], &capacity);
        if (r != CTL_DONE || ctl_given(ctl, CTL_OPT_HELP) || ctl_given(ctl, CTL_OPT_VERSION))
                return r;
        if (!ctl->verb)
                ctl->verb = ctl->verbs;
        return check_fit(ctl);
}
