/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers, sizes, spans of time and percentages as people and sysfs write them. Every parser takes the whole string
 * or fails: -EINVAL not of this form, -ERANGE of this form but too large. The output is untouched on failure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)

/* Decimal digits only: no sign, no space. */
int mhp_parse_u64(const char *s, uint64_t *ret);
int mhp_parse_u32(const char *s, uint32_t *ret);

/* Hex digits, without 0x, as block_size_bytes and phys_index have them. */
int mhp_parse_hex(const char *s, uint64_t *ret);

/* Bytes: `4096`, `64K`, `2M`, `4g`, `1T`, `2GiB`, `2GB` (all binary, as lsmem and chmem take them), `1.5G`. No blank, no sign. */
int mhp_parse_size(const char *s, uint64_t *ret);

/* `30`, `30s`, `500ms`, `2min` to microseconds; a bare number is seconds. */
int mhp_parse_usec(const char *s, uint64_t *ret);

/* `5%` or `5`, 0 to max. */
int mhp_parse_percent(const char *s, unsigned max, unsigned *ret);

/* yes/no, y/n, true/false, t/f, on/off, 1/0 in any case, as systemd takes them. */
int mhp_parse_bool(const char *s, bool *ret);

/* A size as people read it: the largest binary unit that leaves at most one decimal (`1.5G`, `128M`). Returns buf. */
#define MHP_SIZE_MAX 24
char *mhp_format_size(char buf[static MHP_SIZE_MAX], uint64_t bytes);

/* The saturating product and sum: what overflows is "very much", not a small number. */
/* b is not 0. */
static inline uint64_t mhp_div_up(uint64_t a, uint64_t b) {
        return a / b + (a % b != 0);
}

static inline uint64_t mhp_mul_sat(uint64_t a, uint64_t b) {
        uint64_t r;
        return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}
static inline uint64_t mhp_add_sat(uint64_t a, uint64_t b) {
        uint64_t r;
        return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}
