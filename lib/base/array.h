/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Growing arrays: a pointer, a count and a capacity side by side in the owner's struct. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes room for `need` elements of `size` bytes. Doubles, so that n appends cost O(n). -ENOMEM leaves everything as it was. */
int mhp_array_reserve(void **array, size_t *capacity, size_t need, size_t size);

/* Room for one more element in A with count N and capacity C. */
#define ARRAY_GROW(a, n, c) mhp_array_reserve((void **) &(a), &(c), (n) + 1, sizeof(*(a)))
