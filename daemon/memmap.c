/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/memmap.h"

#include <errno.h>
#include <inttypes.h>

#include "api/memmap.h"
#include "base/units.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/report.h"
#include "edge/names.h"

struct memmap {
        struct engine *engine;
        struct mhp_memmaps reader; /* owned; opened with the first block that is looked at, as a kernel's files and parameters do not change */
        bool opened;
        struct mhp_ranges fresh; /* came online, not looked at yet */
        struct mhp_ranges known; /* looked at, and online since */
};

/* What is told of several blocks at once. */
struct finding {
        bool differs;                  /* else: it fell back */
        uint32_t group;
        enum mhp_placement placement;  /* where it lies */
        enum mhp_refusal refusal;
        bool by_table;                 /* the kernel was asked by its table, and told why it did not do it */
        const char *want;
        uint64_t expected, observed;   /* pages set aside */
        struct mhp_ranges blocks;
};

int memmap_new(struct engine *engine, struct memmap **ret) {
        struct memmap *memmap = calloc(1, sizeof(*memmap));

        if (!memmap)
                return -ENOMEM;
        memmap->engine = engine;
        memmap->reader = MHP_MEMMAPS_NONE;
        *ret = memmap;
        return 0;
}

struct memmap *memmap_free(struct memmap *memmap) {
        if (!memmap)
                return NULL;

        mhp_ranges_done(&memmap->fresh);
        mhp_ranges_done(&memmap->known);
        mhp_memmap_done(&memmap->reader);
        free(memmap);
        return NULL;
}

int memmap_touch(struct memmap *memmap, uint32_t nr, const struct mhp_block *block) {
        bool online = block && block->state == MHP_STATE_ONLINE && block->flags & MHP_BLOCK_ARRIVED && block->flags & MHP_BLOCK_SETTLED;
        int r = 0;

        if (online)
                return mhp_ranges_contain(&memmap->known, nr) ? 0 : mhp_ranges_add(&memmap->fresh, nr, nr);
        if (mhp_ranges_contain(&memmap->known, nr))
                r = mhp_ranges_remove(&memmap->known, nr, nr);
        if (r >= 0 && mhp_ranges_contain(&memmap->fresh, nr))
                r = mhp_ranges_remove(&memmap->fresh, nr, nr);
        return r;
}

static void sentence(const struct finding *finding, const struct mhp_group *group, const char *blocks, struct mhp_text *text) {
        bool many = finding->blocks.n > 1 || finding->blocks.range[0].last > finding->blocks.range[0].first;

        mhp_text_printf(text, "The memmap of block%s %s", many ? "s" : "", blocks);
        if (group)
                mhp_text_printf(text, " of %s", group->name);
        if (finding->differs)
                mhp_text_printf(text, " is not where it should be: %" PRIu64 " pages of each block are set aside for it, not %" PRIu64,
                                finding->observed, finding->expected);
        else
                mhp_text_printf(text, " lies %s, and Placement=%s is wanted: %s",
                                finding->placement == MHP_PLACEMENT_DRAM ? "in ordinary memory" : "in the memory itself", finding->want,
                                finding->by_table ? "what the kernel's placement table said when it came decided that (`mhpctl policy`)"
                                                  : mhp_placement_remedy(group ? group->source : MHP_SOURCE_UNKNOWN, finding->refusal));
}

static void tell(struct memmap *memmap, struct finding *finding) {
        _cleanup_log_ struct log_entry entry = { .priority = finding->differs ? LOG_ERR : LOG_NOTICE };
        const char *event = finding->differs ? "memmap-differs" : "memmap-fallback", *reason = mhp_refusal_name(finding->refusal);
        const struct mhp_map *map = memmap->engine->ring->map;
        const struct mhp_group *group = finding->group != MHP_NO_GROUP ? &map->groups[finding->group] : NULL;
        _cleanup_text_ struct mhp_text blocks = { 0 };

        if (finding->blocks.n == 0)
                return;
        mhp_ranges_print(&finding->blocks, &blocks);
        sentence(finding, group, blocks.data ? blocks.data : "", &entry.message);
        log_add(&entry, "MESSAGE_ID", "%s", REPORT_ID_MEMMAP);
        log_add(&entry, "MHPD_EVENT", "%s", event);
        log_add(&entry, "MHPD_BLOCK", "%s", blocks.data ? blocks.data : "");
        if (group)
                log_add(&entry, "MHPD_GROUP", "%s", group->name);
        if (mhp_placement_name(finding->placement))
                log_add(&entry, "MHPD_PLACEMENT", "%s", mhp_placement_name(finding->placement));
        if (reason)
                log_add(&entry, "MHPD_REASON", "%s", reason);
        log_send(&entry);
        bus_report(memmap->engine->bus, &(struct bus_report) {
                .event = event,
                .blocks = blocks.data ? blocks.data : "",
                .zone = "",
                .node = -1,
                .group = group ? group->name : "",
                .reason = reason ? reason : "",
                .message = entry.message.data ? entry.message.data : "",
        });
        mhp_ranges_done(&finding->blocks);
}

/* Where the configuration wants it. */
static enum mhp_memmap wanted(const struct memmap *memmap, const struct mhp_block *block) {
        const struct mhp_map *map = memmap->engine->ring->map;
        const struct mhp_config *config = &memmap->engine->ring->config;
        const struct mhp_group *group = mhp_map_group(map, block);
        const struct mhp_rule *rule = mhp_policy_rule(config, group ? group->source : MHP_SOURCE_UNKNOWN, block->node,
                                                      (group ? group->n_blocks : 1) * map->block_size);

        return rule && rule->placement != MHP_MEMMAP_UNSET ? rule->placement : config->placement;
}

/* 1: there is something to tell. */
static int judge(struct memmap *memmap, const struct mhp_block *block, struct finding *ret) {
        const struct mhp_map *map = memmap->engine->ring->map;
        struct mhp_memmaps *memmaps = &memmap->reader;
        struct mhp_block_memmap expected, actual;
        struct mhp_placement_decision decision = { .want = wanted(memmap, block) };
        struct mhp_block_difference difference;
        struct finding finding = { .group = block->group };

        mhp_memmap_expect(memmaps, map, block, &expected);
        if (mhp_memmap_compare(memmaps, block, expected.set_aside, &difference) > 0) {
                finding.differs = true;
                finding.expected = difference.expected;
                finding.observed = difference.observed;
                *ret = finding;
                return 1;
        }
        mhp_memmap_look(memmaps, map, block, &actual);
        if (!mhp_placement_falls_back(&decision, actual.placement))
                return 0;
        finding.placement = actual.placement;
        finding.refusal = expected.refusal;
        finding.by_table = memmaps->by_table && expected.refusal == MHP_REFUSAL_NONE;
        finding.want = mhp_memmap_name(decision.want);
        *ret = finding;
        return 1;
}

static bool same(const struct finding *a, const struct finding *b) {
        return a->differs == b->differs && a->group == b->group && a->placement == b->placement && a->refusal == b->refusal && a->by_table == b->by_table && a->want == b->want &&
               a->expected == b->expected && a->observed == b->observed;
}

static int look_at(struct memmap *memmap, uint32_t nr, struct finding *gathered) {
        const struct mhp_block *block = mhp_map_find(memmap->engine->ring->map, nr);
        struct finding finding;
        int r = mhp_ranges_remove(&memmap->fresh, nr, nr);

        if (r >= 0)
                r = mhp_ranges_add(&memmap->known, nr, nr);
        if (r < 0 || !block || judge(memmap, block, &finding) == 0)
                return r;
        if (!same(gathered, &finding)) {
                tell(memmap, gathered);
                *gathered = finding;
        }
        return mhp_ranges_add(&gathered->blocks, nr, nr);
}

static int open_reader(struct memmap *memmap) {
        const struct engine *engine = memmap->engine;
        int r;

        if (memmap->opened)
                return mhp_memmap_refresh(&engine->root, &memmap->reader);
        r = mhp_memmap_open_on(&engine->root, &engine->machine, &memmap->reader);
        memmap->opened = r >= 0;
        return r;
}

int memmap_check(struct memmap *memmap) {
        struct finding gathered = { .group = MHP_NO_GROUP };
        int r;

        if (memmap->fresh.n == 0)
                return 0;
        if (!memmap->engine->machine_known) { /* an architecture that this version knows nothing of */
                mhp_ranges_done(&memmap->fresh);
                return 0;
        }
        if (memmap->engine->unread.again_at > 0)
                return 0;
        r = open_reader(memmap);
        if (mhp_error_passes(r)) { /* they are looked at when it can be read again */
                unread_tell(memmap->engine, "/" NAME_MEMORY, -r);
                return 0;
        }
        if (r < 0)
                return r;
        for (uint64_t begin = loop_now(); memmap->fresh.n > 0 && r >= 0 && loop_now() < begin + LOOP_SLICE;)
                r = look_at(memmap, memmap->fresh.range[0].first, &gathered);
        tell(memmap, &gathered);
        mhp_ranges_done(&gathered.blocks);
        return r < 0 ? r : memmap->fresh.n > 0;
}
