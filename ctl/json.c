/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/json.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

void ctl_json_done(struct ctl_json *json) {
        while (json->depth > 0)
                (void) json_object_put(json->level[--json->depth].tree);
}

/* json-c says NULL when there is no memory, and takes NULL for null. */
static struct json_object *made(struct ctl_json *json, struct json_object *value) {
        if (!value && json->out->error == 0)
                json->out->error = -ENOMEM;
        return value;
}

static void print(struct ctl_json *json, struct json_object *value) {
        size_t len = 0;
        const char *text = json_object_to_json_string_length(value, FLAGS, &len);

        if (text)
                mhp_text_add_n(json->out, text, len);
        else
                (void) made(json, NULL);
}

static void print_char(struct ctl_json *json, char c) {
        mhp_text_add_n(json->out, &c, 1);
}

/* What stands before a value in a stream. Each element of an array has a line of its own. */
static void print_start(struct ctl_json *json, const char *key) {
        struct ctl_json_level *top = json->depth > 0 ? &json->level[json->depth - 1] : NULL;

        if (!top)
                return;
        if (top->any)
                print_char(json, ',');
        top->any = true;
        if (top->type == json_type_array) {
                print_char(json, '\n');
        } else {
                struct json_object *name = made(json, json_object_new_string(key));

                print(json, name);
                print_char(json, ':');
                (void) json_object_put(name);
        }
}

static void print_end(struct ctl_json *json) {
        if (json->depth == 0)
                print_char(json, '\n');
}

/* Takes over the value. */
static void put(struct ctl_json *json, const char *key, struct json_object *value) {
        struct json_object *tree = json->depth > 0 ? json->level[json->depth - 1].tree : NULL;
        int r = 0;

        if (!tree) {
                print_start(json, key);
                print(json, value);
                print_end(json);
                (void) json_object_put(value);
                return;
        }
        if (json_object_is_type(tree, json_type_array))
                r = json_object_array_add(tree, value);
        else
                r = json_object_object_add_ex(tree, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT);
        if (r < 0) {
                (void) json_object_put(value);
                (void) made(json, NULL);
        }
}

static struct ctl_json_level *push(struct ctl_json *json, const char *key, enum json_type type) {
        assert(json->depth < CTL_JSON_DEPTH);
        json->level[json->depth] = (struct ctl_json_level) { .key = key, .type = type };
        return &json->level[json->depth++];
}

void ctl_json_open(struct ctl_json *json, const char *key, enum json_type type) {
        struct ctl_json_level *level = push(json, key, type);

        level->tree = made(json, type == json_type_array ? json_object_new_array() : json_object_new_object());
}

void ctl_json_stream(struct ctl_json *json, const char *key, enum json_type type) {
        assert(json->depth == 0 || !json->level[json->depth - 1].tree);
        print_start(json, key);
        print_char(json, type == json_type_array ? '[' : '{');
        (void) push(json, key, type);
}

void ctl_json_close(struct ctl_json *json) {
        struct ctl_json_level *level = &json->level[--json->depth];

        if (level->tree) {
                put(json, level->key, level->tree);
                return;
        }
        if (level->type == json_type_array && level->any)
                print_char(json, '\n');
        print_char(json, level->type == json_type_array ? ']' : '}');
        print_end(json);
}

void ctl_json_null(struct ctl_json *json, const char *key) {
        put(json, key, NULL);
}

void ctl_json_bool(struct ctl_json *json, const char *key, bool value) {
        put(json, key, made(json, json_object_new_boolean(value)));
}

void ctl_json_u64(struct ctl_json *json, const char *key, uint64_t value) {
        put(json, key, made(json, json_object_new_uint64(value)));
}

void ctl_json_i64(struct ctl_json *json, const char *key, int64_t value) {
        put(json, key, made(json, json_object_new_int64(value)));
}

/* json-c prints bytes as they are. */
static void put_mended(struct ctl_json *json, const char *key, const char *value, size_t len) {
        _cleanup_text_ struct mhp_text text = {};

        for (size_t i = 0; i < len; i++) {
                size_t n = mhp_utf8_valid(value + i, len - i);

                mhp_text_add_n(&text, value + i, n);
                i += n;
                if (i < len)
                        mhp_text_add(&text, "\ufffd");
        }
        put(json, key, text.error < 0 ? made(json, NULL) : made(json, json_object_new_string_len(text.data, (int) text.len)));
}

void ctl_json_string(struct ctl_json *json, const char *key, const char *value) {
        size_t ascii = 0, len;

        if (!value) {
                ctl_json_null(json, key);
                return;
        }
        while (value[ascii] != '\0' && (value[ascii] & 0x80) == 0)
                ascii++;
        len = ascii + strlen(value + ascii);
        if (mhp_utf8_valid(value + ascii, len - ascii) < len - ascii)
                put_mended(json, key, value, len);
        else
                put(json, key, made(json, json_object_new_string_len(value, (int) len)));
}

void ctl_json_known_bool(struct ctl_json *json, const char *key, bool known, bool value) {
        if (known)
                ctl_json_bool(json, key, value);
        else
                ctl_json_null(json, key);
}

void ctl_json_known_u64(struct ctl_json *json, const char *key, bool known, uint64_t value) {
        if (known)
                ctl_json_u64(json, key, value);
        else
                ctl_json_null(json, key);
}

void ctl_json_node(struct ctl_json *json, const char *key, int node) {
        ctl_json_known_u64(json, key, node >= 0, (uint64_t) node);
}

/* What was printed into `text`. */
static void put_text(struct ctl_json *json, const char *key, const struct mhp_text *text) {
        if (text->error < 0)
                (void) made(json, NULL);
        ctl_json_string(json, key, text->data ? text->data : "");
}

void ctl_json_hex(struct ctl_json *json, const char *key, uint64_t value) {
        _cleanup_text_ struct mhp_text text = {};

        mhp_text_hex(&text, value);
        put_text(json, key, &text);
}

void ctl_json_ranges(struct ctl_json *json, const char *key, const struct mhp_ranges *ranges) {
        _cleanup_text_ struct mhp_text text = {};

        mhp_ranges_print(ranges, &text);
        put_text(json, key, &text);
}

void ctl_json_lines(struct ctl_json *json, const char *key, const char *text) {
        ctl_json_open(json, key, json_type_array);
        for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
                _cleanup_text_ struct mhp_text line = {};

                mhp_text_add_n(&line, p, strcspn(p, "\n"));
                put_text(json, NULL, &line);
        }
        ctl_json_close(json);
}
