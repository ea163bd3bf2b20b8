/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tests of the backing map have in common. */

#include "unit.h"

#include <errno.h>
#include <stdbool.h>

#include "model/backing.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)
#define T (UINT64_C(1) << 40)

static inline struct mhp_backing *new_backing(const char *arch) {
        struct mhp_backing *backing = NULL;
        struct mhp_geometry geometry = { 0 };

        assert_int_equal(mhp_geometry_preset(arch, &geometry), 0);
        assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
        return backing;
}

static inline void add(struct mhp_backing *backing, uint64_t start, uint64_t size, enum mhp_placement placement) {
        struct mhp_admission admission = { 0 };

        assert_int_equal(mhp_backing_add(backing, start, size, placement, &admission), 0);
        assert_int_equal(admission.requested, placement);
        assert_int_equal(admission.placement, placement);
}

static inline struct mhp_extent frames(const struct mhp_backing *backing, uint64_t pfn) {
        struct mhp_extent extent = { 0 };

        assert_int_equal(mhp_backing_frames(backing, pfn, &extent), 1);
        return extent;
}

static inline struct mhp_teardown *begin(struct mhp_backing *backing, uint64_t start, uint64_t size) {
        struct mhp_teardown *teardown = NULL;

        assert_int_equal(mhp_backing_remove(backing, start, size, &teardown), 0);
        return teardown;
}

static inline void check_step(struct mhp_teardown *teardown, enum mhp_teardown_kind kind, uint64_t start, uint64_t end,
                              uint64_t left, uint64_t alloc) {
        struct mhp_teardown_step step = { 0 };

        assert_int_equal(mhp_teardown_next(teardown, &step), 1);
        assert_int_equal(step.kind, kind);
        assert_int_equal(step.start, start);
        assert_int_equal(step.end, end);
        assert_int_equal(step.sections_left, left);
        assert_int_equal(step.alloc, alloc);
}

static inline void check_end(struct mhp_teardown *teardown) {
        struct mhp_teardown_step step = { .alloc = 77 };

        for (int i = 0; i < 2; i++)
                assert_int_equal(mhp_teardown_next(teardown, &step), 0);
        assert_int_equal(step.alloc, 77);
        assert_null(mhp_teardown_free(teardown));
}
