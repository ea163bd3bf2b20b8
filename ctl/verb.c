/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Finding a verb in the table. */

#include <string.h>

#include "ctl/ctl.h"
#include "ctl/near.h"

const struct ctl_verb *ctl_verb_find(const struct ctl *ctl, const char *name) {
        for (const struct ctl_verb *verb = ctl->verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

int ctl_tell_unknown_verb(const struct ctl *ctl, const char *word) {
        struct ctl_near near = { .word = word };
        const char *other = ctl_near_verb(word);

        for (const struct ctl_verb *verb = ctl->verbs; verb->name; verb++)
                ctl_near_try(&near, verb->name);
        if (other || near.name)
                return ctl_fail(ctl, CTL_USAGE, "unknown verb \"%s\"; did you mean %s?", word, other ? other : near.name);
        return ctl_fail(ctl, CTL_USAGE, "unknown verb \"%s\"; `mhpctl --help` names them", word);
}
