/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/memmap-policy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "model/geometry.h"

#define BIT(source) (1u << (source))
#define ADDRESSED (BIT(MHP_SOURCE_VIRTIO_MEM) | BIT(MHP_SOURCE_DAX)) /* sources with regions */
/* All but boot memory. */
#define ADDED (ADDRESSED | BIT(MHP_SOURCE_ACPI) | BIT(MHP_SOURCE_HYPERV) | BIT(MHP_SOURCE_XEN) | BIT(MHP_SOURCE_OTHER) | BIT(MHP_SOURCE_DLPAR))

static const char *const reason_names[_MHP_TABLE_REASON_MAX] = {
        [MHP_TABLE_REASON_UNNEEDED] = "unneeded", [MHP_TABLE_REASON_SOURCE] = "source", [MHP_TABLE_REASON_SIZE] = "size",
        [MHP_TABLE_REASON_NODE] = "node",         [MHP_TABLE_REASON_HIDDEN] = "hidden", [MHP_TABLE_REASON_AUTO] = "auto",
        [MHP_TABLE_REASON_BEHIND] = "behind",     [MHP_TABLE_REASON_FULL] = "full",
};

static const char *const reason_words[_MHP_TABLE_REASON_MAX] = {
        [MHP_TABLE_REASON_UNNEEDED] = "the kernel does the same without being told",
        [MHP_TABLE_REASON_SOURCE] = "the table goes by address and node, and where memory of this source will come is not known beforehand",
        [MHP_TABLE_REASON_SIZE] = "the table goes by address and node, and how much memory will come is not known beforehand",
        [MHP_TABLE_REASON_NODE] = "which node a device's memory belongs to is not known until some of it is there",
        [MHP_TABLE_REASON_HIDDEN] = "which addresses belong to which device is for root to see",
        [MHP_TABLE_REASON_AUTO] = "the table has no word for auto, and something behind it would take its memory",
        [MHP_TABLE_REASON_BEHIND] = "it would also take memory of a rule before it that is not in the table",
        [MHP_TABLE_REASON_FULL] = "the table has no room for it",
};

/* What a line says. AUTO: there is no such line. */
enum word {
        WORD_OFF,
        WORD_ON,
        WORD_FORCE,
        WORD_AUTO,
};

static const char *const words[] = { [WORD_OFF] = "off", [WORD_ON] = "on", [WORD_FORCE] = "force" };

/* Some of the memory that may come. */
struct claim {
        unsigned sources;               /* BIT()s */
        const struct mhp_ranges *nodes; /* NULL: any */
        int node;                       /* this one alone; -1: as nodes says */
        uint64_t min_size, max_size;    /* of its device, both inside */
        enum word word;                 /* what the configuration wants for it */
};

struct compiler {
        const struct mhp_config *config;
        const struct mhp_table_machine *machine;
        struct mhp_table *table;
        struct claim *missing; /* owned; what is not in the table, though a line behind could be about it */
        size_t n_missing, capacity;
        bool *placed;          /* owned; of each region: a line is about just that */
        struct mhp_ranges nodes; /* likewise of nodes: the kernel takes one line for each */
        bool closed;           /* a line is about all memory: what follows is never reached */
};

static bool nodes_meet(const struct claim *a, const struct claim *b) {
        if (b->node >= 0)
                return a->node >= 0 ? a->node == b->node : !a->nodes || mhp_ranges_contain(a->nodes, (uint32_t) b->node);
        if (a->node >= 0)
                return !b->nodes || mhp_ranges_contain(b->nodes, (uint32_t) a->node);
        if (!a->nodes || !b->nodes)
                return true;
        for (size_t i = 0; i < a->nodes->n; i++)
                for (size_t k = 0; k < b->nodes->n; k++)
                        if (a->nodes->range[i].first <= b->nodes->range[k].last && b->nodes->range[k].first <= a->nodes->range[i].last)
                                return true;
        return false;
}

static bool meet(const struct claim *a, const struct claim *b) {
        return a->sources & b->sources && nodes_meet(a, b) && a->min_size <= b->max_size && b->min_size <= a->max_size;
}

/* Whether a line about this memory would say something else than the configuration for memory that an earlier rule is about. */
static bool is_behind(const struct compiler *c, const struct claim *claim) {
        for (size_t i = 0; i < c->n_missing; i++)
                if (c->missing[i].word != claim->word && meet(&c->missing[i], claim))
                        return true;
        return false;
}

static int miss(struct compiler *c, const struct claim *claim, struct mhp_table_verdict *verdict, enum mhp_table_reason reason) {
        int r = ARRAY_GROW(c->missing, c->n_missing, c->capacity);

        if (r < 0)
                return r;
        c->missing[c->n_missing++] = *claim;
        if (verdict->reason == MHP_TABLE_REASON_NONE)
                verdict->reason = reason;
        return 0;
}

/* 1: the line is in the table; 0: it is not, and why is in the verdict. */
static int put(struct compiler *c, const struct claim *claim, const struct mhp_text *line, struct mhp_table_verdict *verdict) {
        bool behind = is_behind(c, claim);

        if (line->error < 0)
                return line->error;
        if (behind || c->table->text.len + line->len > MHP_TABLE_SIZE_MAX)
                return miss(c, claim, verdict, behind ? MHP_TABLE_REASON_BEHIND : MHP_TABLE_REASON_FULL);
        mhp_text_add(&c->table->text, line->data);
        verdict->n_lines++;
        return c->table->text.error < 0 ? c->table->text.error : 1;
}

/* Of two lines for the same addresses the kernel takes none. */
static bool overlaps(const struct compiler *c, size_t i) {
        const struct mhp_region *region = &c->machine->region[i];

        for (size_t k = 0; k < c->machine->n; k++)
                if (c->placed[k] && c->machine->region[k].first <= region->last && region->first <= c->machine->region[k].last)
                        return true;
        return false;
}

static int put_region(struct compiler *c, const struct claim *rule, size_t i, struct mhp_table_verdict *verdict) {
        const struct mhp_region *region = &c->machine->region[i];
        struct claim claim = { .sources = BIT(region->source), .node = region->node, .min_size = region->size, .max_size = region->size,
                               .word = rule->word };
        uint64_t first = mhp_align_up(region->first, c->machine->block_size);
        uint64_t end = mhp_align_down(MIN(region->last, UINT64_MAX - 1) + 1, c->machine->block_size);
        _cleanup_text_ struct mhp_text line = { 0 };
        int r;

        if (end <= first || overlaps(c, i))
                return 0;
        if (region->size == 0)
                claim.max_size = UINT64_MAX;
        mhp_text_printf(&line, "%" PRIx64 "-%" PRIx64 " %s\n", first, end - 1, words[claim.word]);
        r = put(c, &claim, &line, verdict);
        c->placed[i] = r > 0;
        return r;
}

/* Lines for the regions that the rule is about. */
static int put_regions(struct compiler *c, const struct claim *rule, struct mhp_table_verdict *verdict) {
        bool sized = rule->min_size > 0 || rule->max_size < UINT64_MAX;
        int r = 0;

        if (rule->sources & ADDRESSED)
                c->table->by_region = true;
        for (size_t i = 0; i < c->machine->n && r >= 0; i++) {
                const struct mhp_region *region = &c->machine->region[i];
                struct claim missing = *rule;

                if (!(rule->sources & BIT(region->source)) || c->placed[i])
                        continue;
                missing.sources = BIT(region->source);
                if (rule->nodes && region->node < 0)
                        r = miss(c, &missing, verdict, MHP_TABLE_REASON_NODE);
                else if (rule->nodes && !mhp_ranges_contain(rule->nodes, (uint32_t) region->node))
                        continue;
                else if (sized && region->size == 0)
                        r = miss(c, &missing, verdict, MHP_TABLE_REASON_SIZE);
                else if (!sized || (region->size >= rule->min_size && region->size <= rule->max_size))
                        r = put_region(c, rule, i, verdict);
        }
        return r < 0 ? r : 0;
}

/* A rule by source or size: what has a region gets a line for that, the rest is missing. */
static int put_narrow(struct compiler *c, const struct claim *rule, bool by_source, struct mhp_table_verdict *verdict) {
        struct claim rest = *rule;
        int r = put_regions(c, rule, verdict);

        rest.sources &= ~ADDRESSED;
        if (r >= 0 && rest.sources)
                r = miss(c, &rest, verdict, by_source ? MHP_TABLE_REASON_SOURCE : MHP_TABLE_REASON_SIZE);
        rest.sources = rule->sources & ADDRESSED;
        if (r >= 0 && rest.sources && c->machine->hidden)
                r = miss(c, &rest, verdict, MHP_TABLE_REASON_HIDDEN);
        return r;
}

/* A line about all memory of a node, or about all. Where something before it is missing, the regions that can be told apart from that are still said. */
static int put_wide(struct compiler *c, const struct claim *rule, int node, struct mhp_table_verdict *verdict) {
        _cleanup_text_ struct mhp_text line = { 0 };
        struct claim claim = *rule;
        int r;

        claim.node = node;
        if (node >= 0)
                mhp_text_printf(&line, "node %d %s\n", node, words[claim.word]);
        else
                mhp_text_printf(&line, "default %s\n", words[claim.word]);
        if (is_behind(c, &claim)) {
                r = node >= 0 ? 0 : put_regions(c, rule, verdict);
                if (r < 0)
                        return r;
        }
        r = put(c, &claim, &line, verdict);
        if (r > 0 && node < 0)
                c->closed = true;
        if (r > 0 && node >= 0)
                r = mhp_ranges_add(&c->nodes, (uint32_t) node, (uint32_t) node);
        return r;
}

/* The kernel takes no line for a node that can never be. */
static bool is_possible(const struct compiler *c, uint32_t node) {
        return !c->machine->nodes || mhp_ranges_contain(c->machine->nodes, node);
}

static int put_nodes(struct compiler *c, const struct claim *rule, struct mhp_table_verdict *verdict) {
        for (size_t i = 0; i < rule->nodes->n; i++)
                for (uint64_t node = rule->nodes->range[i].first; node <= rule->nodes->range[i].last; node++) {
                        int r = 0;

                        if (is_possible(c, (uint32_t) node) && !mhp_ranges_contain(&c->nodes, (uint32_t) node))
                                r = put_wide(c, rule, (int) node, verdict);
                        if (r < 0)
                                return r;
                }
        if (verdict->n_lines == 0 && verdict->reason == MHP_TABLE_REASON_NONE)
                verdict->reason = MHP_TABLE_REASON_UNNEEDED;
        return 0;
}

/* Without a line, the boot parameter decides; where that is off, `off` says the same. */
static enum word word_of(const struct compiler *c, enum mhp_memmap placement) {
        switch (placement) {
        case MHP_MEMMAP_DRAM:
                return WORD_OFF;
        case MHP_MEMMAP_SELF:
                return WORD_ON;
        case MHP_MEMMAP_FORCE:
                return WORD_FORCE;
        case MHP_MEMMAP_UNSET:
        case MHP_MEMMAP_AUTO:
        case _MHP_MEMMAP_MAX:
                break;
        }
        return c->machine->self_hosting == MHP_SELF_HOSTING_ON || c->machine->self_hosting == MHP_SELF_HOSTING_FORCE ? WORD_AUTO : WORD_OFF;
}

static enum mhp_memmap placement_of(const struct mhp_config *config, size_t i) {
        enum mhp_memmap placement = i < config->n_rules ? config->rules[i].placement : config->placement;

        return placement == MHP_MEMMAP_UNSET ? config->placement : placement;
}

/* Whether rule i or anything behind it asks for something. */
static bool speaks(const struct mhp_config *config, size_t i) {
        for (; i <= config->n_rules; i++)
                if (placement_of(config, i) != MHP_MEMMAP_AUTO)
                        return true;
        return false;
}

static int compile_rule(struct compiler *c, size_t i, struct mhp_table_verdict *verdict) {
        const struct mhp_rule *rule = &c->config->rules[i];
        struct claim claim = {
                .sources = rule->sources ? rule->sources & ADDED : ADDED,
                .nodes = rule->nodes.n > 0 ? &rule->nodes : NULL,
                .node = -1,
                .min_size = rule->min_size,
                .max_size = rule->max_size,
                .word = word_of(c, placement_of(c->config, i)),
        };

        if (c->closed || claim.sources == 0 || !speaks(c->config, i)) {
                verdict->reason = MHP_TABLE_REASON_UNNEEDED;
                return 0;
        }
        if (claim.word == WORD_AUTO)
                return miss(c, &claim, verdict, MHP_TABLE_REASON_AUTO);
        if (rule->sources || rule->min_size > 0 || rule->max_size < UINT64_MAX)
                return put_narrow(c, &claim, rule->sources != 0, verdict);
        return claim.nodes ? put_nodes(c, &claim, verdict) : put_wide(c, &claim, -1, verdict);
}

static int compile_memmap(struct compiler *c, struct mhp_table_verdict *verdict) {
        const struct claim claim = { .sources = ADDED, .node = -1, .max_size = UINT64_MAX, .word = word_of(c, c->config->placement) };

        if (c->closed || c->config->placement == MHP_MEMMAP_AUTO) {
                verdict->reason = MHP_TABLE_REASON_UNNEEDED;
                return 0;
        }
        return put_wide(c, &claim, -1, verdict);
}

static int compile(struct compiler *c) {
        int r = 0;

        for (size_t i = 0; i < c->config->n_rules && r >= 0; i++)
                r = compile_rule(c, i, &c->table->rule[i]);
        return r < 0 ? r : compile_memmap(c, &c->table->memmap);
}

int mhp_table_compile(const struct mhp_config *config, const struct mhp_table_machine *machine, struct mhp_table *ret) {
        struct mhp_table table = { .rule = calloc(config->n_rules + 1, sizeof(*table.rule)) };
        struct compiler c = { .config = config, .machine = machine, .table = &table, .placed = calloc(machine->n + 1, sizeof(bool)) };
        int r = table.rule && c.placed ? compile(&c) : -ENOMEM;

        mhp_ranges_done(&c.nodes);
        free(c.placed);
        free(c.missing);
        if (r < 0) {
                mhp_table_done(&table);
                return r;
        }
        *ret = table;
        return 0;
}

void mhp_table_done(struct mhp_table *table) {
        mhp_text_done(&table->text);
        free(table->rule);
        *table = (struct mhp_table) { 0 };
}

/* ------------------------------------------------------------------------------------------------------------ comparison */

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_hex(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

struct cursor {
        const char *at;
        char last; /* handed out before */
};

/* The next character that counts: blanks are one, empty lines none, numbers have neither 0x nor leading zeros. NUL: the end. */
static char next(struct cursor *c) {
        bool blank = false, line = false;

        for (; is_blank(*c->at); c->at++) {
                blank = true;
                line = line || *c->at == '\n';
        }
        if (*c->at == '\0')
                return c->last = '\0';
        if (blank && c->last != '\0' && c->last != '\n')
                return c->last = line ? '\n' : ' ';
        if (c->last == '\0' || c->last == '\n' || c->last == ' ' || c->last == '-') {
                if (c->at[0] == '0' && (c->at[1] == 'x' || c->at[1] == 'X') && is_hex(c->at[2]))
                        c->at += 2;
                while (c->at[0] == '0' && is_hex(c->at[1]))
                        c->at++;
        }
        c->last = *c->at++;
        if (c->last >= 'A' && c->last <= 'Z')
                c->last = (char) (c->last - 'A' + 'a');
        return c->last;
}

bool mhp_table_same(const char *a, const char *b) {
        struct cursor x = { .at = a }, y = { .at = b };
        char c;

        while ((c = next(&x)) == next(&y))
                if (c == '\0')
                        return true;
        return false;
}

const char *mhp_table_reason_name(enum mhp_table_reason reason) {
        return (unsigned) reason < _MHP_TABLE_REASON_MAX ? reason_names[reason] : NULL;
}

const char *mhp_table_reason_words(enum mhp_table_reason reason) {
        return (unsigned) reason < _MHP_TABLE_REASON_MAX ? reason_words[reason] : NULL;
}
