/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl simulate`: memory comes and goes on a machine that is nothing but numbers. Everything is tried out first, so that
 * a removal which is refused at the end of the command line prints no half of an answer. */

#include "ctl/simulate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "model/geometry.h"

/* Steps of all removals together: some ten seconds, and 64 TiB in blocks of 128 MiB is a million of them. */
#define STEPS_MAX (UINT64_C(1) << 26)

static void whatif_done(struct whatif *whatif) {
        free(whatif->ops);
}

/* ---------------------------------------------------------------------------------------------------- the command line */

/* A value that goes on and on is cut, not what is allowed. */
static int tell_value(struct ctl *ctl, const struct ctl_kept *kept, const char *why) {
        const char *more = strlen(kept->value) > 64 ? "..." : "";

        return ctl_fail(ctl, CTL_USAGE, "--%s: \"%.64s%s\" is not allowed; %s", kept->name, kept->value, more, why);
}

/* Which sizes do not fit each other is known, but not which one was meant to be another: all that were given are named, and
 * what there is now. */
static int tell_geometry(struct ctl *ctl, const struct whatif *whatif, const char *why) {
        _cleanup_text_ struct mhp_text given = {}, all = {};

        for (size_t i = 0; i < ctl->n_kept; i++)
                if (ctl->kept[i].option & CTL_OPT_GEOMETRY)
                        mhp_text_printf(&given, "%s--%s=%s", given.len > 0 ? " " : "", ctl->kept[i].name, ctl->kept[i].value);
        mhp_geometry_print(&whatif->geometry, &all);
        if (given.error < 0 || all.error < 0)
                return -ENOMEM;
        return ctl_fail(ctl, CTL_USAGE, "%s is not allowed: %s; together that is %s", given.data, why, all.data);
}

static int take_arch(struct ctl *ctl, const struct ctl_kept *kept, struct mhp_geometry *geometry) {
        _cleanup_text_ struct mhp_text names = {};
        const char *name;

        if (mhp_geometry_preset(kept->value, geometry) == 0)
                return CTL_DONE;
        for (size_t i = 0; (name = mhp_geometry_arch(i)); i++)
                mhp_text_printf(&names, "%s%s", i > 0 ? ", " : "", name);
        mhp_text_add(&names, " are");
        return names.error < 0 ? names.error : tell_value(ctl, kept, names.data);
}

/* The architecture first, wherever it stands: the sizes change it. */
static int take_geometry(struct ctl *ctl, struct whatif *whatif) {
        const char *why = "";
        int r = mhp_geometry_preset("x86_64", &whatif->geometry);

        for (size_t i = 0; r == CTL_DONE && i < ctl->n_kept; i++)
                if (ctl->kept[i].option == CTL_OPT_ARCH)
                        r = take_arch(ctl, &ctl->kept[i], &whatif->geometry);
        for (size_t i = 0; r == CTL_DONE && i < ctl->n_kept; i++)
                if (ctl->kept[i].option & CTL_OPT_GEOMETRY && ctl->kept[i].option != CTL_OPT_ARCH &&
                    mhp_geometry_set(&whatif->geometry, ctl->kept[i].name, ctl->kept[i].value, &why) < 0)
                        r = tell_value(ctl, &ctl->kept[i], why);
        if (r == CTL_DONE && mhp_geometry_check(&whatif->geometry, &why) < 0)
                return tell_geometry(ctl, whatif, why);
        return r;
}

static int take_ops(struct ctl *ctl, struct whatif *whatif) {
        const char *why;

        if (!ctl_given(ctl, CTL_OPT_OPERATION))
                return ctl_fail(ctl, CTL_USAGE, "an operation is missing: --add START+SIZE[:PLACEMENT]");
        whatif->ops = calloc(ctl->n_kept, sizeof(*whatif->ops));
        if (!whatif->ops)
                return -ENOMEM;
        for (size_t i = 0; i < ctl->n_kept; i++) {
                const struct ctl_kept *kept = &ctl->kept[i];
                struct whatif_op *op = &whatif->ops[whatif->n_ops];

                if (!(kept->option & CTL_OPT_OPERATION))
                        continue;
                op->kind = kept->option;
                op->word = kept->value;
                if (mhp_stretch_parse(kept->value, kept->option == CTL_OPT_ADD, &op->at, &why) < 0)
                        return tell_value(ctl, kept, why);
                whatif->n_ops++;
        }
        return CTL_DONE;
}

/* ------------------------------------------------------------------------------------------------------- what is done */

/* At most; asked before a removal is begun, since one that has begun goes on to its end. */
static uint64_t count_steps(const struct mhp_geometry *geometry, const struct mhp_stretch *at) {
        return at->size / geometry->section_size + 2 + mhp_memmap_size(geometry, at->size) / mhp_vmemmap_leaf(geometry) + 2;
}

static void count(struct whatif_op *op, struct mhp_teardown *teardown) {
        struct mhp_teardown_step step;

        while (mhp_teardown_next(teardown, &step) > 0) {
                if (step.kind == MHP_TEARDOWN_SECTION) {
                        op->n_sections++;
                        continue;
                }
                if (op->n_frees == 0)
                        op->first = step;
                op->last = step;
                op->n_frees++;
                op->freed += step.end - step.start;
        }
}

/* Does everything and prints nothing. */
static int try_out(struct ctl *ctl, struct whatif *whatif) {
        _cleanup_whatif_backing_ struct mhp_backing *backing = NULL;
        uint64_t steps = 0;
        int r = mhp_backing_new(&whatif->geometry, &backing);

        for (size_t i = 0; r == CTL_DONE && i < whatif->n_ops; i++) {
                _cleanup_whatif_teardown_ struct mhp_teardown *teardown = NULL;
                struct whatif_op *op = &whatif->ops[i];

                if (op->kind == CTL_OPT_REMOVE)
                        steps = mhp_add_sat(steps, count_steps(&whatif->geometry, &op->at));
                if (steps > STEPS_MAX)
                        return ctl_fail(ctl, CTL_USAGE, "--remove: \"%s\" is not allowed; all removals together take %" PRIu64
                                        " steps at most, and these %" PRIu64, op->word, STEPS_MAX, steps);
                r = whatif_do(ctl, whatif, op, backing, &teardown);
                if (teardown)
                        count(op, teardown);
        }
        return r;
}

int verb_simulate(struct ctl *ctl) {
        _cleanup_(whatif_done) struct whatif whatif = {};
        int r;

        r = take_geometry(ctl, &whatif);
        if (r == CTL_DONE)
                r = take_ops(ctl, &whatif);
        if (r == CTL_DONE)
                r = try_out(ctl, &whatif);
        if (r != CTL_DONE)
                return r;
        return ctl_given(ctl, CTL_OPT_JSON) ? whatif_print_json(ctl, &whatif) : whatif_print_text(ctl, &whatif);
}
