/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/conf-file.h"
#include "edge/conf-line.h"
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

/* What a line is, and which piece of it counts. */
static void test_lines(void **state) {
        static const struct {
                const char *line;
                enum mhp_conf_kind kind;
                const char *piece; /* or what was expected, of a bad one */
        } rows[] = {
                { "", MHP_CONF_BLANK, "" },
                { " \t ", MHP_CONF_BLANK, "" },
                { "\r", MHP_CONF_BLANK, "" },
                { "# Zone=none", MHP_CONF_BLANK, "" },
                { ";Zone=none", MHP_CONF_BLANK, "" },
                { "  # Zone=none\r", MHP_CONF_BLANK, "" },
                { "#\x0c", MHP_CONF_BLANK, "" },
                { "[Online]", MHP_CONF_SECTION, "Online" },
                { "[Online]\r", MHP_CONF_SECTION, "Online" },
                { "  [Online]  ", MHP_CONF_SECTION, "Online" },
                { "[ Online ]", MHP_CONF_SECTION, "Online" },
                { "[Online] # why", MHP_CONF_SECTION, "Online" },
                { "[Online]; why", MHP_CONF_SECTION, "Online" },
                { "[]", MHP_CONF_SECTION, "" },
                { "[Rule a b]", MHP_CONF_SECTION, "Rule a b" },
                { "[Rule a#b;c]", MHP_CONF_SECTION, "Rule a#b;c" },
                { "[Rule a=b:c]", MHP_CONF_SECTION, "Rule a=b:c" },
                { "[Rule gro\xc3\x9f]", MHP_CONF_SECTION, "Rule gro\xc3\x9f" },
                { "[", MHP_CONF_BAD_SECTION, "a closing bracket, as in [SECTION]" },
                { "[Online", MHP_CONF_BAD_SECTION, "a closing bracket, as in [SECTION]" },
                { "[Online Zone=none", MHP_CONF_BAD_SECTION, "a closing bracket, as in [SECTION]" },
                { "[Online] Zone=none", MHP_CONF_BAD_SECTION, "nothing behind the closing bracket" },
                { "[Online]]", MHP_CONF_BAD_SECTION, "nothing behind the closing bracket" },
                { "[Rule a #1]", MHP_CONF_BAD_SECTION, "a name without # or ; behind a blank" },
                { "[Rule a ;1]", MHP_CONF_BAD_SECTION, "a name without # or ; behind a blank" },
                { "[Rule a\x1b]", MHP_CONF_BAD_SECTION, "no control characters" },
                { "[Online]\rZone=none", MHP_CONF_BAD_SECTION, "lines that end with a newline" },
                { "[Rule 45-bytes-and-so-one-too-much-for-a-section-aa]", MHP_CONF_BAD_SECTION, "a section's name of at most 49 bytes" },
                { "Zone=none", MHP_CONF_KEY, "Zone=none" },
                { "Zone=none\r", MHP_CONF_KEY, "Zone=none" },
                { "Zone = none", MHP_CONF_KEY, "Zone = none" },
                { "\tZone=none  ", MHP_CONF_KEY, "Zone=none" },
                { "Zone=", MHP_CONF_KEY, "Zone=" },
                { "Zone=none # why", MHP_CONF_KEY, "Zone=none" },
                { "Zone=none\t; why", MHP_CONF_KEY, "Zone=none" },
                { "Zone=none#why", MHP_CONF_KEY, "Zone=none#why" },
                { "Zone= # why", MHP_CONF_KEY, "Zone=" },
                { "Zone=a:b", MHP_CONF_KEY, "Zone=a:b" },
                { "Zone==none", MHP_CONF_KEY, "Zone==none" },
                { "Zone=\xc3\xa4", MHP_CONF_KEY, "Zone=\xc3\xa4" },
                { "Zone", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "Zone none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "Zone: none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "Zone:=none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "Zone # =none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "=none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { " = none", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "\xef\xbb\xbf[Online]", MHP_CONF_BAD, "[SECTION] or KEY=VALUE" },
                { "Zone=no\x01ne", MHP_CONF_BAD, "no control characters" },
                { "Zone=none\rBy=mhpd", MHP_CONF_BAD, "lines that end with a newline" },
                { "# a file of the old Macintosh\r[Online]\rZone=none\r", MHP_CONF_BAD, "lines that end with a newline" },
        };

        ROWS(row, rows) {
                struct mhp_conf_line line = mhp_conf_line(row->line, strlen(row->line));

                ROW_INT(row->line, line.kind, row->kind);
                if (line.expected)
                        ROW_STR(row->line, line.expected, row->piece);
                else if (line.len != strlen(row->piece) || memcmp(line.piece, row->piece, line.len) != 0)
                        fail_msg("row \"%s\": the piece is \"%.*s\"", row->line, (int) line.len, line.piece);
        }
}

/* A text, and the one warning that it gives, if any: its beginning up to `...`, then its end. */
static void check_warning(const char *text, const struct mhp_conf_warnings *warnings, const char *wanted) {
        const char *gap = wanted ? strstr(wanted, "...") : NULL, *got;
        size_t n;

        ROW_INT(text, warnings->n, wanted != NULL);
        if (!wanted)
                return;
        got = warnings->text[0];
        n = gap ? (size_t) (gap - wanted) : strlen(wanted);
        if (strncmp(got, wanted, n) != 0 || (gap && (strlen(got) < strlen(gap + 3) || strcmp(got + strlen(got) - strlen(gap + 3), gap + 3) != 0)))
                fail_msg("row \"%s\": warned \"%s\"", text, got);
}

static void test_taken(void **state) {
        static const struct {
                const char *text;
                const char *warning;
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
                { "[Online]\nZone=movable\n[Teardown]\nAttempts=4\n[Online]\nMovableRatio=9\n", NULL, MHP_WANT_MOVABLE, 9, 4 },
                { "[Online]\nZone=movable\n   # a remark\n\t; another\n  \t \n", NULL, MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\nZone=kernel\n   ", NULL, MHP_WANT_KERNEL, 301, 5 },
                { "[Online] # a remark\n  Zone=kernel # another\n\tMovableRatio=9 ; another\n", NULL, MHP_WANT_KERNEL, 9, 5 },
                { "[Online]\nZone=fast\nMovableRatio=50\n",
                  "conf:2: invalid Zone \"fast\": expected auto, movable, kernel or none; Zone=auto is in force, the default", MHP_WANT_AUTO, 50, 5 },
                { "[Online]\nZone=fast\nZone=kernel\n", "conf:2: invalid Zone \"fast\": ...; Zone=kernel is in force", MHP_WANT_KERNEL, 301, 5 },
                { "[Online]\n\n\nMovableRatio=-1\n", "conf:4: invalid MovableRatio \"-1\": expected ...; MovableRatio=301 is in force, the default", MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nZone=\n", "conf:2: invalid Zone \"\": ...", MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nZone=kernel#why\n", "conf:2: invalid Zone \"kernel#why\": ...", MHP_WANT_AUTO, 301, 5 },
                { "[Online]\nSpeed=1\nZone=none\n", "conf:2: unknown key \"Speed\" in [Online]: expected By, ...; the line is not used", MHP_WANT_NONE, 301, 5 },
                { "[Online]\nzone=movable\n", "conf:2: unknown key \"zone\" in [Online]: ...", MHP_WANT_AUTO, 301, 5 },
                { "[Offline]\nZone=movable\nx\n[Teardown]\nAttempts=7\n", "conf:1: unknown section [Offline]: expected [Online], ...; the section is not used", MHP_WANT_AUTO, 301, 7 },
                { "[online]\nZone=movable\n", "conf:1: unknown section [online]: ...", MHP_WANT_AUTO, 301, 5 },
                { "[Rule]\nZone=movable\n", "conf:1: unknown section [Rule]: ...", MHP_WANT_AUTO, 301, 5 },
                { "[]\nZone=movable\n", "conf:1: unknown section []: ...", MHP_WANT_AUTO, 301, 5 },
                { "Zone=movable\n[Online]\nMovableRatio=7", "conf:1: Zone= before any section: expected [Online], ...; the line is not used", MHP_WANT_AUTO, 7, 5 },
                { "[Teardown]\nAttempts=4\nAttempts=0\n", "conf:3: invalid Attempts \"0\": expected a number from 1 to 100; Attempts=4 is in force", MHP_WANT_AUTO, 301, 4 },
                { "[Teardown]\nAttempts=99999999999999999999\n", "conf:2: invalid Attempts ...", MHP_WANT_AUTO, 301, 5 },
                /* A line that cannot be used costs that line. */
                { "[Online]\nZone\nMovableRatio=7\n", "conf:2: invalid line \"Zone\": expected [SECTION] or KEY=VALUE; the line is not used", MHP_WANT_AUTO, 7, 5 },
                { "[Online]\nnonsense\nZone=movable\n[Teardown]\nAttempts=9\n", "conf:2: invalid line \"nonsense\": ...", MHP_WANT_MOVABLE, 301, 9 },
                { "[Online]\nZone: movable\nMovableRatio=7\n", "conf:2: invalid line \"Zone: movable\": ...", MHP_WANT_AUTO, 7, 5 },
                { "nonsense\n[Online]\nZone=movable\n", "conf:1: invalid line ...", MHP_WANT_MOVABLE, 301, 5 },
                { "[Online]\nZone=mov\x01" "able\nMovableRatio=7\n", "conf:2: invalid line \"Zone=mov?able\": expected no control characters; ...", MHP_WANT_AUTO, 7, 5 },
                { "[Online]\nMovableRatio=9\n\xef\xbb\xbfZone=none\n", "conf:3: unknown key \"\xef\xbb\xbfZone\" ...", MHP_WANT_AUTO, 9, 5 },
                { "[Online]\nMovableRatio=9\nZone=\xc2\x9b\n", "conf:3: invalid Zone \"?\": ...", MHP_WANT_AUTO, 9, 5 },
                /* The head of a section costs the section: its keys must not go to the one before. */
                { "[Online]\nZone=kernel\n[Teardown\nZone=none\nnonsense\n[Teardown]\nAttempts=9\n",
                  "conf:3: invalid line \"[Teardown\": expected a closing bracket, ...; the section is not used", MHP_WANT_KERNEL, 301, 9 },
                { "[Online] Zone=none\nZone=kernel\n[Teardown]\nAttempts=9", "conf:1: invalid line ...; the section is not used", MHP_WANT_AUTO, 301, 9 },
        };

        ROWS(row, rows) {
                _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
                _cleanup_config_ struct mhp_config config;

                mhp_config_init(&config);
                ROW_INT(row->text, mhp_conf_parse("conf", row->text, strlen(row->text), &config, &warnings), MHP_CONF_READ);
                check_warning(row->text, &warnings, row->warning);
                ROW_INT(row->text, config.zone, row->zone);
                ROW_INT(row->text, config.movable_ratio, row->ratio);
                ROW_INT(row->text, config.attempts, row->attempts);
        }
}

/* Which rules are left, and the warning. */
static void test_rules(void **state) {
        static const struct {
                const char *text, *rules, *warning;
        } rows[] = {
                { "[Rule a]\nZone=none\n", "a ", NULL },
                { "[Rule  a ]\nZone=none\n[Rule b]\nZone=kernel\nNode=1\n", "a b ", "conf:3: [Rule b] is never asked: expected it before [Rule a], which fits all that it fits" },
                { "[Rule b]\nNode=1\nZone=kernel\n[Rule a]\nZone=none\n", "b a ", NULL },
                { "[Rule a]\nSource=acpi\n[Rule b]\nNode=0-3\n[Rule c]\nNode=4\n", "a b c ", NULL },
                { "[Rule a]\nSource=acpi,dax\nZone=none\n[Rule b]\nSource=dax\nZone=none\n", "a b ", "conf:4: [Rule b] is never asked: ..." },
                { "[Rule a]\nSource=dax\nZone=none\n[Rule b]\nSource=acpi,dax\nZone=none\n", "a b ", NULL },
                { "[Rule a]\nNode=0-3,5\nZone=none\n[Rule b]\nNode=1,5\nZone=none\n", "a b ", "conf:4: [Rule b] is never asked: ..." },
                { "[Rule a]\nNode=0-3,5\nZone=none\n[Rule b]\nNode=3-5\nZone=none\n", "a b ", NULL },
                { "[Rule a]\nMinSize=1G\nZone=none\n[Rule b]\nMinSize=2G\nZone=none\n", "a b ", "conf:4: [Rule b] is never asked: ..." },
                { "[Rule a]\nMaxSize=1G\nZone=none\n[Rule b]\nMaxSize=2G\nZone=none\n", "a b ", NULL },
                { "[Rule a]\nMinSize=4G\nMaxSize=1G\nZone=none\n[Rule b]\nMinSize=2G\nZone=none\n", "a b ", "conf:1: [Rule a] fits nothing: expected a MaxSize above 0 and not below MinSize" },
                { "[Rule a]\nMaxSize=0\nZone=none\n", "a ", "conf:1: [Rule a] fits nothing: ..." },
                { "[Rule a]\nMinSize=2GiB\nMaxSize=2gb\nZone=none\n", "a ", NULL },
                { "[Rule a]\n[Rule b]\nZone=none\n", "b ", "conf:1: [Rule a] has no key that can be used: ...; the rule is not used" },
                { "[Rule a]\nNode=1\nZone=none\n[Rule b]\nNode=2\n[Rule a]\nNode=3\n", "a b ", "conf:6: second [Rule a]: expected a name of its own; ..." },
                /* Without the condition it would fit more than was meant. */
                { "[Rule a]\nSource=acpii\nZone=none\n", "", "conf:2: invalid Source \"acpii\": ...; the rule is not used" },
                { "[Rule a]\nZone=none\nMinSize=4 G\n[Rule b]\nNode=1\n", "b ", "conf:3: invalid MinSize \"4 G\": expected a size, ...; the rule is not used" },
                { "[Rule a]\nZone=none\nSoruce=acpi\n", "", "conf:3: unknown key \"Soruce\" in [Rule a]: expected Source, ...; the rule is not used" },
                { "[Rule a]\nSource acpi\nZone=none\n", "", "conf:2: invalid line \"Source acpi\": ...; the rule is not used" },
                { "[Rule a]\nSource=acpi,\n  dax\nZone=none\n[Rule b\nNode=1\n", "", NULL }, /* three warnings */
                /* A bad verdict is another matter: [Online] has one. */
                { "[Rule a]\nSource=acpi\nZone=fast\n", "a ", "conf:3: invalid Zone \"fast\": ...; the line is not used" },
                { "[Rule a]\nSource=acpi\nPlacement=here\nZone=none\n", "a ", "conf:3: invalid Placement \"here\": ...; the line is not used" },
                { "[Rule b\nZone=none\n[Rule a]\nNode=1\n", "a ", "conf:1: invalid line \"[Rule b\": ...; the section is not used" },
        };

        ROWS(row, rows) {
                _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
                _cleanup_config_ struct mhp_config config;
                _cleanup_text_ struct mhp_text names = { 0 };

                mhp_config_init(&config);
                ROW_INT(row->text, mhp_conf_parse("conf", row->text, strlen(row->text), &config, &warnings), MHP_CONF_READ);
                for (size_t i = 0; i < config.n_rules; i++)
                        mhp_text_printf(&names, "%s ", config.rules[i].name);
                ROW_STR(row->text, names.data ? names.data : "", row->rules);
                if (strstr(row->text, "\n  dax"))
                        ROW_INT(row->text, warnings.n, 3);
                else
                        check_warning(row->text, &warnings, row->warning);
        }
}

static void lose(const char *text, size_t len, const char *message) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;

        mhp_config_init(&config);
        assert_int_equal(mhp_conf_parse("conf", text, len, &config, &warnings), MHP_CONF_LOST);
        assert_int_equal(warnings.n, 1);
        assert_ptr_equal(warnings.lost, warnings.text[0]);
        assert_int_equal(config.zone, MHP_WANT_AUTO);
        if (strncmp(warnings.text[0], message, strlen(message)) != 0 || !strstr(warnings.text[0], "; the file is not used"))
                fail_msg("lost with \"%s\"", warnings.text[0]);
}

/* What is no text costs the file, with the line where that shows. */
static void test_no_text(void **state) {
        _cleanup_free_ char *lines = repeat("#\n", 200000);

        lose("[Online]\nZone=none\nBy=mh\0pd\n", 28, "conf:3: a byte 0x00 that is no text: expected UTF-8 without NUL");
        lose("\0", 1, "conf:1: a byte 0x00");
        lose("[Online]\nZone=none\n# f\xfcr\n", 24, "conf:3: a byte 0xfc");
        lose("[Online]\nZone=none\n\xe2\x82", 21, "conf:3: a byte 0xe2"); /* it ends within a character */
        lose("\xff\xfe[\0O\0", 6, "conf:1: a byte 0xff");                /* UTF-16 */
        lose("\x01\x02\xff\xfe", 4, "conf:1: a byte 0xff");
        lose(lines, strlen(lines), "conf: 400000 bytes: expected at most 262144");
}

/* What libinih would split or cut without a word. */
static void test_long(void **state) {
        static const char *const end = "\nMovableRatio=7\n";
        static const struct {
                const char *before;
                size_t n; /* of x behind it */
                const char *warning;
        } rows[] = {
                { "[Online]\n#", 3000, NULL },
                { "[Online]\nZone=none #", 3000, NULL },
                { "[Online]\nZone=", 185, "conf:2: invalid Zone \"xxx..." },
                { "[Online]\nZone=", 186, "conf:2: invalid line \"Zone=xxx...: expected at most 190 bytes; the line is not used" },
                { "[Online]\nZone=", 100000, "conf:2: invalid line \"Zone=xxx...: expected at most 190 bytes; the line is not used" },
                { "[Online]\n", 100000, "conf:2: invalid line \"xxx...: expected [SECTION] or KEY=VALUE; the line is not used" },
        };

        ROWS(row, rows) {
                _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
                _cleanup_config_ struct mhp_config config;
                _cleanup_free_ char *x = repeat("x", row->n);
                _cleanup_text_ struct mhp_text text = { 0 };

                mhp_config_init(&config);
                mhp_text_printf(&text, "%s%s%s", row->before, x, end);
                ROW_INT(row->before, mhp_conf_parse("conf", text.data, text.len, &config, &warnings), MHP_CONF_READ);
                check_warning(row->before, &warnings, row->warning);
                ROW_INT(row->before, config.movable_ratio, 7);
        }
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
        assert_int_equal(warnings.n, 1); /* of the third section, which is the first again */
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
        assert_string_equal(warnings.text[100], "there are more warnings than these");
}

static void load(struct machine *m, int r, enum mhp_want zone, unsigned attempts, const char *last) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        _cleanup_config_ struct mhp_config config;

        mhp_config_init(&config);
        config.retry_max = 77;
        assert_int_equal(mhp_conf_load(m->etc, m->vendor, &config, &warnings), r);
        assert_int_equal(warnings.lost != NULL, r == MHP_CONF_LOST);
        if (last) {
                assert_true(warnings.n > 0);
                if (!strstr(warnings.text[warnings.n - 1], last))
                        fail_msg("the last warning is \"%s\"", warnings.text[warnings.n - 1]);
        } else
                assert_int_equal(warnings.n, 0);
        assert_int_equal(config.retry_max, 60 * USEC_PER_SEC);
        assert_int_equal(config.zone, zone);
        assert_int_equal(config.attempts, attempts);
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

/* A file that is lost costs what it says, and nothing else. */
static void test_bad_files(void **state) {
        struct machine *m = *state;

        tree_file(&m->t, "vendor/mhpd.conf", "[Teardown]\nAttempts=3\n");
        tree_file(&m->t, "vendor/mhpd.conf.d/20-b.conf", "[Online]\nZone=kernel\n");
        tree_dir(&m->t, "etc/mhpd.conf");
        load(m, MHP_CONF_LOST, MHP_WANT_KERNEL, 5, "/etc/mhpd.conf: cannot be read: it is a directory: expected a file of text; the file is not used");
        tree_drop(&m->t, "etc/mhpd.conf");

        tree_file(&m->t, "etc/mhpd.conf", "[Teardown]\nAttempts=4\nnonsense\n");
        load(m, MHP_CONF_READ, MHP_WANT_KERNEL, 4, "/etc/mhpd.conf:3: invalid line \"nonsense\"");
        tree_file(&m->t, "etc/mhpd.conf", "[Teardown]\nAttempts=4\n# f\xfcr\n");
        load(m, MHP_CONF_LOST, MHP_WANT_KERNEL, 5, "/etc/mhpd.conf:3: a byte 0xfc");
        tree_file(&m->t, "etc/mhpd.conf", "[Teardown]\nAttempts=4\n");

        tree_dir(&m->t, "etc/mhpd.conf.d/10-a.conf");
        load(m, MHP_CONF_LOST, MHP_WANT_KERNEL, 4, "/etc/mhpd.conf.d/10-a.conf: cannot be read");
        tree_drop(&m->t, "etc/mhpd.conf.d/10-a.conf");
        tree_dir(&m->t, "etc/mhpd.conf.d/20-b.conf"); /* hides the vendor's all the same */
        load(m, MHP_CONF_LOST, MHP_WANT_AUTO, 4, "/etc/mhpd.conf.d/20-b.conf: cannot be read");
        tree_drop(&m->t, "etc/mhpd.conf.d");
        tree_file(&m->t, "etc/mhpd.conf.d", "");
        load(m, MHP_CONF_LOST, MHP_WANT_KERNEL, 4, "/etc/mhpd.conf.d: cannot be read: Not a directory: expected a directory; no file in it is used");
}

static void make_socket(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
        memcpy(address.sun_path, path, strlen(path) + 1);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        close(fd);
}

/* None of them may hang, and each costs itself. */
static void test_no_files(void **state) {
        static const struct {
                const char *to;  /* a link to there */
                const char *why; /* NULL: it is an empty file */
        } rows[] = {
                { "/dev/null", NULL },
                { "/dev/zero", "it is not a regular file" },
                { "/dev/random", "it is not a regular file" },
                { "/nowhere", "No such file or directory" },
                { "30-c.conf", "Too many levels of symbolic links" },
                { "../fifo", "it is not a regular file" },
                { "../socket", "it is not a regular file" },
                { "..", "it is a directory" },
        };
        struct machine *m = *state;
        char path[256];

        tree_file(&m->t, "etc/mhpd.conf", "[Teardown]\nAttempts=4\n");
        tree_file(&m->t, "etc/mhpd.conf.d/40-d.conf", "[Online]\nZone=kernel\n");
        (void) snprintf(path, sizeof(path), "%s/fifo", m->etc);
        assert_int_equal(mkfifo(path, 0600), 0);
        (void) snprintf(path, sizeof(path), "%s/socket", m->etc);
        make_socket(path);
        (void) alarm(20);
        ROWS(row, rows) {
                char message[256];

                (void) snprintf(message, sizeof(message), "/etc/mhpd.conf.d/30-c.conf: cannot be read: %s", row->why ? row->why : "");
                tree_link(&m->t, "etc/mhpd.conf.d/30-c.conf", row->to);
                load(m, row->why ? MHP_CONF_LOST : MHP_CONF_READ, MHP_WANT_KERNEL, 4, row->why ? message : NULL);
                tree_drop(&m->t, "etc/mhpd.conf.d/30-c.conf");
        }
        (void) alarm(0);
}

/* Rules that a drop-in takes up again, over files. */
static void test_rule_of_two_files(void **state) {
        struct machine *m = *state;

        tree_file(&m->t, "etc/mhpd.conf", "[Rule a]\nNode=1\nZone=none\n");
        tree_file(&m->t, "etc/mhpd.conf.d/10-a.conf", "[Rule a]\nZone=kernel\n");
        load(m, MHP_CONF_READ, MHP_WANT_AUTO, 5, NULL);
        tree_file(&m->t, "etc/mhpd.conf.d/10-a.conf", "[Rule b]\nNode=1\nZone=kernel\n");
        load(m, MHP_CONF_READ, MHP_WANT_AUTO, 5, "/etc/mhpd.conf.d/10-a.conf:1: [Rule b] is never asked");
        tree_file(&m->t, "etc/mhpd.conf.d/10-a.conf", "[Rule a]\nNdoe=2\n");
        load(m, MHP_CONF_READ, MHP_WANT_AUTO, 5, "/etc/mhpd.conf.d/10-a.conf:2: unknown key \"Ndoe\" in [Rule a]");
}

/* Names of files are bytes, and warnings go to D-Bus. */
static void test_strange_name(void **state) {
        struct machine *m = *state;

        tree_file(&m->t, "etc/mhpd.conf.d/\xff\x1b.conf", "nonsense\n");
        load(m, MHP_CONF_READ, MHP_WANT_AUTO, 5, "/etc/mhpd.conf.d/\?\?.conf:1: ");
}

static void test_large_files(void **state) {
        struct machine *m = *state;
        char path[256];

        tree_file(&m->t, "etc/mhpd.conf", "[Online]\n");
        (void) snprintf(path, sizeof(path), "%s/mhpd.conf", m->etc);
        assert_int_equal(truncate(path, 1 << 20), 0);
        load(m, MHP_CONF_LOST, MHP_WANT_AUTO, 5, "/etc/mhpd.conf: 1048576 bytes: expected at most 262144");
        assert_int_equal(truncate(path, 20 << 20), 0);
        load(m, MHP_CONF_LOST, MHP_WANT_AUTO, 5, "/etc/mhpd.conf: cannot be read: it has more than 16 MiB");
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
                cmocka_unit_test(test_lines), cmocka_unit_test(test_taken), cmocka_unit_test(test_rules), cmocka_unit_test(test_no_text),
                cmocka_unit_test(test_long), cmocka_unit_test(test_rule_name), cmocka_unit_test(test_many_warnings), T(test_files), T(test_dropins),
                T(test_bad_files), T(test_no_files), T(test_rule_of_two_files), T(test_strange_name), T(test_large_files),
#ifdef SAMPLE
                cmocka_unit_test(test_sample),
#endif
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
