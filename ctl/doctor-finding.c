/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Setting down what was found. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ctl/doctor.h"

static int add(struct ctl_doctor *doctor, struct ctl_finding *finding, const struct ctl_finding_kind *kind, const char *message) {
        _cleanup_text_ struct mhp_text text = {};
        int r;

        if (kind->blocks && kind->blocks->n > 0) {
                mhp_ranges_print(kind->blocks, &text);
                r = mhp_text_finish(&text, &finding->blocks);
                if (r < 0)
                        return r;
        }
        finding->message = strdup(message);
        finding->evidence = strdup(kind->evidence ? kind->evidence : "");
        if (!finding->message || !finding->evidence)
                return -ENOMEM;
        r = ARRAY_GROW(doctor->findings, doctor->n, doctor->capacity);
        if (r < 0)
                return r;
        doctor->findings[doctor->n++] = *finding;
        return 0;
}

int ctl_doctor_add(struct ctl_doctor *doctor, const struct ctl_finding_kind *kind, const char *format, ...) {
        struct ctl_finding finding = { .severity = kind->severity, .token = kind->token, .remedy = kind->remedy };
        _cleanup_free_ char *message = NULL;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&message, format, args);
        va_end(args);
        if (r < 0) {
                message = NULL;
                return -ENOMEM;
        }
        r = add(doctor, &finding, kind, message);
        if (r < 0) {
                free(finding.blocks);
                free(finding.message);
                free(finding.evidence);
        }
        return r;
}

void ctl_doctor_quote(struct mhp_text *text, const char *path, const char *says) {
        mhp_text_printf(text, "%s/%s: %s", text->len > 0 ? "; " : "", path, says);
}
