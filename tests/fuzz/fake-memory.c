/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that runs out at a given allocation of the library's, and what a target does then. */

#include "fake.h"

#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>

#define AT_MOST 5000 /* runs of one input in a replay */

extern const bool fuzz_replays __attribute__((weak)); /* standalone-main.c has it, libFuzzer has not */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__real_tsearch(const void *key, void **root, int (*compare)(const void *, const void *));
int __real_vasprintf(char **ret, const char *format, va_list args);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void *__wrap_tsearch(const void *key, void **root, int (*compare)(const void *, const void *));
int __wrap_vasprintf(char **ret, const char *format, va_list args);
int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list args);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);

static bool counts;     /* a target runs; the fuzzer's own allocations are left alone */
static size_t n_asked;  /* allocations in this run */
static size_t fails_at; /* which one fails; 0: none */
static bool failed;
static char *result;    /* of the run in which none failed */
static size_t result_len;

bool fake_memory_fails(void) {
        if (!counts || ++n_asked != fails_at)
                return false;
        failed = true;
        errno = ENOMEM;
        return true;
}

bool fake_memory_failed(void) {
        return failed;
}

void fake_memory_rest(void) {
        counts = false;
}

void *fake_copy(const void *data, size_t size) {
        void *copy = __real_malloc(size > 0 ? size : 1);

        MUST(copy);
        if (data && size > 0)
                memcpy(copy, data, size);
        return copy;
}

void fake_result(const struct mhp_text *text) {
        MUST(text->error == 0);
        if (failed) {
                MUST(result && result_len == text->len && (text->len == 0 || memcmp(result, text->data, text->len) == 0));
        } else {
                free(result);
                result = fake_copy(text->data, text->len);
                result_len = text->len;
        }
}

static void run(const uint8_t *data, size_t size, size_t at) {
        n_asked = 0;
        fails_at = at;
        failed = false;
        counts = true;
        fuzz_one(data, size);
        counts = false;
        fake_files_done();
}

/* The last bytes decide which allocation fails, so that a mutation of them alone is another failure. */
static size_t pick(const uint8_t *data, size_t size) {
        uint32_t sum = 2166136261;

        for (size_t i = 0; i < size; i++)
                sum = (sum ^ data[i]) * 16777619;
        return sum >> 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t n;

        run(data, size, 0);
        n = n_asked;
        if (n > 0 && !&fuzz_replays)
                run(data, size, 1 + pick(data, size) % n);
        for (size_t i = 1; i <= n && i <= AT_MOST && &fuzz_replays; i++)
                run(data, size, i);
        free(result);
        result = NULL;
        return 0;
}

void *__wrap_malloc(size_t size) {
        return fake_memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return fake_memory_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return fake_memory_fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
        return fake_memory_fails() ? NULL : __real_strdup(s);
}

void *__wrap_tsearch(const void *key, void **root, int (*compare)(const void *, const void *)) {
        return fake_memory_fails() ? NULL : __real_tsearch(key, root, compare);
}

/* What *ret is after a failure nobody may rely on. */
int __wrap_vasprintf(char **ret, const char *format, va_list args) {
        if (fake_memory_fails()) {
                *ret = (char *) 1;
                return -1;
        }
        return __real_vasprintf(ret, format, args);
}

int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list args) {
        (void) flag;
        return __wrap_vasprintf(ret, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = __wrap_vasprintf(ret, format, args);
        va_end(args);
        return r;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...) {
        va_list args;
        int r;

        (void) flag;
        va_start(args, format);
        r = __wrap_vasprintf(ret, format, args);
        va_end(args);
        return r;
}
