/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is wrong with a configuration, in sentences that may go anywhere: names of files and pieces of lines are in them, and D-Bus
 * refuses a message with a string that is not UTF-8. */

#include "edge/conf-warning.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/array.h"
#include "base/text.h"

#define WARNINGS_MAX 100

void mhp_conf_warnings_done(struct mhp_conf_warnings *warnings) {
        for (size_t i = 0; i < warnings->n; i++)
                free(warnings->text[i]);
        free(warnings->text);
        *warnings = (struct mhp_conf_warnings) { 0 };
}

/* `before` and what the format makes, fit to be shown. */
static int _printf_(2, 0) compose(const char *before, const char *format, va_list args, char **ret) {
        _cleanup_text_ struct mhp_text safe = { 0 };
        _cleanup_free_ char *raw = NULL;

        if (vasprintf(&raw, format, args) < 0) {
                raw = NULL;
                return -ENOMEM;
        }
        mhp_text_add(&safe, before);
        mhp_text_add_safe(&safe, raw);
        return mhp_text_finish(&safe, ret);
}

static int _printf_(2, 0) add(struct mhp_conf_warnings *warnings, const char *format, va_list args) {
        int r = ARRAY_GROW(warnings->text, warnings->n, warnings->capacity);

        if (r >= 0)
                r = compose("", format, args, &warnings->text[warnings->n]);
        if (r < 0)
                return r;
        warnings->n++;
        return 0;
}

int mhp_conf_warn(struct mhp_conf_warnings *warnings, const char *format, ...) {
        va_list args;
        int r;

        if (warnings->full)
                return 0;
        warnings->full = warnings->n >= WARNINGS_MAX;
        va_start(args, format);
        r = add(warnings, warnings->full ? "there are more warnings than these" : format, args);
        va_end(args);
        return r;
}

int mhp_conf_warn_more(struct mhp_conf_warnings *warnings, size_t i, const char *format, ...) {
        char *longer;
        va_list args;
        int r;

        va_start(args, format);
        r = compose(warnings->text[i], format, args, &longer);
        va_end(args);
        if (r < 0)
                return r;
        free(warnings->text[i]);
        warnings->text[i] = longer;
        return 0;
}

int mhp_conf_lose(struct mhp_conf_warnings *warnings, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = add(warnings, format, args);
        va_end(args);
        if (r < 0)
                return r;
        if (!warnings->lost)
                warnings->lost = warnings->text[warnings->n - 1];
        return MHP_CONF_LOST;
}
