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

/* As a JSON string with its quotes; NULL gives null. Bytes that are not UTF-8 become U+FFFD. */
void mhp_text_json(struct mhp_text *text, const char *s);

/* Decimal, without printf's cost: lists of 32,768 blocks are made of this. */
void mhp_text_u64(struct mhp_text *text, uint64_t v);

/* Hexadecimal, without 0x and leading zeros, for as many. */
void mhp_text_hex(struct mhp_text *text, uint64_t v);

/* Hands the string to the caller (never NULL on success: an empty text gives ""). */
int mhp_text_finish(struct mhp_text *text, char **ret);

void mhp_text_done(struct mhp_text *text);
#define _cleanup_text_ _cleanup_(mhp_text_done)
