/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is expected of map, steps and reports. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "scenario.h"

#define EACH_BLOCK(nr, ranges) \
        for (size_t i_ = 0; i_ < (ranges).n; i_++) \
                for (uint32_t nr = (ranges).range[i_].first; nr <= (ranges).range[i_].last; nr++)

/* Once nothing is under way and nothing unheard, the map is what is. Links that are late are no lie, they are only not known. */
int expect_truth(struct scenario *s) {
        const struct mhp_map *map = s->ring->map;

        if (map->queues[MHP_QUEUE_UNSETTLED].n > 0)
                return 0;
        if (map->n_blocks != s->sim->n_blocks)
                return complain(s, "the map has %zu blocks, the machine %zu", map->n_blocks, s->sim->n_blocks);
        for (size_t i = 0; i < s->sim->n_blocks; i++) {
                const struct mhp_sim_block *real = &s->sim->blocks[i];
                const struct mhp_block *block = mhp_map_find(map, real->nr);

                if (!block || block->state != real->state || block->zone != (real->state == MHP_STATE_ONLINE ? real->zone : MHP_ZONE_UNSET))
                        return complain(s, "block %u is %s %s, and the map says %s %s", real->nr, mhp_state_name((enum mhp_state) real->state),
                                        mhp_zone_name((enum mhp_zone) real->zone), block ? mhp_state_name((enum mhp_state) block->state) : "nothing",
                                        block ? mhp_zone_name((enum mhp_zone) block->zone) : "");
        }
        return 0;
}

static int print_block(const struct scenario *s, uint32_t nr, struct mhp_text *text) {
        const struct mhp_block *block = mhp_map_find(s->ring->map, nr);

        if (!block)
                return complain(s, "there is no block %u", nr);
        mhp_block_line_print((struct mhp_range) { nr, nr }, block, mhp_map_group(s->ring->map, block), text);
        return text->error < 0 ? complain(s, "out of memory") : 0;
}

bool line_has(const char *line, const char *word) {
        size_t key = strcspn(word, "="), n = strlen(word);
        bool flag = strncmp(word, "flags=", 6) == 0;

        for (const char *p = line; (p = strchr(p, ' '));) {
                size_t len = strcspn(++p, " \n");

                if (word[key] == '=' && !word[key + 1] && strncmp(p, word, n) == 0)
                        return false;
                if (!flag && len == n && memcmp(p, word, n) == 0)
                        return true;
                if (flag && strncmp(p, "flags=", 6) == 0)
                        for (const char *f = p + 6; f < p + len; f += strcspn(f, ", \n") + 1)
                                if (strcspn(f, ", \n") == n - 6 && memcmp(f, word + 6, n - 6) == 0)
                                        return true;
        }
        return word[key] == '=' && !word[key + 1];
}

/* expect block BLOCKS STATE [KEY=VALUE..], as in the text form */
static int expect_block(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };

        if (arg_ranges(s, args, 2, &ranges) < 0)
                return -1;
        EACH_BLOCK(nr, ranges) {
                _cleanup_text_ struct mhp_text line = { 0 };

                if (print_block(s, nr, &line) < 0)
                        return -1;
                for (unsigned i = 3; i < args->n; i++)
                        if (!line_has(line.data, args->word[i]))
                                return complain(s, "wanted %s, but: %.*s", args->word[i], (int) line.len - 1, line.data);
        }
        return 0;
}

static int expect_gone(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };

        if (arg_ranges(s, args, 2, &ranges) < 0)
                return -1;
        EACH_BLOCK(nr, ranges)
                if (mhp_map_find(s->ring->map, nr))
                        return complain(s, "block %u is still there", nr);
        return 0;
}

/* expect note NAME [BLOCKS [TIMES]] | expect no-note NAME [BLOCKS] */
static int expect_note(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        bool no = strcmp(args->word[1], "no-note") == 0;
        uint64_t times = 0;
        enum mhp_note note;

        if (args->n < 3 || parse_note(args->word[2], &note) < 0)
                return complain(s, "which note?");
        if (args->n == 3) {
                unsigned n = records_count(s, MHP_VERB_REPORT, note, MHP_NO_BLOCK);

                return no == (n == 0) ? 0 : complain(s, "%u notes %s", n, args->word[2]);
        }
        if (arg_ranges(s, args, 3, &ranges) < 0 || (args->n > 4 && arg_number(s, args, 4, &times) < 0))
                return -1;
        EACH_BLOCK(nr, ranges) {
                unsigned n = records_count(s, MHP_VERB_REPORT, note, nr);

                if (no ? n > 0 : times > 0 ? n != times : n == 0)
                        return complain(s, "block %u has %u notes %s", nr, n, args->word[2]);
        }
        return 0;
}

/* expect step VERB [BLOCKS]: there was one; one had exactly these */
static int expect_step(struct scenario *s, const struct args *args) {
        _cleanup_text_ struct mhp_text wanted = { 0 };
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        enum mhp_verb verb;

        if (args->n < 3 || parse_verb(args->word[2], &verb) < 0)
                return complain(s, "which verb?");
        if (args->n == 3)
                return records_count(s, verb, MHP_NOTE_NONE, MHP_NO_BLOCK) ? 0 : complain(s, "there is no step %s", args->word[2]);
        if (arg_ranges(s, args, 3, &ranges) < 0)
                return -1;
        mhp_ranges_print(&ranges, &wanted);
        for (size_t i = 0; i < s->n_records; i++) {
                _cleanup_text_ struct mhp_text text = { 0 };

                if (s->records[i].step.verb != verb)
                        continue;
                mhp_ranges_print(&s->records[i].blocks, &text);
                if (text.data && wanted.data && strcmp(text.data, wanted.data) == 0)
                        return 0;
        }
        return complain(s, "no step %s %s", args->word[2], args->word[3]);
}

/* expect order VERB N,N,.. N,..: the steps of that verb had these blocks, in this order */
static int expect_order(struct scenario *s, const struct args *args) {
        _cleanup_text_ struct mhp_text order = { 0 }, wanted = { 0 };
        enum mhp_verb verb;

        if (args->n < 4 || parse_verb(args->word[2], &verb) < 0)
                return complain(s, "which verb, and which blocks?");
        for (size_t i = 0; i < s->n_records; i++)
                if (s->records[i].step.verb == verb && s->records[i].blocks.n > 0)
                        mhp_text_printf(&order, "%s%s", order.len > 0 ? " " : "", s->records[i].order.data);
        for (unsigned i = 3; i < args->n; i++)
                mhp_text_printf(&wanted, "%s%s", i > 3 ? " " : "", args->word[i]);
        return order.data && wanted.data && strcmp(order.data, wanted.data) == 0 ? 0 : complain(s, "the order was %s", order.data ? order.data : "none");
}

static int expect_no_step(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        enum mhp_verb verb;

        if (args->n < 3 || parse_verb(args->word[2], &verb) < 0)
                return complain(s, "which verb?");
        if (args->n == 3)
                return records_count(s, verb, MHP_NOTE_NONE, MHP_NO_BLOCK) ? complain(s, "there is a step %s", args->word[2]) : 0;
        if (arg_ranges(s, args, 3, &ranges) < 0)
                return -1;
        EACH_BLOCK(nr, ranges)
                if (records_count(s, verb, MHP_NOTE_NONE, nr))
                        return complain(s, "there is a step %s with block %u", args->word[2], nr);
        return 0;
}

static int expect_steps(struct scenario *s, const struct args *args) {
        uint64_t wanted;
        unsigned n = 0;

        if (arg_number(s, args, 2, &wanted) < 0)
                return -1;
        for (size_t i = 0; i < s->n_records; i++)
                n += s->records[i].step.verb != MHP_VERB_REPORT;
        return n == wanted ? 0 : complain(s, "%u steps", n);
}

static int expect_writes(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        uint64_t wanted;

        if (arg_ranges(s, args, 2, &ranges) < 0 || arg_number(s, args, 3, &wanted) < 0)
                return -1;
        EACH_BLOCK(nr, ranges) {
                const struct mhp_sim_block *block = mhp_sim_find(s->sim, nr);

                if (!block || block->n_writes != wanted)
                        return complain(s, "block %u was written to %u times", nr, block ? block->n_writes : 0);
        }
        return 0;
}

/* expect reports NAME N: so many reports, whatever each is about */
static int expect_reports(struct scenario *s, const struct args *args) {
        enum mhp_note note;
        uint64_t wanted;
        unsigned n;

        if (args->n < 4 || parse_note(args->word[2], &note) < 0)
                return complain(s, "which note, and how often?");
        if (arg_number(s, args, 3, &wanted) < 0)
                return -1;
        n = records_count(s, MHP_VERB_REPORT, note, MHP_NO_BLOCK);
        return n == wanted ? 0 : complain(s, "%u reports %s", n, args->word[2]);
}

static int expect_idle(struct scenario *s, const struct args *args) {
        (void) args;
        if (s->ring->busy != MHP_VERB_NONE)
                return complain(s, "a step %s is under way", mhp_verb_name(s->ring->busy));
        if (mhp_ring_next_tick(s->ring) != UINT64_MAX)
                return complain(s, "something is due at %" PRIu64 " µs", mhp_ring_next_tick(s->ring));
        for (unsigned q = MHP_QUEUE_NONE + 1; q < _MHP_QUEUE_MAX; q++)
                if (s->ring->map->queues[q].n > 0)
                        return complain(s, "%u blocks are %s", s->ring->map->queues[q].n, mhp_queue_name((enum mhp_queue) q));
        return 0;
}

/* expect tick TIME: something is due after that time, and not before */
static int expect_tick(struct scenario *s, const struct args *args) {
        uint64_t usec, next = mhp_ring_next_tick(s->ring);

        if (arg_usec(s, args, 2, &usec) < 0)
                return -1;
        if (next == UINT64_MAX)
                return complain(s, "nothing is due");
        return next == s->sim->now + usec ? 0 : complain(s, "due in %" PRIi64 " µs", (int64_t) (next - s->sim->now));
}

/* expect sums [node=N] KEY=N.. */
static int expect_sums(struct scenario *s, const struct args *args) {
        const char *node = arg_value(args, "node");
        const struct mhp_sums *sums = node ? mhp_map_node(s->ring->map, (int) strtol(node, NULL, 10)) : &s->ring->map->total;
        const struct {
                const char *key;
                uint32_t n;
        } rows[] = {
                { "movable", sums->n_placed_movable }, { "kernel", sums->n_placed_kernel }, { "online", sums->n_online },
                { "offline", sums->n_offline },        { "gave-up", sums->n_gave_up },      { "blocks", sums->n_blocks },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *value = arg_value(args, rows[i].key);

                if (value && strtoul(value, NULL, 10) != rows[i].n)
                        return complain(s, "%s is %u", rows[i].key, rows[i].n);
        }
        return 0;
}

static int expect_path(struct scenario *s, const struct args *args) {
        const struct mhp_arming *arming = &s->ring->arming;

        if (args->n < 4)
                return complain(s, "expect path PATH REASON");
        if (strcmp(mhp_path_name(arming->path), args->word[2]) == 0 && strcmp(mhp_path_reason_name(arming->reason), args->word[3]) == 0)
                return 0;
        return complain(s, "the path is %s because of %s", mhp_path_name(arming->path), mhp_path_reason_name(arming->reason));
}

/* expect words TEXT: a note says that */
static int expect_words(struct scenario *s, const struct args *args) {
        for (size_t i = 0; i < s->n_records; i++)
                if (s->records[i].words && strstr(s->records[i].words, args->rest))
                        return 0;
        return complain(s, "nothing says that");
}

int run_expect(struct scenario *s, const struct args *args) {
        static const struct {
                const char *name;
                int (*run)(struct scenario *s, const struct args *args);
        } expectations[] = {
                { "block", expect_block },   { "gone", expect_gone },       { "note", expect_note },
                { "no-note", expect_note },  { "step", expect_step },       { "no-step", expect_no_step },
                { "reports", expect_reports },
                { "steps", expect_steps },   { "writes", expect_writes },   { "idle", expect_idle },
                { "tick", expect_tick },     { "sums", expect_sums },       { "path", expect_path },
                { "words", expect_words },   { "removal", expect_removal }, { "order", expect_order }, { "veto", expect_hold },
                { "unplug-online", expect_hold },
        };

        for (size_t i = 0; i < ELEMENTSOF(expectations); i++)
                if (args->n > 1 && strcmp(expectations[i].name, args->word[1]) == 0) {
                        if (expectations[i].run(s, args) == 0)
                                return 0;
                        records_print(s);
                        return -1;
                }
        return complain(s, "expect what?");
}
