/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to values. Nothing here knows of a socket. */

#include <errno.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#include "edge/genl-names.h"
#include "edge/genl.h"
#include "model/block.h"

#define ERRNO_MAX 4095 /* MAX_ERRNO, include/linux/err.h */
#define ZONE_MAX 16    /* with the NUL */

static const struct nla_policy policy[GENL_ATTRIBUTE_MAX + 1] = {
        [GENL_BLOCK] = { .type = NLA_U64 },
        [GENL_START] = { .type = NLA_U64 },
        [GENL_SIZE] = { .type = NLA_U64 },
        [GENL_REQUESTED] = { .type = NLA_U8 },
        [GENL_PLACED] = { .type = NLA_U8 },
        [GENL_REASON] = { .type = NLA_U8 },
        [GENL_VMEMMAP_PAGES] = { .type = NLA_U64 },
        [GENL_ERRNO] = { .type = NLA_U32 },
        [GENL_PFN] = { .type = NLA_U64 },
        [GENL_PAGE_FLAGS] = { .type = NLA_U64 },
        [GENL_NEW_ZONE] = { .type = NLA_STRING, .maxlen = ZONE_MAX },
        [GENL_OLD_ZONE] = { .type = NLA_STRING, .maxlen = ZONE_MAX },
};

static const struct nla_policy ctrl_policy[CTRL_ATTR_MAX + 1] = {
        [CTRL_ATTR_FAMILY_ID] = { .type = NLA_U16 },
        [CTRL_ATTR_FAMILY_NAME] = { .type = NLA_STRING, .maxlen = GENL_NAMSIZ },
        [CTRL_ATTR_MCAST_GROUPS] = { .type = NLA_NESTED },
};

static const struct nla_policy group_policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
        [CTRL_ATTR_MCAST_GRP_NAME] = { .type = NLA_STRING, .maxlen = GENL_NAMSIZ },
        [CTRL_ATTR_MCAST_GRP_ID] = { .type = NLA_U32 },
};

static const char *const reason_names[_MHP_KERNEL_REASON_MAX] = {
        [MHP_KERNEL_REASON_SOURCE] = "source-ignores",
        [MHP_KERNEL_REASON_PAGE_ALIGN] = "memmap-not-page-aligned",
        [MHP_KERNEL_REASON_PAGEBLOCK_ALIGN] = "memmap-not-pageblock-aligned",
        [MHP_KERNEL_REASON_FILLS_BLOCK] = "memmap-fills-block",
        [MHP_KERNEL_REASON_ARCH] = "memmap-not-pmd-aligned",
        [MHP_KERNEL_REASON_NO_MEMORY] = "no-memory",
};
_Static_assert(_MHP_KERNEL_REASON_MAX == GENL_REASON_LAST + 1, "the kernel's reasons and ours are the same");

static const char *const reason_words[_MHP_KERNEL_REASON_MAX] = {
        [MHP_KERNEL_REASON_SOURCE] = "this kind of memory cannot have it",
        [MHP_KERNEL_REASON_PAGE_ALIGN] = "the memmap of a block is no whole number of pages",
        [MHP_KERNEL_REASON_PAGEBLOCK_ALIGN] = "the memmap of a block fills no whole pageblocks, and Placement=force was not asked for",
        [MHP_KERNEL_REASON_FILLS_BLOCK] = "the memmap, rounded up to whole pageblocks, would fill the block",
        [MHP_KERNEL_REASON_ARCH] = "the architecture cannot map such a memmap",
        [MHP_KERNEL_REASON_NO_MEMORY] = "the kernel had no memory for its bookkeeping",
};

const char *mhp_kernel_reason_name(enum mhp_kernel_reason reason) {
        return (unsigned) reason < _MHP_KERNEL_REASON_MAX ? reason_names[reason] : NULL;
}

const char *mhp_kernel_reason_words(enum mhp_kernel_reason reason) {
        return (unsigned) reason < _MHP_KERNEL_REASON_MAX ? reason_words[reason] : NULL;
}

/* UNSET: a value that this version does not know. */
static enum mhp_placement placement(const struct nlattr *attr) {
        switch (nla_get_u8(attr)) {
        case GENL_PLACE_OFF:
                return MHP_PLACEMENT_DRAM;
        case GENL_PLACE_ON:
                return MHP_PLACEMENT_SELF;
        case GENL_PLACE_FORCE:
                return MHP_PLACEMENT_FORCE;
        default:
                return MHP_PLACEMENT_UNSET;
        }
}

static bool take_placement(struct nlattr *const *tb, struct mhp_kernel_event *event) {
        if (!tb[GENL_START] || !tb[GENL_SIZE] || !tb[GENL_REQUESTED] || !tb[GENL_PLACED])
                return false;
        event->kind = MHP_KERNEL_PLACEMENT;
        event->start = nla_get_u64(tb[GENL_START]);
        event->size = nla_get_u64(tb[GENL_SIZE]);
        event->requested = placement(tb[GENL_REQUESTED]);
        event->placement = placement(tb[GENL_PLACED]);
        event->pages = tb[GENL_VMEMMAP_PAGES] ? nla_get_u64(tb[GENL_VMEMMAP_PAGES]) : 0;
        if (tb[GENL_REASON] && nla_get_u8(tb[GENL_REASON]) <= GENL_REASON_LAST)
                event->reason = (enum mhp_kernel_reason) nla_get_u8(tb[GENL_REASON]);
        return event->size > 0 && event->start <= UINT64_MAX - event->size && event->requested != MHP_PLACEMENT_UNSET &&
               event->placement != MHP_PLACEMENT_UNSET;
}

static bool take_block(struct nlattr *const *tb, struct mhp_kernel_event *event) {
        if (!tb[GENL_BLOCK] || nla_get_u64(tb[GENL_BLOCK]) > MHP_BLOCK_MAX)
                return false;
        event->block = (uint32_t) nla_get_u64(tb[GENL_BLOCK]);
        return true;
}

static bool take_failure(struct nlattr *const *tb, struct mhp_kernel_event *event) {
        if (!take_block(tb, event) || !tb[GENL_ERRNO])
                return false;
        event->kind = MHP_KERNEL_OFFLINE_FAILED;
        if (nla_get_u32(tb[GENL_ERRNO]) == 0 || nla_get_u32(tb[GENL_ERRNO]) > ERRNO_MAX)
                return false;
        event->error = (int) nla_get_u32(tb[GENL_ERRNO]);
        if (tb[GENL_PFN] && tb[GENL_PAGE_FLAGS]) {
                event->pfn = nla_get_u64(tb[GENL_PFN]);
                event->page_flags = nla_get_u64(tb[GENL_PAGE_FLAGS]);
        }
        return true;
}

static bool take_zone(struct nlattr *const *tb, struct mhp_kernel_event *event) {
        if (!take_block(tb, event) || !tb[GENL_NEW_ZONE] || !tb[GENL_OLD_ZONE])
                return false;
        event->kind = MHP_KERNEL_ZONE;
        (void) mhp_zone_parse(nla_get_string(tb[GENL_NEW_ZONE]), &event->zone);
        (void) mhp_zone_parse(nla_get_string(tb[GENL_OLD_ZONE]), &event->old_zone);
        return true;
}

static bool take_event(struct nlmsghdr *header, struct mhp_kernel_event *event) {
        struct nlattr *tb[GENL_ATTRIBUTE_MAX + 1];

        if (genlmsg_parse(header, 0, tb, GENL_ATTRIBUTE_MAX, policy) < 0)
                return false;
        switch (((const struct genlmsghdr *) nlmsg_data(header))->cmd) {
        case GENL_PLACEMENT:
                return take_placement(tb, event);
        case GENL_OFFLINE_FAILED:
                return take_failure(tb, event);
        case GENL_ZONE:
                return take_zone(tb, event);
        default:
                return false;
        }
}

/* ctrl_fill_info(), net/netlink/genetlink.c: a nest a group. */
static bool find_group(struct nlattr *groups, uint32_t *ret) {
        struct nlattr *group;
        int left;

        nla_for_each_nested(group, groups, left) {
                struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

                if (nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, group, group_policy) < 0 || !tb[CTRL_ATTR_MCAST_GRP_NAME] ||
                    !tb[CTRL_ATTR_MCAST_GRP_ID] || strcmp(nla_get_string(tb[CTRL_ATTR_MCAST_GRP_NAME]), GENL_GROUP) != 0)
                        continue;
                *ret = nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
                return *ret > 0;
        }
        return false;
}

static bool take_control(struct nlmsghdr *header, struct mhp_kernel_event *event, uint16_t *ret_family, uint32_t *ret_group) {
        struct nlattr *tb[CTRL_ATTR_MAX + 1];

        if (genlmsg_parse(header, 0, tb, CTRL_ATTR_MAX, ctrl_policy) < 0 || !tb[CTRL_ATTR_FAMILY_NAME] ||
            strcmp(nla_get_string(tb[CTRL_ATTR_FAMILY_NAME]), GENL_FAMILY) != 0)
                return false;
        switch (((const struct genlmsghdr *) nlmsg_data(header))->cmd) {
        case CTRL_CMD_NEWFAMILY:
                if (!tb[CTRL_ATTR_FAMILY_ID] || !tb[CTRL_ATTR_MCAST_GROUPS] || !find_group(tb[CTRL_ATTR_MCAST_GROUPS], ret_group))
                        return false;
                *ret_family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
                event->kind = MHP_KERNEL_OFFERED;
                return *ret_family >= NLMSG_MIN_TYPE;
        case CTRL_CMD_DELFAMILY:
                event->kind = MHP_KERNEL_WITHDRAWN;
                return true;
        default:
                return false;
        }
}

int mhp_genl_parse(void *data, size_t len, uint16_t family, size_t *at, struct mhp_kernel_event *ret, uint16_t *ret_family, uint32_t *ret_group) {
        while (len - *at <= INT_MAX && nlmsg_ok((struct nlmsghdr *) ((char *) data + *at), (int) (len - *at))) {
                struct nlmsghdr *header = (struct nlmsghdr *) ((char *) data + *at);
                struct mhp_kernel_event event = { .pfn = MHP_NO_PFN };
                bool ours = false;

                *at += MIN((size_t) NLMSG_ALIGN(header->nlmsg_len), len - *at);
                if (!genlmsg_valid_hdr(header, 0))
                        continue;
                if (header->nlmsg_type == GENL_ID_CTRL)
                        ours = take_control(header, &event, ret_family, ret_group);
                else if (family > 0 && header->nlmsg_type == family)
                        ours = take_event(header, &event);
                if (!ours)
                        continue;
                *ret = event;
                return 1;
        }
        *at = len;
        return 0;
}
