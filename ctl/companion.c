/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/companion.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/rows.h"
#include "ctl/source.h"
#include "edge/genl.h"

/* key: a promise; words: as the line of text has it. */
struct part {
        const char *key, *words;
        int offered; /* 1, 0, -1: not known */
};

#define N_PARTS 7

static void list_parts(const struct ctl_companion *companion, struct part ret[static N_PARTS]) {
        const struct mhp_companion *files = &companion->files;
        const struct part parts[N_PARTS] = {
                { "memmap_policy", "memmap_policy", files->memmap_policy },
                { "teardown", "teardown", files->teardown },
                { "hold", "hold", files->hold },
                { "nr_vmemmap_pages", "nr_vmemmap_pages", files->vmemmap_pages },
                { "eject_notice", "eject notice", files->eject_notice },
                { "virtio_mem_sizes", "virtio-mem sizes", companion->n > 0 },
                { "events", "events", companion->events },
        };

        for (size_t i = 0; i < N_PARTS; i++)
                ret[i] = parts[i];
}

static bool is_there(const struct ctl_companion *companion) {
        const struct mhp_companion *files = &companion->files;

        return files->memmap_policy || files->teardown || files->hold || files->vmemmap_pages || files->eject_notice || companion->n > 0;
}

/* The family came after the first of the files: a kernel without any is not asked for it. */
static int read_events(const struct ctl_companion *companion) {
        int r = is_there(companion) ? mhp_genl_offered() : 0;

        return r < 0 ? -1 : r;
}

int ctl_companion_read(const struct ctl *ctl, struct ctl_companion *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct ctl_companion companion = { .events = -1 };
        int r;

        if (ctl_given(ctl, CTL_OPT_HOST) || mhp_root_open(ctl_root(ctl), &root) < 0) {
                *ret = companion;
                return 0;
        }
        companion.known = true;
        mhp_companion_read(&root, &companion.files);
        r = mhp_virtio_mem_list(&root, &companion.device, &companion.n);
        if (r < 0)
                return r;
        if (!ctl->sysroot) /* no tree of files has sockets */
                companion.events = read_events(&companion);
        *ret = companion;
        return 0;
}

void ctl_companion_done(struct ctl_companion *companion) {
        free(companion->device);
        *companion = (struct ctl_companion) {};
}

static void print_device(struct ctl *ctl, const struct mhp_virtio_mem *device) {
        struct mhp_text *out = &ctl->out;

        mhp_text_printf(out, "%-8s requested ", device->name);
        ctl_add_size(ctl, out, device->requested);
        mhp_text_add(out, ", plugged ");
        ctl_add_size(ctl, out, device->plugged);
        if (device->usable > 0) {
                mhp_text_add(out, " of ");
                ctl_add_size(ctl, out, device->usable);
        }
        if (device->device_block > 0) {
                mhp_text_add(out, " in pieces of ");
                ctl_add_size(ctl, out, device->device_block);
        }
        if (*device->mode) {
                mhp_text_add(out, ", mode ");
                ctl_add_plain(out, device->mode);
        }
        mhp_text_add(out, "\n");
}

void ctl_companion_print(struct ctl *ctl, const struct ctl_companion *companion) {
        struct part parts[N_PARTS];
        const char *comma = " ";

        if (!companion->known || !is_there(companion))
                return;
        list_parts(companion, parts);
        mhp_text_add(&ctl->out, "kernel   offers");
        for (size_t i = 0; i < N_PARTS; i++)
                if (parts[i].offered > 0) {
                        mhp_text_printf(&ctl->out, "%s%s", comma, parts[i].words);
                        comma = ", ";
                }
        mhp_text_add(&ctl->out, "\n");
        for (size_t i = 0; i < companion->n; i++)
                print_device(ctl, &companion->device[i]);
}

static void json_device(struct ctl_json *json, const struct mhp_virtio_mem *device) {
        ctl_json_open(json, NULL, json_type_object);
        ctl_json_string(json, "device", device->name);
        ctl_json_u64(json, "requested", device->requested);
        ctl_json_u64(json, "plugged", device->plugged);
        ctl_json_u64(json, "usable", device->usable);
        ctl_json_u64(json, "device_block", device->device_block);
        ctl_json_string(json, "mode", *device->mode ? device->mode : NULL);
        ctl_json_close(json);
}

void ctl_companion_json(struct ctl_json *json, const struct ctl_companion *companion) {
        struct part parts[N_PARTS];

        if (!companion->known) {
                ctl_json_null(json, "companion");
                ctl_json_null(json, "virtio_mem");
                return;
        }
        list_parts(companion, parts);
        ctl_json_open(json, "companion", json_type_object);
        for (size_t i = 0; i < N_PARTS; i++)
                ctl_json_known_bool(json, parts[i].key, parts[i].offered >= 0, parts[i].offered > 0);
        ctl_json_close(json);
        ctl_json_stream(json, "virtio_mem", json_type_array);
        for (size_t i = 0; i < companion->n; i++)
                json_device(json, &companion->device[i]);
        ctl_json_close(json);
}
