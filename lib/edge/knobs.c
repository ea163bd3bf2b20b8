/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/knobs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "edge/names.h"

static const char *const paths[_MHP_KNOB_MAX] = {
        [MHP_KNOB_AUTO_ONLINE_BLOCKS] = NAME_AUTO_ONLINE_BLOCKS,
        [MHP_KNOB_ONLINE_POLICY] = NAME_ONLINE_POLICY,
        [MHP_KNOB_AUTO_MOVABLE_RATIO] = NAME_AUTO_MOVABLE_RATIO,
        [MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE] = NAME_AUTO_MOVABLE_NUMA_AWARE,
};

int mhp_knob_read(const struct mhp_root *root, enum mhp_knob knob, char ret[static MHP_KNOB_VALUE_MAX]) {
        char value[MHP_KNOB_VALUE_MAX];
        int r = mhp_root_read(root, paths[knob], value, sizeof(value));

        if (r < 0)
                return r;
        memcpy(ret, value, (size_t) r + 1);
        return 0;
}

int mhp_knob_write(const struct mhp_root *root, enum mhp_knob knob, const char *value) {
        return mhp_root_write(root, paths[knob], value);
}

bool mhp_knob_can_arm(const struct mhp_root *root) {
        return faccessat(root->fd, paths[MHP_KNOB_AUTO_ONLINE_BLOCKS], W_OK, AT_EACCESS) == 0;
}

bool mhp_knob_unasked(const struct mhp_root *root) {
        return mhp_root_exists(root, NAME_DLPAR);
}

enum mhp_self_hosting mhp_knob_self_hosting(const struct mhp_root *root) {
        char value[MHP_KNOB_VALUE_MAX];

        if (mhp_root_read(root, NAME_SELF_HOSTING, value, sizeof(value)) < 0)
                return MHP_SELF_HOSTING_ABSENT;
        if (strcmp(value, "force") == 0)
                return MHP_SELF_HOSTING_FORCE;
        return strcmp(value, "Y") == 0 ? MHP_SELF_HOSTING_ON : MHP_SELF_HOSTING_OFF;
}

const char *mhp_knob_path(enum mhp_knob knob) {
        return paths[knob];
}
