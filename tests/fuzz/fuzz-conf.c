/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>

#include "edge/conf-file.h"

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

static void check_warnings(const struct mhp_conf_warnings *warnings) {
        for (size_t i = 0; i < warnings->n; i++) {
                const char *text = warnings->text[i];
                size_t len = strlen(text);

                MUST(strncmp(text, "conf:", 5) == 0 || strncmp(text, FAKE_ROOT, strlen(FAKE_ROOT)) == 0 || i == 100);
                /* It goes to D-Bus, and to terminals. */
                MUST(mhp_utf8_valid(text, len) == len && !strpbrk(text, "\n\x1b\x7f"));
        }
}

/* All that came of it. */
static void print(const struct mhp_config *config, const struct mhp_conf_warnings *warnings, struct mhp_text *text) {
        const char *section, *key, *preset, *allowed;

        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) >= 0; i++)
                (void) mhp_config_print_value(config, i, text);
        for (size_t i = 0; i < config->n_rules; i++)
                mhp_rule_print(&config->rules[i], text);
        for (size_t i = 0; i < warnings->n; i++)
                mhp_text_printf(text, "\n%s", warnings->text[i]);
}

/* The text of a file, or a tree with `etc/mhpd.conf`, `usr/mhpd.conf` and their drop-ins. */
static int take(const uint8_t *data, size_t size, struct mhp_config *config, struct mhp_conf_warnings *warnings) {
        _cleanup_free_ char *text = NULL;

        if (fake_files(data, size))
                return mhp_conf_load(FAKE_ROOT "/etc", FAKE_ROOT "/usr", config, warnings);
        text = fake_copy(data, size);
        return mhp_conf_parse("conf", text, size, config, warnings);
}

void fuzz_one(const uint8_t *data, size_t size) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = {};
        _cleanup_config_ struct mhp_config config;
        _cleanup_text_ struct mhp_text text = {};
        int r;

        mhp_config_init(&config);
        r = take(data, size, &config, &warnings);
        MUST(r == MHP_CONF_READ || r == MHP_CONF_LOST || (r == -ENOMEM && fake_memory_failed()));
        fake_memory_rest();
        if (r >= 0)
                MUST((r == MHP_CONF_LOST) == (warnings.lost != NULL));
        check_warnings(&warnings);
        check_config(&config);
        check_keys(&config);
        if (r < 0)
                return;
        print(&config, &warnings, &text);
        fake_result(&text);
}
