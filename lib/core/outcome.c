/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/outcome.h"

#include <errno.h>
#include <stddef.h>

#include "base/macro.h"

static const struct {
        const char *name;
        bool final;
} outcomes[_MHP_OUTCOME_MAX] = {
        [MHP_OUTCOME_DONE] = { "done", false },
        [MHP_OUTCOME_ALREADY] = { "already", false },
        [MHP_OUTCOME_BUSY] = { "busy", false },
        [MHP_OUTCOME_INTERRUPTED] = { "interrupted", false },
        [MHP_OUTCOME_NO_MEMORY] = { "no-memory", false },
        [MHP_OUTCOME_NOT_PERMITTED] = { "not-permitted", true },
        [MHP_OUTCOME_GONE] = { "gone", false },
        [MHP_OUTCOME_POISONED] = { "poisoned", true },
        [MHP_OUTCOME_IMPOSSIBLE] = { "impossible", true },
        [MHP_OUTCOME_OTHER] = { "other", false },
};

enum mhp_outcome mhp_outcome_of(int error, bool reached) {
        switch (error) {
        case 0:
                return reached ? MHP_OUTCOME_DONE : MHP_OUTCOME_OTHER;
        case EINVAL:
                return reached ? MHP_OUTCOME_ALREADY : MHP_OUTCOME_IMPOSSIBLE;
        case EBUSY:
                return MHP_OUTCOME_BUSY;
        case EINTR:
        case ETIMEDOUT:
                return MHP_OUTCOME_INTERRUPTED;
        case ENOMEM:
                return MHP_OUTCOME_NO_MEMORY;
        case EPERM:
        case EACCES:
        case EROFS:
                return MHP_OUTCOME_NOT_PERMITTED;
        case ENODEV:
        case ENOENT:
                return MHP_OUTCOME_GONE;
        case EHWPOISON:
                return MHP_OUTCOME_POISONED;
        default:
                return MHP_OUTCOME_OTHER;
        }
}

const char *mhp_outcome_name(enum mhp_outcome outcome) {
        return (unsigned) outcome < _MHP_OUTCOME_MAX ? outcomes[outcome].name : NULL;
}

bool mhp_outcome_is_final(enum mhp_outcome outcome) {
        return (unsigned) outcome < _MHP_OUTCOME_MAX && outcomes[outcome].final;
}
