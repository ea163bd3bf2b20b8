/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/array.h"

#include "base/macro.h"

#define CAPACITY_FIRST 8

int mhp_array_reserve(void **array, size_t *capacity, size_t need, size_t size) {
        size_t want = *capacity, bytes;
        void *p;

        if (need <= *capacity)
                return 0;
        if (__builtin_mul_overflow(want, 2, &want))
                return -ENOMEM;
        want = MAX(MAX(want, need), (size_t) CAPACITY_FIRST);
        if (__builtin_mul_overflow(want, size, &bytes))
                return -ENOMEM;

        p = realloc(*array, bytes);
        if (!p)
                return -ENOMEM;
        *array = p;
        *capacity = want;
        return 0;
}
