/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A target is one function; libFuzzer, AFL++ or standalone-main.c calls it with one input after the other. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant. Not assert(), which NDEBUG takes away. */
#define MUST(condition)                 \
        do {                            \
                if (!(condition))       \
                        abort();        \
        } while (0)

/* The input as a string of exactly its length, so that a read beyond the NUL is a read beyond the allocation. */
static inline char *fuzz_string(const uint8_t *data, size_t size) {
        char *s = malloc(size + 1);

        MUST(s);
        if (size > 0)
                memcpy(s, data, size);
        s[size] = '\0';
        return s;
}
