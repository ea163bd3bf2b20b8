/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/conf-file.h"

/* Exactly its length, without a NUL behind it: the parser is told where the text ends. */
static char *exact(const uint8_t *data, size_t size) {
        char *s = malloc(size > 0 ? size : 1);

        MUST(s);
        if (size > 0)
                memcpy(s, data, size);
        return s;
}

static void check_config(const struct mhp_config *config) {
        MUST((unsigned) config->by < _MHP_BY_MAX && (unsigned) config->drift < _MHP_DRIFT_MAX &&
             (unsigned) config->on_failure < _MHP_ON_FAILURE_MAX);
        MUST(config->zone > MHP_WANT_UNSET && config->zone < _MHP_WANT_MAX);
        MUST(config->movable_ratio <= 100000 && config->kernel_headroom <= 100);
        MUST(config->attempts >= 1 && config->attempts <= 100);
        MUST(config->offline_timeout > 0 && config->retry_max > 0);
        MUST(config->n_rules <= MHP_RULE_MAX);
        for (size_t i = 0; i < config->n_rules; i++) {
                _cleanup_text_ struct mhp_text text = {};

                MUST(memchr(config->rules[i].name, '\0', MHP_RULE_NAME_MAX));
                MUST((unsigned) config->rules[i].zone < _MHP_WANT_MAX);
                for (size_t j = 0; j < i; j++)
                        MUST(strcmp(config->rules[i].name, config->rules[j].name) != 0);
                mhp_rule_print(&config->rules[i], &text);
        }
}

/* What was read, printed and read again is the same. */
static void check_keys(const struct mhp_config *config) {
        for (size_t i = 0;; i++) {
                _cleanup_text_ struct mhp_text text = {}, again = {};
                _cleanup_config_ struct mhp_config other;
                const char *section, *key, *preset, *allowed;

                if (mhp_config_key(i, &section, &key, &preset, &allowed) < 0)
                        return;
                if (mhp_config_print_value(config, i, &text) < 0)
                        continue;
                mhp_config_init(&other);
                MUST(mhp_config_set(&other, section, key, text.data, &allowed) == 0);
                MUST(mhp_config_print_value(&other, i, &again) == 0);
                MUST(strcmp(text.data, again.data) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = exact(data, size);
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = {};
        _cleanup_config_ struct mhp_config config;
        int r;

        mhp_config_init(&config);
        r = mhp_conf_parse("conf", text, size, &config, &warnings);
        MUST(r == MHP_CONF_READ || r == MHP_CONF_LOST);
        MUST((r == MHP_CONF_LOST) == (warnings.lost != NULL));
        for (size_t i = 0; i < warnings.n; i++) {
                size_t len = strlen(warnings.text[i]);

                MUST(strncmp(warnings.text[i], "conf:", 5) == 0 || i == 100);
                /* It goes to D-Bus, and to terminals. */
                MUST(mhp_utf8_valid(warnings.text[i], len) == len && !strpbrk(warnings.text[i], "\n\x1b\x7f"));
        }
        check_config(&config);
        check_keys(&config);
        return 0;
}
