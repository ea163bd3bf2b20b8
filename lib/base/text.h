/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A growing string. Appending after a failure does nothing, so that a long print checks once, at the end:
 * mhp_text_finish() returns the -ENOMEM of any append before it. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

struct mhp_text {
        char *data;      /* NUL terminated once anything was appended; owned */
        size_t len;
        size_t capacity;
        int error;       /* 0 or -ENOMEM, sticky */
};

void mhp_text_add(struct mhp_text *text, const char *s);
void mhp_text_add_n(struct mhp_text *text, const char *s, size_t n);
void mhp_text_printf(struct mhp_text *text, const char *format, ...) _printf_(2, 3);

/* As it is, but for control characters and bytes that are not UTF-8: a `?` each. So it can go to a terminal, the journal and D-Bus. */
void mhp_text_add_safe(struct mhp_text *text, const char *s);

/* How many of the n bytes at s are UTF-8 without a NUL, from the first on: n if all are. s needs no NUL behind it. */
size_t mhp_utf8_valid(const char *s, size_t n);

/* Decimal, without printf's cost: lists of 32,768 blocks are made of this. */
void mhp_text_u64(struct mhp_text *text, uint64_t v);

/* Hexadecimal, without 0x and leading zeros, for as many. */
void mhp_text_hex(struct mhp_text *text, uint64_t v);

/* Hands the string to the caller (never NULL on success: an empty text gives ""). */
int mhp_text_finish(struct mhp_text *text, char **ret);

void mhp_text_done(struct mhp_text *text);
#define _cleanup_text_ _cleanup_(mhp_text_done)
