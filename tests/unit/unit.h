/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What cmocka.h wants to see before it, and tests as rows of data. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* cmocka hands every test a state; few look at it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* For each row of an array. */
#define ROWS(row, rows) \
        for (size_t row##_i_ = 0; row##_i_ < sizeof(rows) / sizeof((rows)[0]); row##_i_++) \
                for (__typeof__(&(rows)[0]) row = &(rows)[row##_i_]; row; row = NULL)

#define ROW_INT(row_text, got, want) \
        do { \
                long long got_ = (long long) (got), want_ = (long long) (want); \
                if (got_ != want_) \
                        fail_msg("row \"%s\": %s is %lld, wanted %lld", (row_text), #got, got_, want_); \
        } while (0)

#define ROW_STR(row_text, got, want) \
        do { \
                const char *got_ = (got), *want_ = (want); \
                if (strcmp(got_, want_) != 0) \
                        fail_msg("row \"%s\": got \"%s\", wanted \"%s\"", (row_text), got_, want_); \
        } while (0)
