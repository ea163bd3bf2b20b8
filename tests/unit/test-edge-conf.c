/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/conf-file.h"
#include "tree.h"

struct machine {
        struct tree t;
        char etc[128], vendor[128];
};

static int setup(void **state) {
        static struct machine m;

        tree_make(&m.t);
        (void) snprintf(m.etc, sizeof(m.etc), "%s/etc", m.t.path);
        (void) snprintf(m.vendor, sizeof(m.vendor), "%s/vendor", m.t.path);
        *state = &m;
        return 0;
}

static int teardown(void **state) {
        struct machine *m = *state;

        tree_remove(&m->t);
        return 0;
}

static char *repeat(const char *what, size_t n) {
        _cleanup_text_ struct mhp_text text = { 0 };
        char *s;

        for (size_t i = 0; i < n; i++)
                mhp_text_add(&text, what);
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        return s;
}

/* Text that is taken, with the one warning that it gives, if any. */
static void test_taken(void **state) {
        static const struct {
                const char *text;
                const char *warning; /* its beginning */
                enum mhp_want zone;
                unsigned ratio, attempts;
        } rows[] = {
                { "", NULL, MHP_WANT_AUTO, 301, 5 },
                { "\n\n# nothing\n; nothing\n", NULL, MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nZone=movable\nMovableRatio=100\n[Teardown]\nAttempts=9\n", NULL, MHP_WANT_MOVABLE, 100, 9 },
                { "[Online]\nZone = movable\n", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\r\nZone=movable\r\n", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "\xef\xbb\xbf[Online]\nZone=movable\n", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\nZone=movable", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\nZone=movable\nZone=kernel\n", NULL, MHP_WANT_KERNEL, 301, 5 },
                { "[Online]\nZone=movable\n   # a remark\n\t; another\n  \t \n", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\nZone=kernel\n   ", NULL, MHP_WANT_KERNEL, 301, 5 },
                { "[Online]\nZone=fast\nMovableRatio=50\n", "conf:2: Zone=fast is not valid; allowed is auto, movable, kernel or none", MHP_WANT_AUTO, 50, 5 },
                { "[Online]\n\n\nMovableRatio=-1\n", "conf:4: MovableRatio=-1 is not valid; allowed is ", MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nZone=\n", "conf:2: Zone= is not valid", MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nSpeed=1\nZone=none\n", "conf:2: [Online] Speed= is not known; allowed are ", MHP_WANT_NONE, 301, 5 },
                { "[Offline]\nZone=movable\n", "conf:2: [Offline] Zone= is not known; allowed are ", MHP_WANT_AUTO, 301, 5 },
                { "Zone=movable\n", "conf:1: [] Zone= is not known; allowed are ", MHP_WANT_AUTO, 301, 5 },
                { "[Rule]\nZone=movable\n", "conf:2: [Rule] Zone= is not known; allowed are ", MHP_WANT_AUTO, 301, 5 },
                { "[Teardown]\nAttempts=4\nAttempts=0\n", "conf:3: Attempts=0 is not valid; allowed is a number from 1 to 100", MHP_WANT_AUTO, 301, 4 },
                { "[Teardown]\nAttempts=99999999999999999999\n", "conf:2: Attempts=", MHP_WANT_AUTO, 301, 5 },
        };

        ROWS(row, rows) {
                _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
                _cleanup_config_ struct mhp_config config;
                const char *warning = row->warning ? row->warning : "";

                mhp_config_init(&config);
                ROW_INT(row->text, mhp_conf_parse("conf", row->text, strlen(row->text), &config, &warnings), 0);
                ROW_INT(row->text, warnings.n, row->warning != NULL);
                if (row->warning && strncmp(warnings.text[0], warning, strlen(warning)) != 0)
                        fail_msg("row \"%s\": warned \"%s\"", row->text, warnings.text[0]);
                ROW_INT(row->text, config.zone, row->zone);
                ROW_INT(row->text, config.movable_ratio, row->ratio);
                ROW_INT(row->text, config.attempts, row->attempts);
        }
}

/* Text that cannot be parsed: one sentence with file and line. */
static void test_refused(void **state) {
        static const struct {
                const char *text;
                size_t len; /* 0: as long as the string */
                const char *message;
        } rows[] = {
                { "[Online\nZone=movable\n", 0, "conf:1: " },
                { "[Online]\nZone\n", 0, "conf:2: " },
                { "[Online]\nZone=movable\n  MovableRatio=1\n", 0, "conf:3: " }, /* libinih takes it for more of Zone= */
                { "[Online]\nZone=mov\0able\n", 22, "conf:2: " },
                { "\0", 1, "conf:1: " },
                { "\x01\x02\xff\xfe", 0, "conf:1: " },
        };

        ROWS(row, rows) {
                _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
                _cleanup_config_ struct mhp_config config;
                size_t len = row->len ? row->len : strlen(row->text);

                mhp_config_init(&config);
                ROW_INT(row->text, mhp_conf_parse("conf", row->text, len, &config, &warnings), -EBADMSG);
                assert_true(warnings.n > 0);
                if (strncmp(warnings.text[warnings.n - 1], row->message, strlen(row->message)) != 0)
                        fail_msg("row \"%s\": refused with \"%s\"", row->text, warnings.text[warnings.n - 1]);
        }
}

static void refuse(const char *text, const char *message) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;

        mhp_config_init(&config);
        assert_int_equal(mhp_conf_parse("conf", text, strlen(text), &config, &warnings), -EBADMSG);
        if (strncmp(warnings.text[warnings.n - 1], message, strlen(message)) != 0)
                fail_msg("refused with \"%s\"", warnings.text[warnings.n - 1]);
}

/* What libinih would split or cut without a word. */
static void test_long(void **state) {
        _cleanup_free_ char *x = repeat("x", 300), *lines = repeat("#\n", 200000), *name = repeat("r", 60);
        _cleanup_text_ struct mhp_text text = { 0 };

        mhp_text_printf(&text, "\n[Online]\nZone=%s\n", x);
        refuse(text.data, "conf:3: the line has 305 bytes; allowed are ");
        refuse(lines, "conf: the file has 400000 bytes; allowed are 262144");

        mhp_text_done(&text);
        text = (struct mhp_text) { 0 };
        mhp_text_printf(&text, "[Online]\nZone=kernel\n[Rule %s]\nZone=movable\n", name);
        refuse(text.data, "conf:3: ");
}

/* A name as long as a section's may be is kept whole. */
static void test_rule_name(void **state) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;
        static const char text[] = "[Rule a-name-of-forty-two-bytes-aaaaaaaaaaaaaaaa1]\nZone=movable\n"
                                   "[Rule a-name-of-forty-two-bytes-aaaaaaaaaaaaaaaa2]\nZone=kernel\n"
                                   "[Rule a-name-of-forty-two-bytes-aaaaaaaaaaaaaaaa1]\nNode=1\n";

        mhp_config_init(&config);
        assert_int_equal(mhp_conf_parse("conf", text, sizeof(text) - 1, &config, &warnings), 0);
        assert_int_equal(warnings.n, 0);
        assert_int_equal(config.n_rules, 2);
        assert_string_equal(config.rules[0].name, "a-name-of-forty-two-bytes-aaaaaaaaaaaaaaaa1");
        assert_int_equal(config.rules[0].zone, MHP_WANT_MOVABLE);
        assert_int_equal(config.rules[0].nodes.n, 1);
        assert_int_equal(config.rules[1].zone, MHP_WANT_KERNEL);
}

static void test_many_warnings(void **state) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;
        _cleanup_free_ char *text = repeat("x=1\n", 5000);

        mhp_config_init(&config);
        assert_int_equal(mhp_conf_parse("conf", text, strlen(text), &config, &warnings), 0);
        assert_int_equal(warnings.n, 101);
}

static void load(struct machine *m, int r, enum mhp_want zone, unsigned attempts, const char *last) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;

        mhp_config_init(&config);
        config.retry_max = 77;
        assert_int_equal(mhp_conf_load(m->etc, m->vendor, &config, &warnings), r);
        if (last) {
                assert_true(warnings.n > 0);
                if (!strstr(warnings.text[warnings.n - 1], last))
                        fail_msg("the last warning is \"%s\"", warnings.text[warnings.n - 1]);
        } else
                assert_int_equal(warnings.n, 0);
        assert_int_equal(config.retry_max, r < 0 ? 77 : 60 * USEC_PER_SEC); /* the new one, or untouched */
        if (r >= 0) {
                assert_int_equal(config.zone, zone);
                assert_int_equal(config.attempts, attempts);
        }
}

static void test_files(void **state) {
        struct machine *m = *state;

        load(m, 0, MHP_WANT_AUTO, 5, NULL);
        tree_file(&m->t, "vendor/mhpd.conf", "[Online]\nZone=movable\n[Teardown]\nAttempts=7\n");
        load(m, 0, MHP_WANT_MOVABLE, 7, NULL);
        tree_file(&m->t, "etc/mhpd.conf", "[Online]\nZone=kernel\n"); /* replaces the vendor's as a whole */
        load(m, 0, MHP_WANT_KERNEL, 5, NULL);
}

static void test_dropins(void **state) {
        struct machine *m = *state;

        tree_file(&m->t, "etc/mhpd.conf", "[Teardown]\nAttempts=1\n");
        tree_file(&m->t, "vendor/mhpd.conf.d/20-b.conf", "[Teardown]\nAttempts=20\n");
        load(m, 0, MHP_WANT_AUTO, 20, NULL);
        tree_file(&m->t, "etc/mhpd.conf.d/10-a.conf", "[Teardown]\nAttempts=10\n[Online]\nZone=none\n");
        load(m, 0, MHP_WANT_NONE, 20, NULL);
        tree_file(&m->t, "etc/mhpd.conf.d/30-c.conf", "[Teardown]\nAttempts=30\n");
        load(m, 0, MHP_WANT_NONE, 30, NULL);
        tree_file(&m->t, "etc/mhpd.conf.d/99-d.conf.dpkg-old", "[Teardown]\nAttempts=99\n");
        tree_file(&m->t, "etc/mhpd.conf.d/.99-e.conf", "[Teardown]\nAttempts=99\n");
        tree_file(&m->t, "etc/mhpd.conf.d/.conf", "[Teardown]\nAttempts=99\n");
        load(m, 0, MHP_WANT_NONE, 30, NULL);
        tree_drop(&m->t, "etc/mhpd.conf.d/30-c.conf");
        tree_file(&m->t, "etc/mhpd.conf.d/20-b.conf", ""); /* hides the vendor's */
        load(m, 0, MHP_WANT_NONE, 10, NULL);
        tree_link(&m->t, "etc/mhpd.conf.d/40-null.conf", "/dev/null");
        load(m, 0, MHP_WANT_NONE, 10, NULL);
}

static void test_bad_files(void **state) {
        struct machine *m = *state;

        tree_dir(&m->t, "etc/mhpd.conf");
        load(m, -EBADMSG, 0, 0, "/etc/mhpd.conf: ");
        tree_drop(&m->t, "etc/mhpd.conf");

        tree_file(&m->t, "etc/mhpd.conf", "[Online]\nSpeed=1\nnonsense\n");
        load(m, -EBADMSG, 0, 0, "/etc/mhpd.conf:3: ");
        tree_file(&m->t, "etc/mhpd.conf", "[Online]\nSpeed=1\n");
        load(m, 0, MHP_WANT_AUTO, 5, "/etc/mhpd.conf:2: [Online] Speed= is not known");

        tree_dir(&m->t, "etc/mhpd.conf.d/10-a.conf");
        load(m, -EBADMSG, 0, 0, "/etc/mhpd.conf.d/10-a.conf: ");
        tree_drop(&m->t, "etc/mhpd.conf.d");
        tree_file(&m->t, "etc/mhpd.conf.d", "");
        load(m, -EBADMSG, 0, 0, "mhpd.conf.d");
}

/* 1 MiB of noise. */
static void test_noise(void **state) {
        struct machine *m = *state;
        char path[256], noise[4096];
        unsigned x = 1;
        FILE *f;

        tree_dir(&m->t, "etc");
        (void) snprintf(path, sizeof(path), "%s/mhpd.conf", m->etc);
        f = fopen(path, "we");
        assert_non_null(f);
        for (unsigned i = 0; i < 256; i++) {
                for (size_t j = 0; j < sizeof(noise); j++)
                        noise[j] = (char) ((x = x * 1103515245 + 12345) >> 16);
                assert_int_equal(fwrite(noise, 1, sizeof(noise), f), sizeof(noise));
        }
        fclose(f);
        load(m, -EBADMSG, 0, 0, "/etc/mhpd.conf: the file has 1048576 bytes; allowed are 262144");
}

static void test_unreadable(void **state) {
        struct machine *m = *state;
        char path[256];

        tree_file(&m->t, "etc/mhpd.conf", "[Online]\n");
        (void) snprintf(path, sizeof(path), "%s/mhpd.conf", m->etc);
        assert_int_equal(truncate(path, 20 << 20), 0);
        load(m, -EBADMSG, 0, 0, "/etc/mhpd.conf: ");
}

/* The sample file has every key as a remark: it changes nothing, and uncommented it warns of nothing. */
#ifdef SAMPLE
static void test_sample(void **state) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;
        static char text[65536];
        FILE *f = fopen(SAMPLE, "re");
        size_t n;

        assert_non_null(f);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        mhp_config_init(&config);
        assert_int_equal(mhp_conf_parse("sample", text, n, &config, &warnings), 0);
        assert_int_equal(warnings.n, 0);
}
#endif

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken), cmocka_unit_test(test_refused), cmocka_unit_test(test_long), cmocka_unit_test(test_rule_name),
                cmocka_unit_test(test_many_warnings), T(test_files), T(test_dropins), T(test_bad_files), T(test_noise), T(test_unreadable),
#ifdef SAMPLE
                cmocka_unit_test(test_sample),
#endif
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
