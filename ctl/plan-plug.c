/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl plan plug`: whether the kernel's zones can bear the memmap of more memory. */

#include <errno.h>

#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "edge/zoneinfo.h"

#define MIB (UINT64_C(1) << 20) /* what is available changes all the time: kilobytes tell nothing */

#define NOT_ENOUGH "not-enough"

struct plug {
        struct ctl *ctl;
        struct mhp_memmaps memmaps;
        uint64_t size, available; /* bytes */
        bool known;               /* what is available */
};

/* One way of placing the memmap. */
struct offer {
        enum mhp_placement placement;
        enum mhp_refusal refusal; /* why this machine would not place a DIMM's so */
        uint64_t cost;            /* bytes */
        bool fits;                /* the machine would place it so, and there is as much */
        const char *reason;       /* why it does not; NULL: it does, or that is not known */
};

static void plug_done(struct plug *plug) {
        mhp_memmap_done(&plug->memmaps);
}

static enum mhp_refusal refusal(const struct mhp_memmaps *memmaps, enum mhp_placement placement) {
        if (placement == MHP_PLACEMENT_DRAM)
                return MHP_REFUSAL_NONE;
        if (memmaps->by_table) /* it can ask for either, whatever the parameter says */
                return memmaps->self.reason == MHP_REFUSAL_NONE ? MHP_REFUSAL_NONE : memmaps->force.reason;
        switch (memmaps->self_hosting) {
        case MHP_SELF_HOSTING_ON:
                return memmaps->self.reason;
        case MHP_SELF_HOSTING_FORCE:
                return memmaps->force.reason;
        case MHP_SELF_HOSTING_ABSENT:
        case MHP_SELF_HOSTING_OFF:
        case _MHP_SELF_HOSTING_MAX:
                break;
        }
        return MHP_REFUSAL_DISABLED;
}

static struct offer make_offer(const struct plug *plug, enum mhp_placement placement) {
        struct offer offer = {
                .placement = placement,
                .refusal = refusal(&plug->memmaps, placement),
                .cost = mhp_plug_cost(&plug->memmaps.geometry, placement, plug->size),
        };

        offer.fits = offer.refusal == MHP_REFUSAL_NONE && plug->known && offer.cost <= plug->available;
        if (offer.refusal != MHP_REFUSAL_NONE)
                offer.reason = mhp_refusal_name(offer.refusal);
        else if (plug->known && !offer.fits)
                offer.reason = NOT_ENOUGH;
        return offer;
}

/* How this machine places the memmap of a DIMM in the DIMM itself, or would. */
static enum mhp_placement own_placement(const struct mhp_memmaps *memmaps) {
        bool force = memmaps->by_table ? memmaps->self.reason != MHP_REFUSAL_NONE : memmaps->self_hosting == MHP_SELF_HOSTING_FORCE;

        return force ? MHP_PLACEMENT_FORCE : MHP_PLACEMENT_SELF;
}

/* Whether an answer is known: what the machine would not do anyway does not depend on what is available. */
static bool is_judged(const struct plug *plug, const struct offer *offer) {
        return plug->known || offer->refusal != MHP_REFUSAL_NONE;
}

/* The kernel takes memmap from the node of the new memory first; a node that has no memory for the kernel takes it from others
 * (vmemmap_alloc_block(), mm/sparse-vmemmap.c). */
static int read_available(struct plug *plug) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = {};
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        uint64_t page = plug->memmaps.geometry.page_size;
        bool own = false;
        int node, r;

        r = mhp_root_open(ctl_root(plug->ctl), &root);
        if (r >= 0)
                r = mhp_zoneinfo_read(&root, &info);
        if (r < 0)
                return r == -ENOMEM ? r : CTL_DONE;
        node = ctl_given(plug->ctl, CTL_OPT_NODE) ? plug->ctl->node : -1;
        for (size_t i = 0; i < info.n; i++)
                own = own || (info.zone[i].node == node && mhp_zone_class(info.zone[i].zone) == MHP_WANT_KERNEL && info.zone[i].managed > 0);
        plug->available = mhp_zoneinfo_available(&info, own ? node : -1, page);
        plug->known = info.n > 0;
        return CTL_DONE;
}

enum column { PLACEMENT, COST, AVAILABLE, FITS, REASON };

static const struct ctl_column columns[] = {
        [PLACEMENT] = { .name = "PLACEMENT", .key = "placement" },
        [COST] = { .name = "COST", .key = "cost", .flags = SCOLS_FL_RIGHT },
        [AVAILABLE] = { .name = "AVAILABLE", .flags = SCOLS_FL_RIGHT },
        [FITS] = { .name = "FITS", .key = "fits" },
        [REASON] = { .name = "REASON", .key = "reason" },
};

static const struct ctl_shape shape = { columns, ELEMENTSOF(columns), "PLACEMENT,COST,AVAILABLE,FITS,REASON", NULL, 0 };

static void available_cell(struct ctl_rows *rows, const struct plug *plug) {
        if (plug->known)
                ctl_cell_size(rows, ctl_given(plug->ctl, CTL_OPT_BYTES) ? plug->available : plug->available & ~(MIB - 1));
        else
                ctl_cell_none(rows, "unknown");
}

static void fits_cell(struct ctl_rows *rows, const struct offer *offer, bool judged) {
        if (rows->json)
                ctl_json_known_bool(rows->json, ctl_cell_key(rows), judged, offer->fits);
        else if (judged)
                ctl_cell_words(rows, offer->fits ? "yes" : "no", offer->fits ? CTL_GOOD : CTL_BAD);
        else
                ctl_cell_words(rows, "unknown", CTL_PLAIN);
}

static void add_row(struct ctl_rows *rows, const struct plug *plug, const struct offer *offer) {
        for (size_t column; ctl_rows_next(rows, &column);)
                switch ((enum column) column) {
                case PLACEMENT:
                        ctl_cell_string(rows, mhp_placement_name(offer->placement), NULL, CTL_PLAIN);
                        break;
                case COST:
                        ctl_cell_size(rows, offer->cost);
                        break;
                case AVAILABLE:
                        available_cell(rows, plug);
                        break;
                case FITS:
                        fits_cell(rows, offer, is_judged(plug, offer));
                        break;
                case REASON:
                        ctl_cell_string(rows, offer->reason, "-", CTL_PLAIN);
                        break;
                }
}

static int print(const struct plug *plug, const struct offer *offers, size_t n) {
        _cleanup_json_ struct ctl_json json = { .out = &plug->ctl->out };
        bool as_json = ctl_given(plug->ctl, CTL_OPT_JSON);
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(plug->ctl, &rows, &shape, as_json ? &json : NULL);

        if (r != CTL_DONE)
                return r;
        if (as_json) {
                ctl_json_stream(&json, NULL, json_type_object);
                ctl_json_u64(&json, "size", plug->size);
                ctl_json_node(&json, "node", ctl_given(plug->ctl, CTL_OPT_NODE) ? plug->ctl->node : -1);
                ctl_json_known_u64(&json, "available", plug->known, plug->available);
                ctl_json_stream(&json, "placements", json_type_array);
        }
        for (size_t i = 0; i < n; i++)
                add_row(&rows, plug, &offers[i]);
        while (json.depth > 0)
                ctl_json_close(&json);
        return ctl_rows_print(&rows);
}

static int take_size(struct plug *plug) {
        struct ctl *ctl = plug->ctl;
        int r;

        if (ctl->n_args != 2)
                return ctl_fail(ctl, CTL_USAGE, ctl->n_args < 2 ? "an argument is missing: mhpctl plan plug SIZE" : "plug takes one SIZE");
        r = mhp_parse_size(ctl->args[1], &plug->size);
        if (r < 0 || plug->size == 0)
                return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no size; 512M, 4G and 1T are", ctl->args[1]);
        return CTL_DONE;
}

/* A DIMM of any other size is refused by the kernel (check_hotplug_memory_range(), mm/memory_hotplug.c); of a part of a block, virtio-mem
 * still adds the memmap of the whole. */
static int check_size(struct ctl *ctl, uint64_t size, uint64_t block_size) {
        char block[MHP_SIZE_MAX];

        if (size % block_size == 0)
                return CTL_DONE;
        return ctl_fail(ctl, CTL_USAGE, "invalid size \"%s\": expected a multiple of the memory block size, %s: the kernel adds memory by whole blocks",
                        ctl->args[1], mhp_format_size(block, block_size));
}

int verb_plan_plug(struct ctl *ctl) {
        _cleanup_(plug_done) struct plug plug = { .ctl = ctl, .memmaps = MHP_MEMMAPS_NONE };
        _cleanup_map_ struct mhp_map *map = NULL;
        struct offer offers[2];
        int r;

        r = take_size(&plug);
        if (r == CTL_DONE)
                r = ctl_map_read(ctl, &map);
        if (r == CTL_DONE)
                r = check_size(ctl, plug.size, map->block_size);
        if (r == CTL_DONE)
                r = ctl_memmaps_need(ctl, map, &plug.memmaps);
        if (r == CTL_DONE)
                r = read_available(&plug);
        if (r != CTL_DONE)
                return r;
        offers[0] = make_offer(&plug, MHP_PLACEMENT_DRAM);
        offers[1] = make_offer(&plug, own_placement(&plug.memmaps));
        r = print(&plug, offers, ELEMENTSOF(offers));
        if (r != CTL_DONE || !plug.known)
                return r;
        return offers[0].fits || offers[1].fits ? CTL_DONE : CTL_FAILED;
}
