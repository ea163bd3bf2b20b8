/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where the memmap of 1 GiB that is added at 4 GiB would lie on this kind of machine: memmap [ARCH [PLACEMENT]]
 *
 * cc -o memmap memmap.c $(pkg-config --cflags --libs libmhp) */

#include <inttypes.h>
#include <mhp.h>
#include <stdio.h>

#define GIB (UINT64_C(1) << 30)

int main(int argc, char *argv[]) {
        struct mhp_geometry geometry;
        enum mhp_placement placement;
        struct mhp_admission admission;
        struct mhp_backing *backing;
        struct mhp_extent extent;

        if (mhp_geometry_preset(argc > 1 ? argv[1] : "x86_64", &geometry) < 0 ||
            mhp_placement_parse(argc > 2 ? argv[2] : "range", &placement) < 0 || mhp_backing_new(&geometry, &backing) < 0)
                return 2;

        if (mhp_backing_add(backing, 4 * GIB, GIB, placement, &admission) < 0)
                return 1;
        printf("wanted %s, got %s", mhp_placement_name(admission.requested), mhp_placement_name(admission.placement));
        if (admission.reason != MHP_REFUSAL_NONE)
                printf(" (%s)", mhp_refusal_name(admission.reason));
        printf("; %" PRIu64 " KiB of other memory\n", mhp_plug_cost(&geometry, placement, GIB) / 1024);

        for (uint64_t pfn = 0; mhp_backing_frames(backing, pfn, &extent) > 0; pfn = extent.pfn + extent.n) {
                enum mhp_hvo hvo = mhp_backing_hvo(backing, extent.pfn, geometry.pmd_size);

                printf("pages %#" PRIx64 "+%#" PRIx64 ": memmap in ", extent.pfn, extent.n);
                if (extent.frame == MHP_NO_PFN)
                        printf("other memory");
                else
                        printf("pages %#" PRIx64 "+%#" PRIx64, extent.frame, extent.n_frames);
                printf("; HVO: %s\n", hvo == MHP_HVO_ALLOWED ? "allowed" : mhp_hvo_name(hvo));
        }
        mhp_backing_free(backing);
        return 0;
}
