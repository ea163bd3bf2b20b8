/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One operation on the backing map of `mhpctl simulate`, and what is said when the kernel would refuse it. */

#include <errno.h>
#include <inttypes.h>

#include "base/units.h"
#include "ctl/simulate.h"

static const char *option_name(enum ctl_option kind) {
        return kind == CTL_OPT_ADD ? "add" : kind == CTL_OPT_EARLY ? "early" : "remove";
}

static int tell_unaligned(struct ctl *ctl, const struct whatif *whatif, const struct whatif_op *op) {
        bool by_block = op->at.placement == MHP_PLACEMENT_SELF || op->at.placement == MHP_PLACEMENT_FORCE;
        char size[MHP_SIZE_MAX];

        mhp_format_size(size, by_block ? whatif->geometry.block_size : whatif->geometry.subsection_size);
        return ctl_fail(ctl, CTL_USAGE, "--%s: \"%s\" is not allowed; START and SIZE are multiples of %s, the size of a %s",
                        option_name(op->kind), op->word, size, by_block ? "block" : "subsection");
}

static int tell_refused(struct ctl *ctl, const struct whatif *whatif, const struct whatif_op *op, int r) {
        const char *why = NULL;

        switch (-r) {
        case EINVAL:
                return tell_unaligned(ctl, whatif, op);
        case ERANGE:
                return ctl_fail(ctl, CTL_USAGE, "--%s: \"%s\" is not allowed; its end and that of its memmap are below 16E,"
                                " and there are %" PRIu64 " sections at most", option_name(op->kind), op->word, (uint64_t) MHP_BLOCK_MAX + 1);
        case EEXIST:
                why = "some of this memory is there already";
                break;
        case ENOENT:
                why = "some of this memory is not there";
                break;
        case EXDEV:
                why = "this is a part of what holds its own memmap, which goes as a whole";
                break;
        case EOPNOTSUPP:
                why = "some of this memory holds its own memmap and some does not; the kernel takes these away separately only";
                break;
        default:
                return r;
        }
        return ctl_fail(ctl, CTL_FAILED, "--%s %s: %s", option_name(op->kind), op->word, why);
}

int whatif_do(struct ctl *ctl, struct whatif *whatif, struct whatif_op *op, struct mhp_backing *backing,
              struct mhp_teardown **ret) {
        int r;

        if (op->kind == CTL_OPT_ADD)
                r = mhp_backing_add(backing, op->at.start, op->at.size, op->at.placement, &op->admission);
        else if (op->kind == CTL_OPT_EARLY)
                r = mhp_backing_add_early(backing, op->at.start, op->at.size);
        else
                r = mhp_backing_remove(backing, op->at.start, op->at.size, ret);
        return r < 0 ? tell_refused(ctl, whatif, op, r) : CTL_DONE;
}
