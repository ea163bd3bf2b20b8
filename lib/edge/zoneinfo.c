/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/zoneinfo.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/array.h"
#include "base/units.h"
#include "edge/names.h"

void mhp_zoneinfo_done(struct mhp_zoneinfo *info) {
        free(info->zone);
        *info = (struct mhp_zoneinfo) { 0 };
}

/* The next word of the line, NUL terminated; false: no more, or it is longer than any that matters. */
static bool next_word(const char **p, const char *end, char *word, size_t size) {
        size_t len = 0;

        while (*p < end && **p == ' ')
                (*p)++;
        while (*p + len < end && (*p)[len] != ' ' && (*p)[len] != ',')
                len++;
        if (len == 0 || len >= size)
                return false;
        memcpy(word, *p, len);
        word[len] = '\0';
        *p += len;
        if (*p < end && **p == ',')
                (*p)++;
        return true;
}

/* ` 0, zone   Normal` behind `Node` (zoneinfo_show_print(), mm/vmstat.c). */
static void read_title(const char *p, const char *end, struct mhp_zone_info *zone) {
        char word[32];
        uint32_t node;

        if (!next_word(&p, end, word, sizeof(word)) || mhp_parse_u32(word, &node) < 0 || node > INT16_MAX)
                return;
        if (!next_word(&p, end, word, sizeof(word)) || strcmp(word, "zone") != 0 || !next_word(&p, end, word, sizeof(word)))
                return;
        zone->node = (int) node;
        (void) mhp_zone_parse(word, &zone->zone);
}

/* A zone that this version cannot make out is kept as UNSET, so that its figures do not go to the zone before it. */
static int start_zone(struct mhp_zoneinfo *info, const char *p, const char *end) {
        int r = ARRAY_GROW(info->zone, info->n, info->capacity);

        if (r < 0)
                return r;
        info->zone[info->n] = (struct mhp_zone_info) { .node = -1 };
        read_title(p, end, &info->zone[info->n++]);
        return 0;
}

static void read_figure(struct mhp_zone_info *zone, const char *name, uint64_t value) {
        if (strcmp(name, "nr_free_pages") == 0)
                zone->free = value;
        else if (strcmp(name, "nr_zone_inactive_file") == 0 || strcmp(name, "nr_zone_active_file") == 0)
                zone->file = mhp_add_sat(zone->file, value);
        else if (strcmp(name, "nr_zone_write_pending") == 0)
                zone->pending = value;
        else if (strcmp(name, "min") == 0)
                zone->min = value;
        else if (strcmp(name, "high") == 0)
                zone->high = value;
        else if (strcmp(name, "spanned") == 0)
                zone->spanned = value;
        else if (strcmp(name, "present") == 0)
                zone->present = value;
        else if (strcmp(name, "managed") == 0)
                zone->managed = value;
}

/* `(0, 3019, 7755)` behind `protection:`. */
static void read_reserve(const char *p, const char *end, struct mhp_zone_info *zone) {
        char word[32];

        for (size_t i = 0; i < MHP_RESERVES_MAX && next_word(&p, end, word, sizeof(word)); i++) {
                const char *digits = word + strspn(word, "(");

                word[strcspn(word, ")")] = '\0';
                (void) mhp_parse_u64(digits, &zone->reserve[i]);
        }
}

/* Each CPU's pageset has a `high:` too, but with a colon; the zone's own has none. */
static int read_line(struct mhp_zoneinfo *info, const char *p, const char *end) {
        char word[32], value[32];
        uint64_t v;

        if (!next_word(&p, end, word, sizeof(word)))
                return 0;
        if (strcmp(word, "Node") == 0)
                return start_zone(info, p, end);
        if (info->n > 0 && strcmp(word, "protection:") == 0)
                read_reserve(p, end, &info->zone[info->n - 1]);
        else if (info->n > 0 && next_word(&p, end, value, sizeof(value)) && mhp_parse_u64(value, &v) >= 0)
                read_figure(&info->zone[info->n - 1], word, v);
        return 0;
}

int mhp_zoneinfo_parse(const char *text, size_t len, struct mhp_zoneinfo *ret) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        const char *end = text + len;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                const char *stop = newline ? newline : end;
                int r = read_line(&info, text, stop);

                if (r < 0)
                        return r;
                text = stop + 1;
        }
        *ret = info;
        info = (struct mhp_zoneinfo) { 0 };
        return 0;
}

int mhp_zoneinfo_read(const struct mhp_root *root, struct mhp_zoneinfo *ret) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_read_all(root, NAME_ZONEINFO, &text, &len);

        return r < 0 ? r : mhp_zoneinfo_parse(text, len, ret);
}

struct mhp_pressure mhp_zoneinfo_pressure(const struct mhp_zoneinfo *info, uint64_t page_size) {
        struct mhp_pressure pressure = { .page_size = info->n > 0 ? page_size : 0 };
        bool movable = false;

        for (size_t i = 0; i < info->n; i++) {
                const struct mhp_zone_info *zone = &info->zone[i];
                uint64_t available = mhp_add_sat(zone->free, zone->file);
                /* A balloon takes its pages out of `managed` (adjust_managed_page_count()); they are there all the same. */
                uint64_t there = MAX(zone->present, zone->managed);

                available = available > zone->high ? available - zone->high : 0;
                pressure.room = mhp_add_sat(pressure.room, mhp_mul_sat(available, page_size));
                if (zone->zone == MHP_ZONE_MOVABLE && there > 0) {
                        movable = true;
                        pressure.movable_used = mhp_add_sat(pressure.movable_used, mhp_mul_sat(there - MIN(zone->free, there), page_size));
                }
                if (mhp_zone_class(zone->zone) != MHP_WANT_KERNEL)
                        continue;
                pressure.kernel_managed = mhp_add_sat(pressure.kernel_managed, mhp_mul_sat(zone->managed, page_size));
                pressure.kernel_available = mhp_add_sat(pressure.kernel_available, mhp_mul_sat(available, page_size));
        }
        /* No such zone is no empty one: blocks may have come since. */
        if (!movable)
                pressure.movable_used = UINT64_MAX;
        return pressure;
}

void mhp_pressure_add_swap(struct mhp_pressure *pressure) {
        struct sysinfo info;

        if (sysinfo(&info) == 0)
                pressure->room = mhp_add_sat(pressure->room, mhp_mul_sat(info.freeswap, info.mem_unit));
}

/* What a request of the kernel's own may not touch in the zone: its highest zone is the node's last kernel zone, and zones are listed by
 * index (zoneinfo_show(), mm/vmstat.c; setup_per_zone_lowmem_reserve(), mm/page_alloc.c). */
static uint64_t kernel_reserve(const struct mhp_zoneinfo *info, const struct mhp_zone_info *zone) {
        size_t first = (size_t) (zone - info->zone), index = 0;

        while (first > 0 && info->zone[first - 1].node == zone->node)
                first--;
        for (size_t i = first; i < info->n && info->zone[i].node == zone->node; i++)
                if (mhp_zone_class(info->zone[i].zone) == MHP_WANT_KERNEL)
                        index = i - first;
        return index < MHP_RESERVES_MAX ? zone->reserve[index] : 0;
}

uint64_t mhp_zoneinfo_available(const struct mhp_zoneinfo *info, int node, uint64_t page_size) {
        uint64_t pages = 0;

        for (size_t i = 0; i < info->n; i++) {
                const struct mhp_zone_info *zone = &info->zone[i];
                uint64_t kept = mhp_add_sat(zone->min, kernel_reserve(info, zone));
                uint64_t there = mhp_add_sat(zone->free, zone->file > zone->pending ? zone->file - zone->pending : 0);

                if (mhp_zone_class(zone->zone) == MHP_WANT_KERNEL && (node < 0 || zone->node == node))
                        pages = mhp_add_sat(pages, there > kept ? there - kept : 0);
        }
        return mhp_mul_sat(pages, page_size);
}
