/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl verify`: the backing map against what the kernel shows. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "edge/names.h"

static void verification_done(struct mhp_verification **verification) {
        mhp_verification_free(*verification);
}

static void print_json(struct mhp_text *out, const struct mhp_verification *v) {
        ctl_json_u64(out, "{", "checked", v->checked);
        ctl_json_u64(out, ",", "unseen", v->unseen);
        ctl_json_u64(out, ",", "holes", v->holes);
        mhp_text_add(out, ",\"differ\":[");
        for (size_t i = 0; i < v->n_differ; i++) {
                ctl_json_u64(out, i > 0 ? ",\n{" : "\n{", "block", v->differ[i].block);
                ctl_json_u64(out, ",", "expected_pages", v->differ[i].expected);
                ctl_json_u64(out, ",", "observed_pages", v->differ[i].observed);
                if (v->differ[i].pfn == MHP_NO_PFN)
                        ctl_json_string(out, ",", "pfn", NULL);
                else
                        ctl_json_u64(out, ",", "pfn", v->differ[i].pfn);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "],\"zones\":[");
        for (size_t i = 0; i < v->n_zones; i++) {
                ctl_json_u64(out, i > 0 ? ",\n{" : "\n{", "node", (uint64_t) v->zones[i].node);
                ctl_json_string(out, ",", "zone", mhp_zone_name(v->zones[i].zone));
                ctl_json_u64(out, ",", "expected_pages", v->zones[i].expected);
                ctl_json_u64(out, ",", "observed_pages", v->zones[i].observed);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "]}\n");
}

static int print_differences(struct ctl *ctl, const struct mhp_verification *v) {
        static const struct ctl_column columns[] = { { "WHERE", false }, { "EXPECTED", true }, { "OBSERVED", true }, { "PFN", false } };
        _cleanup_table_ struct ctl_table table = {};
        char text[64];
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), "WHERE,EXPECTED,OBSERVED,PFN");
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < v->n_differ; i++) {
                snprintf(text, sizeof(text), "block %" PRIu64, v->differ[i].block);
                ctl_table_cell(&table, text, CTL_BAD);
                ctl_table_u64(&table, v->differ[i].expected);
                ctl_table_u64(&table, v->differ[i].observed);
                snprintf(text, sizeof(text), "0x%" PRIx64, v->differ[i].pfn);
                ctl_table_cell(&table, v->differ[i].pfn == MHP_NO_PFN ? "-" : text, CTL_PLAIN);
        }
        for (size_t i = 0; i < v->n_zones; i++) {
                snprintf(text, sizeof(text), "node %d, %s", v->zones[i].node, mhp_zone_name(v->zones[i].zone));
                ctl_table_cell(&table, text, CTL_BAD);
                ctl_table_u64(&table, v->zones[i].expected);
                ctl_table_u64(&table, v->zones[i].observed);
                ctl_table_cell(&table, "-", CTL_PLAIN);
        }
        return ctl_table_print(ctl, &table, "");
}

static const char *plural(size_t n) {
        return n == 1 ? "" : "s";
}

static int print_words(struct ctl *ctl, const struct mhp_verification *v) {
        size_t agree = v->checked - v->n_differ;
        int r;

        if (v->n_differ + v->n_zones > 0) {
                r = print_differences(ctl, v);
                if (r != CTL_DONE)
                        return r;
                mhp_text_add(&ctl->out, "\n");
        }
        mhp_text_printf(&ctl->out, "%zu block%s checked: %zu agree%s", v->checked, plural(v->checked), agree, agree == 1 ? "s" : "");
        if (v->n_differ > 0)
                mhp_text_printf(&ctl->out, ", %zu differ%s", v->n_differ, v->n_differ == 1 ? "s" : "");
        if (v->unseen > 0)
                mhp_text_printf(&ctl->out, "; %zu more %s not online, of which the kernel shows nothing", v->unseen, v->unseen == 1 ? "is" : "are");
        if (v->holes > 0)
                mhp_text_printf(&ctl->out, "; %zu more %s with a hole: there is no page at the start that could be looked at", v->holes,
                                v->holes == 1 ? "begins" : "begin");
        mhp_text_add(&ctl->out, "\n");
        return CTL_DONE;
}

static int tell(struct ctl *ctl, int r) {
        const char *root = ctl->sysroot ? ctl->sysroot : "";
        _cleanup_map_ struct mhp_map *map = NULL;

        if (r == -EACCES || r == -EPERM)
                return ctl_fail(ctl, CTL_FAILED, "%s/" NAME_PAGEFLAGS " cannot be read: it is for root", root);
        if (r == -ENODATA)
                return ctl_fail(ctl, CTL_FAILED, "%s/" NAME_PAGEFLAGS " is not there: the kernel was built without CONFIG_PROC_PAGE_MONITOR", root);
        /* a machine without blocks, or no machine at all, is told in the same words as by the other verbs */
        if (r != -EOPNOTSUPP && ctl_map_read(ctl, &map) != CTL_DONE)
                return CTL_FAILED;
        return ctl_tell_geometry(ctl, r);
}

int verb_verify(struct ctl *ctl) {
        _cleanup_(verification_done) struct mhp_verification *verification = NULL;
        int r;

        r = mhp_verify(ctl_root(ctl), ctl->assume, &verification);
        if (r < 0)
                return tell(ctl, r);

        r = CTL_DONE;
        if (ctl_given(ctl, CTL_OPT_JSON))
                print_json(&ctl->out, verification);
        else
                r = print_words(ctl, verification);
        if (r != CTL_DONE)
                return r;
        return verification->n_differ + verification->n_zones > 0 ? CTL_FAILED : CTL_DONE;
}
