/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/arm.h"

#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/state.h"
#include "edge/knobs.h"

#define LOSS "what the kernel's knobs said before"

/* What every knob of the plan says now, and what it will say. A knob that is not there is the write's to complain of. */
static bool save_knobs(const struct mhp_root *root, const struct mhp_arming *arming, struct mhp_saved *saved) {
        bool changed = false;

        for (enum mhp_knob k = 0; k < _MHP_KNOB_MAX; k++) {
                char value[MHP_KNOB_VALUE_MAX];

                if (!*arming->value[k])
                        continue;
                if (!*saved->knob[k] && mhp_knob_read(root, k, value) >= 0) {
                        memcpy(saved->knob[k], value, sizeof(value));
                        changed = true;
                }
                if (*saved->knob[k] && strcmp(saved->set[k], arming->value[k]) != 0) {
                        memcpy(saved->set[k], arming->value[k], sizeof(saved->set[k]));
                        changed = true;
                }
        }
        return changed;
}

int arm_knob(const struct mhp_root *root, enum mhp_knob k, const char *value) {
        char now[MHP_KNOB_VALUE_MAX];
        int r = mhp_knob_read(root, k, now);

        if (r >= 0 && strcmp(now, value) == 0)
                return 0;
        if (r >= 0)
                r = mhp_knob_write(root, k, value);
        if (r >= 0)
                r = mhp_knob_read(root, k, now);
        if (r < 0)
                return r;
        return strcmp(now, value) == 0 ? 0 : -EREMOTEIO;
}

/* auto_online_blocks comes last when the kernel is given the work: by then it knows the policy. */
static int set_knobs(const struct mhp_root *root, const struct mhp_arming *arming) {
        for (unsigned i = _MHP_KNOB_MAX; i-- > 0;) {
                enum mhp_knob k = (enum mhp_knob) i;
                int r = *arming->value[k] ? arm_knob(root, k, arming->value[k]) : 0;

                if (r == -EREMOTEIO)
                        log_print(LOG_WARNING, "%s does not take \"%s\"", mhp_knob_name(k), arming->value[k]);
                else if (r < 0)
                        log_print(LOG_WARNING, "%s cannot be set to \"%s\": %s", mhp_knob_name(k), arming->value[k], strerror(-r));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether it still says what mhpd set, as far as that is known. */
static bool is_ours(const struct mhp_root *root, enum mhp_knob k, const struct mhp_saved *saved) {
        char now[MHP_KNOB_VALUE_MAX];

        if (!*saved->set[k] || mhp_knob_read(root, k, now) < 0 || strcmp(now, saved->set[k]) == 0)
                return true;
        if (strcmp(now, saved->knob[k]) != 0)
                log_print(LOG_NOTICE, "%s says \"%s\", which another hand wrote: it is left so, and not put back to \"%s\"", mhp_knob_name(k), now,
                          saved->knob[k]);
        return false;
}

/* Puts back the saved knobs that the plan (NULL: none) leaves alone. */
static bool restore_knobs(const struct mhp_root *root, const struct mhp_arming *arming, struct mhp_saved *saved) {
        bool changed = false;

        for (enum mhp_knob k = 0; k < _MHP_KNOB_MAX; k++) {
                if (!*saved->knob[k] || (arming && *arming->value[k]))
                        continue;
                int r = is_ours(root, k, saved) ? arm_knob(root, k, saved->knob[k]) : 0;
                if (r < 0)
                        log_print(LOG_WARNING, "%s cannot be put back to \"%s\": %s", mhp_knob_name(k), saved->knob[k], strerror(-r));
                if (r < 0 && r != -ENOENT && r != -EINVAL) /* no knob, or none that knows the value: another try comes to the same */
                        continue; /* still the value from before */
                *saved->knob[k] = '\0';
                *saved->set[k] = '\0';
                changed = true;
        }
        return changed;
}

static int apply_plan(const struct mhp_root *root, const char *dir, const struct mhp_arming *arming, struct mhp_saved *saved) {
        if (save_knobs(root, arming, saved))
                (void) state_save(dir, saved, LOSS);
        return set_knobs(root, arming);
}

static void make_plan(const struct mhp_root *root, const struct mhp_config *config, bool can_arm, struct mhp_arming *ret) {
        mhp_arming_plan(config, can_arm, ret);
        if (mhp_knob_unasked(root))
                mhp_arming_insist(ret);
}

int arm(const struct mhp_root *root, const char *dir, const struct mhp_config *config, bool dry_run, struct mhp_saved *saved,
        struct mhp_arming *ret) {
        struct mhp_arming arming;

        make_plan(root, config, mhp_knob_can_arm(root), &arming);
        if (!dry_run) {
                if (apply_plan(root, dir, &arming, saved) < 0)
                        make_plan(root, config, false, &arming);
                if (restore_knobs(root, &arming, saved))
                        (void) state_save(dir, saved, LOSS);
        }
        log_print(arming.reason == MHP_PATH_REASON_NO_KNOB ? LOG_NOTICE : LOG_INFO, "blocks are brought online by %s: %s",
                  arming.path == MHP_PATH_KERNEL ? "the kernel" : "mhpd", mhp_path_reason_words(arming.reason));
        *ret = arming;
        return 0;
}

void arm_again(const struct mhp_root *root, const char *dir, const struct mhp_arming *arming, struct mhp_saved *saved) {
        (void) apply_plan(root, dir, arming, saved);
}

void disarm(const struct mhp_root *root, const char *dir, struct mhp_saved *saved) {
        if (restore_knobs(root, NULL, saved))
                (void) state_save(dir, saved, LOSS);
}
