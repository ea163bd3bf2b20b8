/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "edge/conf-file.h"
#include "edge/knobs.h"
#include "edge/machine.h"
#include "edge/names.h"
#include "edge/hugepages.h"
#include "edge/nodes.h"
#include "edge/zoneinfo.h"

const char *ctl_root(const struct ctl *ctl) {
        return ctl->sysroot ? ctl->sysroot : "/";
}

static bool has_sysfs(const struct ctl *ctl) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        return mhp_root_open(ctl_root(ctl), &root) >= 0 && mhp_root_exists(&root, NAME_DEVICES);
}

static int tell_scan(struct ctl *ctl, int r) {
        const char *root = ctl_root(ctl);

        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT && has_sysfs(ctl))
                return ctl_fail(ctl, CTL_FAILED, "%s/" NAME_MEMORY " does not exist: %s kernel has no memory hotplug (CONFIG_MEMORY_HOTPLUG)",
                                ctl->sysroot ? root : "", ctl->sysroot ? "its" : "this");
        if (r == -ENOENT && !ctl->sysroot)
                return ctl_fail(ctl, CTL_FAILED, "/" NAME_MEMORY " does not exist: is sysfs mounted on /sys?");
        if (r == -ENOENT || r == -ENOTDIR)
                return ctl_fail(ctl, CTL_FAILED, "%s has no " NAME_MEMORY "; --sysroot takes a directory that holds sys and proc", root);
        if (r == -EINVAL)
                return ctl_fail(ctl, CTL_FAILED, "%s: " NAME_BLOCK_SIZE " holds no block size; a power of two of 1 MiB or more in hex is one", root);
        return ctl_fail(ctl, CTL_FAILED, "%s: reading " NAME_MEMORY ": %s", root, strerror(-r));
}

static bool is_groupless(const struct mhp_map *map) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b))
                if (b->group == MHP_NO_GROUP)
                        return true;
        return false;
}

/* The block as it was read, in the group that the daemon has it in. */
static int adopt_group(struct mhp_map *map, const struct mhp_block *block, const struct mhp_group *group) {
        const struct mhp_reading reading = {
                .nr = block->nr,
                .state = block->state,
                .zone = block->zone,
                .valid = block->valid,
                .node = block->node,
                .n_nodes = block->n_nodes,
                .source = group->source,
                .group = group->name,
                .device_block = group->device_block,
        };
        int r = mhp_map_apply(map, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .reading = &reading });

        return r < 0 ? r : 0;
}

static int adopt_groups(struct mhp_map *map, const struct mhp_map *from) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                const struct mhp_block *known = b->group == MHP_NO_GROUP ? mhp_map_find(from, b->nr) : NULL;
                const struct mhp_group *group = known ? mhp_map_group(from, known) : NULL;
                int r = group ? adopt_group(map, b, group) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* /proc/iomem, which names what brought virtio-mem and dax memory, shows its addresses to root only. mhpd has read them. */
static int ask_for_groups(struct ctl *ctl, struct mhp_map *map) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_map_ struct mhp_map *from = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = ctl_bus_open(ctl, &bus);

        if (r >= 0)
                r = ctl_bus_map(bus, &error, &from);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return from->block_size == map->block_size ? adopt_groups(map, from) : 0;
}

static int read_here(struct ctl *ctl, struct mhp_map **ret) {
        _cleanup_map_ struct mhp_map *map = NULL;
        int r = mhp_map_scan(ctl_root(ctl), &map);

        if (r < 0)
                return tell_scan(ctl, r);
        r = !ctl->sysroot && is_groupless(map) ? ask_for_groups(ctl, map) : 0;
        if (r < 0)
                return r;
        *ret = TAKE(map);
        return CTL_DONE;
}

int ctl_map_read(struct ctl *ctl, struct mhp_map **ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        if (!ctl->host)
                return read_here(ctl, ret);
        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ctl_bus_map(bus, &error, ret);
        return r < 0 ? ctl_bus_fail(ctl, r, &error) : CTL_DONE;
}

/* A file that is lost is a warning like another here: what the rest says is what mhpd would start with. */
static int tell_warnings(int r, const struct mhp_conf_warnings *found, struct mhp_text *warnings) {
        if (r < 0)
                return r;
        for (size_t i = 0; i < found->n; i++) {
                mhp_text_add(warnings, found->text[i]);
                mhp_text_add(warnings, "\n");
        }
        return CTL_DONE;
}

int ctl_config_read(struct ctl *ctl, struct mhp_config *ret, struct mhp_text *warnings) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings found = {};
        _cleanup_text_ struct mhp_text etc = {}, vendor = {};

        if (!ctl->sysroot)
                return tell_warnings(mhp_conf_load(NULL, NULL, ret, &found), &found, warnings);
        mhp_text_printf(&etc, "%s" NAME_CONFIG_ETC, ctl->sysroot);
        mhp_text_printf(&vendor, "%s" NAME_CONFIG_VENDOR, ctl->sysroot);
        if (etc.error < 0 || vendor.error < 0)
                return -ENOMEM;
        return tell_warnings(mhp_conf_load(etc.data, vendor.data, ret, &found), &found, warnings);
}

int ctl_config_parse(struct ctl *ctl, const char *text, struct mhp_config *ret) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings found = {};
        _cleanup_config_ struct mhp_config config = {};
        int r;

        mhp_config_init(&config);
        r = mhp_conf_parse("mhpd", text, strlen(text), &config, &found);
        if (r < 0)
                return r;
        if (r == MHP_CONF_LOST)
                return ctl_fail(ctl, CTL_FAILED, "mhpd sent a configuration that this version cannot read");
        mhp_config_done(ret);
        *ret = config;
        config = (struct mhp_config) {};
        return CTL_DONE;
}

void ctl_pressure_read(struct ctl *ctl, struct mhp_pressure *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = {};
        struct mhp_machine machine;

        *ret = (struct mhp_pressure) {};
        if (mhp_root_open(ctl_root(ctl), &root) < 0 || mhp_machine_read(&root, &machine) < 0 || mhp_zoneinfo_read(&root, &info) < 0)
                return;
        *ret = mhp_zoneinfo_pressure(&info, machine.geometry.page_size);
        ret->huge_free = mhp_hugepages_free(&root);
        (void) mhp_nodes_processors(&root, ret); /* not known is an answer */
        if (!ctl_given(ctl, CTL_OPT_SYSROOT))
                mhp_pressure_add_swap(ret);
}

void ctl_knobs_read(struct ctl *ctl, struct ctl_knobs *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        *ret = (struct ctl_knobs) {};
        if (mhp_root_open(ctl_root(ctl), &root) < 0)
                return;
        for (enum mhp_knob knob = 0; knob < _MHP_KNOB_MAX; knob++)
                if (mhp_knob_read(&root, knob, ret->value[knob]) < 0)
                        ret->value[knob][0] = '\0';
        ret->unasked = mhp_knob_unasked(&root);
        /* the daemon runs as root: what this user may write says nothing */
        ret->can_arm = ret->value[MHP_KNOB_AUTO_ONLINE_BLOCKS][0] != '\0';
}

int ctl_memmaps_open(struct ctl *ctl, const struct mhp_map *map, struct mhp_memmaps *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        int r = mhp_root_open(ctl_root(ctl), &root);

        return r < 0 ? r : mhp_memmap_open(&root, map->block_size, ret);
}

int ctl_tell_geometry(const struct ctl *ctl, int r) {
        const char *root = ctl_root(ctl);

        if (r == -ENOMEM)
                return r;
        if (r == -EINVAL)
                return ctl_fail(ctl, CTL_FAILED, "%s: the block size does not fit the page size", root);
        return ctl_fail(ctl, CTL_FAILED, "%s: %s", root, strerror(-r));
}

int ctl_memmaps_need(struct ctl *ctl, const struct mhp_map *map, struct mhp_memmaps *ret) {
        int r = ctl_memmaps_open(ctl, map, ret);

        return r < 0 ? ctl_tell_geometry(ctl, r) : CTL_DONE;
}
