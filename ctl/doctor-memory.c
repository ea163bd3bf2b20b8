/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the memory is shared out, and what of it this user may see. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "ctl/doctor.h"
#include "edge/names.h"

/* A kernel zone below this is small whatever stands beside it. */
#define SMALL_KERNEL_ZONE (UINT64_C(512) << 20)

/* Page tables, memmaps and all else of the kernel's have to fit into what is not Movable. */
static int find_share(struct ctl_doctor *doctor) {
        const struct mhp_sums *sums = &doctor->map->total;
        struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "movable-share",
                                         .remedy = "Bring memory online in a kernel zone: `mhpctl online --zone kernel BLOCKS`, or Zone=auto for what comes." };
        _cleanup_text_ struct mhp_text evidence = {};
        uint64_t movable = sums->n_placed_movable, kernel = sums->n_placed_kernel;

        if (movable == 0 || movable * 100 <= kernel * doctor->config.movable_ratio)
                return 0;
        mhp_text_printf(&evidence, "valid_zones of the blocks online: %" PRIu64 " Movable, %" PRIu64 " of kernel zones; MovableRatio=%u", movable, kernel,
                        doctor->config.movable_ratio);
        kind.evidence = evidence.data;
        return evidence.error < 0 ? evidence.error
                                  : ctl_doctor_add(doctor, &kind, "more memory is Movable than MovableRatio=%u allows: the kernel can run out of memory while there is "
                                                                  "free Movable memory", doctor->config.movable_ratio);
}

static bool has_swap(const char *swaps) {
        const char *p = strchr(swaps, '\n');

        return p && p[strspn(p, " \t\n")];
}

static int find_no_swap(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind kind = { .severity = CTL_WARNING, .token = "no-swap", .evidence = "/" NAME_SWAPS ": no entry",
                                                      .remedy = "Add swap (zram is enough), or bring more memory online in a kernel zone." };
        const struct mhp_sums *sums = &doctor->map->total;
        uint64_t kernel = sums->n_placed_kernel * doctor->map->block_size;
        _cleanup_free_ char *swaps = NULL;
        size_t len;
        int r;

        if (sums->n_placed_movable == 0 || (kernel >= SMALL_KERNEL_ZONE && sums->n_placed_movable <= 2 * (uint64_t) sums->n_placed_kernel))
                return 0;
        r = mhp_root_read_all(&doctor->root, NAME_SWAPS, &swaps, &len);
        if (r < 0 || has_swap(swaps))
                return r == -ENOMEM ? r : 0;
        return ctl_doctor_add(doctor, &kind, "there is no swap, and kernel zones hold %" PRIu64 " MiB beside %" PRIu64 " MiB of Movable memory: what the kernel "
                              "cannot move out of a full zone it has to kill for", kernel >> 20, sums->n_placed_movable * doctor->map->block_size >> 20);
}

/* Addresses are zeroes for whoever lacks CAP_SYS_ADMIN (r_show(), kernel/resource.c). */
static bool is_hidden(const char *iomem) {
        bool some = false;

        for (const char *p = iomem; *p; p += *p == '\n') {
                const char *q = p + strspn(p, " ");

                some = true;
                if (q[strspn(q, "0")] != '-')
                        return false;
                q += strspn(q, "0") + 1;
                if (q[strspn(q, "0")] != ' ')
                        return false;
                p += strcspn(p, "\n");
        }
        return some;
}

static int find_rights(struct ctl_doctor *doctor) {
        struct ctl_finding_kind kind = { .severity = CTL_NOTE, .token = "no-right", .remedy = "Run `mhpctl doctor` as root." };
        _cleanup_text_ struct mhp_text evidence = {};
        _cleanup_free_ char *iomem = NULL;
        size_t len;
        int r = mhp_root_read_all(&doctor->root, NAME_IOMEM, &iomem, &len), flags = doctor->memmaps_known ? doctor->memmaps.flags_error : 0;

        if (r == -ENOMEM)
                return r;
        if (r == -EACCES || r == -EPERM || (r >= 0 && is_hidden(iomem)))
                ctl_doctor_quote(&evidence, NAME_IOMEM, "no addresses for this user");
        if (flags == -EACCES || flags == -EPERM)
                ctl_doctor_quote(&evidence, NAME_PAGEFLAGS, strerror(-flags));
        if (evidence.error < 0 || evidence.len == 0)
                return evidence.error;
        kind.evidence = evidence.data;
        return ctl_doctor_add(doctor, &kind, "this user has no right to look at all of it: which device brought a block, and where its memmap lies, may not be known");
}

int ctl_doctor_memory(struct ctl_doctor *doctor) {
        int r = find_share(doctor);

        if (r >= 0)
                r = find_no_swap(doctor);
        return r < 0 ? r : find_rights(doctor);
}
