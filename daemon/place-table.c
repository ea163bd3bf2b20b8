/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/place-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/table.h"
#include "daemon/engine.h"
#include "daemon/guard.h"
#include "daemon/log.h"
#include "daemon/state.h"
#include "edge/names.h"
#include "edge/place-table.h"

struct place_table {
        struct engine *engine;
        bool by_region; /* what is set depends on devices */
        bool doubted;
        bool again;     /* what is set, or is to be, could not be read */
        char *written;  /* owned; what the kernel has from mhpd; NULL: nothing */
        bool set_again; /* another hand has written it once, */
        bool left;      /* and once more */
        char *tried;    /* owned; what the kernel did not take, or a dry run did not give it; NULL: nothing. It is not tried again */
};

int place_table_new(struct engine *engine, struct place_table **ret) {
        struct place_table *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        table->engine = engine;
        *ret = table;
        return 0;
}

struct place_table *place_table_free(struct place_table *table) {
        if (!table)
                return NULL;

        free(table->written);
        free(table->tried);
        free(table);
        return NULL;
}

static void save(struct engine *engine) {
        (void) state_save(engine->options->runtime, &engine->saved, "what the kernel's placement table said before");
}

/* What was there first is put back at the end, whoever wrote it: after a crash it is what the state file says. */
static int remember(struct engine *engine, const char *now) {
        if (engine->saved.place_table)
                return 0;
        engine->saved.place_table = strdup(now);
        if (!engine->saved.place_table)
                return -ENOMEM;
        if (*now)
                log_print(LOG_NOTICE, "the kernel's placement table has rules that are not mhpd's; they are put back when mhpd stops");
        save(engine);
        return 0;
}

/* Whether it still says what mhpd wrote, as far as that is known. */
static bool is_ours(struct engine *engine) {
        const struct place_table *table = engine->place_table;
        _cleanup_free_ char *now = NULL;

        if (!table || !table->written || mhp_place_table_read(&engine->root, &now) < 0 || mhp_table_same(table->written, now))
                return true;
        log_print(LOG_NOTICE, "another hand has written the kernel's placement table: it is left so");
        return false;
}

void place_table_restore(struct engine *engine) {
        int r;

        if (!engine->saved.place_table)
                return;
        r = is_ours(engine) ? mhp_place_table_write(&engine->root, engine->saved.place_table) : 0;
        if (r < 0 && r != -ENOENT)
                log_print(LOG_WARNING, "the kernel's placement table cannot be put back: %s", strerror(-r));
        if (r < 0 && r != -ENOENT && r != -EINVAL) /* what the kernel does not understand it will not take the next time either */
                return; /* still what was there before */
        free(engine->saved.place_table);
        engine->saved.place_table = NULL;
        save(engine);
        if (engine->place_table) {
                free(engine->place_table->written);
                engine->place_table->written = NULL;
        }
}

static int remember_written(struct place_table *table, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(table->written);
        table->written = copy;
        return 0;
}

int place_table_guard(struct place_table *table) {
        _cleanup_free_ char *now = NULL;
        int r;

        if (!table || !table->written)
                return 0;
        r = mhp_place_table_read(&table->engine->root, &now);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (mhp_table_same(table->written, now)) {
                table->left = false;
                return 0;
        }
        if (table->left)
                return 0;
        table->left = table->set_again;
        table->set_again = true;
        guard_tell(table->engine, "memmap_policy", NULL, NULL, table->left);
        r = table->left ? 0 : mhp_place_table_write(&table->engine->root, table->written);
        if (r < 0)
                log_print(LOG_WARNING, "the kernel's placement table cannot be set again: %s", strerror(-r));
        return 0;
}

static unsigned count_lines(const char *text) {
        unsigned n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

static int write_table(struct place_table *table, const char *text) {
        bool dry_run = table->engine->dry_run;
        int r = dry_run ? 0 : mhp_place_table_write(&table->engine->root, text);

        free(table->tried);
        table->tried = NULL;
        if (r < 0 || dry_run) {
                table->tried = strdup(text);
                if (!table->tried)
                        return -ENOMEM;
        }
        if (r < 0)
                log_print(LOG_WARNING, "the kernel does not take the placement table, and places memmaps as it did: %s", strerror(-r));
        else
                log_print(LOG_INFO, "the kernel %s the memmaps of new memory by %u rule%s of its placement table (`mhpctl policy`)",
                          dry_run ? "would place" : "places", count_lines(text), count_lines(text) == 1 ? "" : "s");
        return r < 0 || dry_run ? 0 : remember_written(table, text);
}

static int apply(struct place_table *table, const char *wanted, const char *now) {
        struct engine *engine = table->engine;
        int r;

        if (!*wanted) {
                if (!engine->dry_run)
                        place_table_restore(engine);
                return 0;
        }
        r = engine->dry_run ? 0 : remember(engine, now);
        if (r >= 0 && mhp_table_same(wanted, now))
                return remember_written(table, wanted);
        if (r < 0 || (table->tried && strcmp(table->tried, wanted) == 0))
                return r;
        return write_table(table, wanted);
}

static void tell_missing(const struct mhp_config *config, const struct mhp_table *table) {
        for (size_t i = 0; i <= config->n_rules; i++) {
                const struct mhp_table_verdict *v = i < config->n_rules ? &table->rule[i] : &table->memmap;

                if (v->reason == MHP_TABLE_REASON_NONE || v->reason == MHP_TABLE_REASON_UNNEEDED)
                        continue;
                log_print(LOG_NOTICE, "Placement= of [%s%s] is not %s in the kernel's placement table: %s", i < config->n_rules ? "Rule " : "Memmap",
                          i < config->n_rules ? config->rules[i].name : "", v->n_lines > 0 ? "all" : "expressible", mhp_table_reason_words(v->reason));
        }
}

static int set(struct place_table *table, bool tell) {
        const struct mhp_ring *ring = table->engine->ring;
        _cleanup_memmap_table_ struct mhp_table wanted = { 0 };
        _cleanup_free_ char *now = NULL;
        int r = mhp_place_table_read(&table->engine->root, &now);

        table->doubted = false;
        if (r < 0 && !mhp_error_passes(r)) /* a stock kernel */
                return 0;
        if (r >= 0)
                r = mhp_table_for(&table->engine->root, ring->map, &ring->config, &wanted);
        if (mhp_error_passes(r)) {
                unread_tell(table->engine, "/" NAME_MEMMAP_POLICY, -r);
                table->doubted = table->again = true;
                return 0;
        }
        if (r < 0)
                return r;
        table->again = false;
        table->by_region = wanted.by_region;
        if (tell)
                tell_missing(&ring->config, &wanted);
        return apply(table, wanted.text.data ? wanted.text.data : "", now);
}

int place_table_set(struct place_table *table) {
        free(table->tried);
        table->tried = NULL;
        table->set_again = table->left = false;
        return set(table, true);
}

void place_table_doubt(struct place_table *table) {
        table->doubted = true;
}

int place_table_check(struct place_table *table) {
        if (table->engine->unread.again_at > 0)
                return 0;
        return table->doubted && (table->by_region || table->again) && !table->left ? set(table, false) : 0;
}
