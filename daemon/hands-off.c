/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/hands-off.h"

#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "edge/sysfs.h"

/* What has to outlive a restart: blocks whose being offline is somebody's will, not theirs that nobody cared for yet. */
static bool keeps_offline(const struct mhp_block *block) {
        if (!block || block->state != MHP_STATE_OFFLINE)
                return false;
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return true;
        return block->goal == MHP_WANT_NONE && (block->reason == MHP_REASON_REQUESTED || block->reason == MHP_REASON_ACCEPTED);
}

/* A block that is gone by now is announced as gone, and then kept no longer. */
static int keep_offline(struct engine *engine, uint32_t nr) {
        uint64_t inode;
        int r = mhp_ranges_add(&engine->saved.hands_off, nr, nr);

        if (r < 0 || engine->dry_run || mhp_sysfs_block_inode(&engine->root, nr, &inode) < 0)
                return r;
        return mhp_saved_add_inode(&engine->saved, nr, inode);
}

int hands_off_touch(struct engine *engine, uint32_t nr, const struct mhp_block *block) {
        bool keep = keeps_offline(block);
        int r;

        if (keep == mhp_ranges_contain(&engine->saved.hands_off, nr))
                return 0;
        r = keep ? keep_offline(engine, nr) : mhp_ranges_remove(&engine->saved.hands_off, nr, nr);
        if (r >= 0)
                engine->save = true;
        return r;
}

static int tell_dropped(const struct mhp_ranges *dropped) {
        _cleanup_text_ struct mhp_text text = { 0 };

        if (dropped->n == 0)
                return 0;
        mhp_ranges_print(dropped, &text);
        if (text.error < 0)
                return text.error;
        log_print(LOG_NOTICE, "blocks %s, which somebody took offline, have left since then, and other memory has come in their place: it is decided on", text.data);
        return 0;
}

/* Memory that came while no mhpd ran has been in nobody's hand yet. */
static int drop_replaced(struct engine *engine, struct mhp_ranges *hands_off) {
        _cleanup_ranges_ struct mhp_ranges dropped = { 0 };

        for (size_t i = 0; i < engine->saved.n_inodes; i++) {
                const struct mhp_saved_inode *was = &engine->saved.inode[i];
                uint64_t inode;
                int r;

                if (mhp_sysfs_block_inode(&engine->root, was->nr, &inode) < 0 || inode == was->inode)
                        continue;
                r = mhp_ranges_remove(hands_off, was->nr, was->nr);
                if (r >= 0)
                        r = mhp_ranges_add(&dropped, was->nr, was->nr);
                if (r < 0)
                        return r;
        }
        return tell_dropped(&dropped);
}

/* What the state file remembers: blocks that another hand, or an administrator, wants offline. */
static int remember(struct engine *engine, const struct mhp_ranges *hands_off) {
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(engine->ring->map, 0); b && r >= 0; b = mhp_map_next_block(engine->ring->map, b))
                if (mhp_ranges_contain(hands_off, b->nr))
                        r = engine_event(engine, &(struct mhp_event) {
                                .type = MHP_EVENT_GOAL, .now = loop_now(), .block = b->nr, .want = MHP_WANT_NONE,
                                .reason = MHP_REASON_FOREIGN_OFFLINE });
        return r;
}

int hands_off_restore(struct engine *engine) {
        _cleanup_ranges_ struct mhp_ranges hands_off = engine->saved.hands_off;
        int r = 0;

        engine->saved.hands_off = (struct mhp_ranges) { 0 };
        if (hands_off.n == 0)
                return 0;
        engine->save = true;
        r = drop_replaced(engine, &hands_off);
        engine->saved.n_inodes = 0;
        return r < 0 ? r : remember(engine, &hands_off);
}
