/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state.h"

#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/report.h"
#include "edge/names.h"
#include "edge/root-own.h"
#include "model/map-text.h"

int state_save(const char *dir, struct mhp_saved *saved, const char *loss) {
        int r;

        mhp_saved_sort_inodes(saved);
        r = mhp_state_file_save(dir, saved);
        if (r < 0)
                log_print(LOG_WARNING, "the state file in %s cannot be written, a crash would lose %s: %s", dir, loss, strerror(-r));
        return r;
}

static void tell(const char *dir, const char *name, const char *why, const char *outcome) {
        _cleanup_log_ struct log_entry entry = { .priority = LOG_WARNING };

        mhp_text_printf(&entry.message, "%s/%s cannot be used: %s: %s", dir, name, why, outcome);
        log_add(&entry, "MESSAGE_ID", "%s", REPORT_ID_SET_ASIDE);
        log_add(&entry, "MHPD_EVENT", "set-aside");
        log_add(&entry, "MHPD_FILE", "%s/%s", dir, name);
        log_send(&entry);
}

bool state_set_aside(const char *dir, const char *name, int error) {
        _cleanup_text_ struct mhp_text outcome = { 0 };
        int r;

        if (error == -ENOENT || error == -ENOMEM || error == -EMFILE || error == -ENFILE)
                return false;
        r = mhp_own_set_aside(dir, name);
        if (r < 0)
                mhp_text_printf(&outcome, "mhpd goes on without it, and it cannot be renamed: %s", strerror(-r));
        else
                mhp_text_printf(&outcome, "it is renamed to %s.bad, and mhpd goes on without it", name);
        tell(dir, name, error == -EBADMSG ? "it makes no sense" : mhp_own_words(error), outcome.data ? outcome.data : "");
        return true;
}

/* The lines that make sense are worth more than a clean beginning: without them the kernel's switches stay as mhpd has set them. */
static void keep_bad_lines(const char *dir, struct mhp_saved *saved) {
        _cleanup_text_ struct mhp_text why = { 0 }, outcome = { 0 };
        int r = mhp_own_copy_aside(dir, NAME_STATE_FILE);

        if (saved->bad_line == 0)
                mhp_text_add(&why, "what it says of memory that was to leave makes no sense");
        else if (saved->n_bad == 1)
                mhp_text_printf(&why, "line %u in it makes no sense", saved->bad_line);
        else
                mhp_text_printf(&why, "%u lines in it make no sense, the first is line %u", saved->n_bad, saved->bad_line);
        mhp_text_printf(&outcome, "%s " NAME_STATE_FILE ".bad, and the rest of it is used", r < 0 ? "it cannot be kept as" : "it is kept as");
        tell(dir, NAME_STATE_FILE, why.data ? why.data : "", outcome.data ? outcome.data : "");
        (void) state_save(dir, saved, "what could be read of it");
}

static int check_removals(struct mhp_saved *saved) {
        _cleanup_map_ struct mhp_map *map = NULL;
        int r = saved->removals ? mhp_map_parse(saved->removals, strlen(saved->removals), &map, NULL) : 0;

        if (r >= 0 || r == -ENOMEM)
                return r;
        free(TAKE(saved->removals));
        mhp_saved_bad_line(saved, 0);
        return 0;
}

int state_load(const char *dir, bool dry_run, struct mhp_saved *ret) {
        int r = mhp_state_file_load(dir, ret);

        if (r >= 0) {
                r = check_removals(ret);
                if (r < 0)
                        return r;
                if (ret->n_bad > 0 && !dry_run)
                        keep_bad_lines(dir, ret);
                return 0;
        }
        if (dry_run && r != -ENOMEM) {
                log_print(LOG_WARNING, "%s/" NAME_STATE_FILE " cannot be used: %s", dir, mhp_own_words(r));
                *ret = (struct mhp_saved) { 0 };
                return 0;
        }
        if (!state_set_aside(dir, NAME_STATE_FILE, r))
                return r;
        *ret = (struct mhp_saved) { 0 };
        return 0;
}
