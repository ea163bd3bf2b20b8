/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a verb says with --json. json-c makes the values, and escapes what has to be escaped.
 *
 * A document is written from its start to its end: what is opened is closed, and in between comes what stands in it. There are two ways to open an
 * object or an array. A *tree* is built in memory and printed when it is closed. A *stream* prints what is put into it at once, so that a list of
 * 32,768 blocks needs no more memory than one block of it. The document itself is the outermost of either kind; a stream stands in streams only.
 *
 * A key is a string constant, and new in its object. It is NULL in an array and of the document. The first failure to allocate is set down in out->error. */

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"
#include "base/text.h"

#define CTL_JSON_DEPTH 8

struct ctl_json_level {
        struct json_object *tree; /* owned; NULL: a stream */
        const char *key;
        enum json_type type;      /* json_type_object or json_type_array */
        bool any;                 /* something has been put into it */
};

struct ctl_json {
        struct mhp_text *out;
        struct ctl_json_level level[CTL_JSON_DEPTH];
        size_t depth;
};

void ctl_json_done(struct ctl_json *json);
#define _cleanup_json_ _cleanup_(ctl_json_done)

void ctl_json_open(struct ctl_json *json, const char *key, enum json_type type);
void ctl_json_stream(struct ctl_json *json, const char *key, enum json_type type);
void ctl_json_close(struct ctl_json *json);

void ctl_json_null(struct ctl_json *json, const char *key);
void ctl_json_bool(struct ctl_json *json, const char *key, bool value);
void ctl_json_u64(struct ctl_json *json, const char *key, uint64_t value);
void ctl_json_i64(struct ctl_json *json, const char *key, int64_t value);

/* NULL is null. Bytes that are not UTF-8 become U+FFFD. */
void ctl_json_string(struct ctl_json *json, const char *key, const char *value);

/* null where it is not known. */
void ctl_json_known_bool(struct ctl_json *json, const char *key, bool known, bool value);
void ctl_json_known_u64(struct ctl_json *json, const char *key, bool known, uint64_t value);
void ctl_json_node(struct ctl_json *json, const char *key, int node); /* < 0: not known */

/* A string of hexadecimal digits: beyond 2^53 a number cannot be relied on. */
void ctl_json_hex(struct ctl_json *json, const char *key, uint64_t value);

/* A string: `32-39,41`. */
void ctl_json_ranges(struct ctl_json *json, const char *key, const struct mhp_ranges *ranges);

/* An array of the lines of `text`. */
void ctl_json_lines(struct ctl_json *json, const char *key, const char *text);
