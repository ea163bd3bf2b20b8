/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "map-random.h"
#include "model/map-text.h"

#define HEAD "map 1\nblock-size 134217728\n"

static struct mhp_map *parse(const char *s, size_t len) {
        struct mhp_map *map = NULL;
        unsigned line = 0;
        int r = mhp_map_parse(s, len, &map, &line);

        if (r < 0)
                fail_msg("line %u: %d in:\n%s", line, r, s);
        return map;
}

/* Texts in the form in which they are printed. */
static void test_round_trip(void **state) {
        static const char *const rows[] = {
                HEAD,
                HEAD "scanned\n",
                HEAD "block 0 unknown\n",
                HEAD "block 0-7 online zone=none node=0 group=boot goal=kernel reason=found-online\n"
                     "block 32-47 offline valid=Normal,Movable node=0 group=acpi:PNP0C80:00 goal=movable reason=rule rule=1 flags=settled,arrived\n"
                     "group acpi:PNP0C80:00 goal=movable reason=rule rule=1\n",
                HEAD "block 8192-8193 online zone=Movable node=1023\n", /* arm64 with 16K pages starts here */
                HEAD "block 4294967294 offline\n",
                HEAD "block 0 online zone=DMA node=0 nodes=2\n",
                HEAD "block 0 online zone=DMA nodes=2\n",
                HEAD "block 0 offline valid=DMA,DMA32,Normal,HighMem,Movable,Device\n",
                HEAD "block 0 going-offline zone=Movable\n",
                HEAD "block 0 offline goal=movable attempts=255 error=65535 retry-at=18446744073709551615 flags=settled,gave-up\n",
                HEAD "block 0 online flags=settled,busy,repaired,repairing,gave-up,arrived,ours,hands-off\n",
                HEAD "block 0 offline group=a\\x20b\\x5cc\\x01:d\n",
                HEAD "block 0 offline group=virtio-mem:virtio0 source=other\n",
                HEAD "block 255-256 offline\nblock 258-512 offline\n",
        };

        ROWS(row, rows) {
                _cleanup_map_ struct mhp_map *map = parse(*row, strlen(*row));
                _cleanup_free_ char *s = NULL;

                assert_true(mhp_map_consistent(map));
                assert_int_equal(mhp_map_print(map, &s), 0);
                assert_string_equal(s, *row);
        }
}

/* Texts as people write them, and what they are printed as. */
static void test_lenient(void **state) {
        static const char *const rows[][2] = {
                { "\n# a comment\n \t\n  map\t1\n\n#block\nblock-size  1048576", "map 1\nblock-size 1048576\n" },
                { HEAD "block 3 online\nblock 1-2 online\n", HEAD "block 1-3 online\n" },
                { HEAD "block 1 offline flags=arrived,settled valid=Movable,Normal,Movable", HEAD "block 1 offline valid=Normal,Movable flags=settled,arrived\n" },
                { HEAD "block 1 offline group=acpi:x source=acpi node=0 nodes=1 rule=0", HEAD "block 1 offline node=0 group=acpi:x\n" },
                { HEAD "block 1 offline group=\\x61cpi:x goal=none reason=requested\n", HEAD "block 1 offline group=acpi:x goal=none reason=requested\n" },
                { HEAD "block 1 offline group=b:\xc3\xa4\nblock 2 offline group=a:1\ngroup b:\xc3\xa4 goal=kernel\ngroup a:1 goal=movable\n",
                  HEAD "block 1 offline group=b:\xc3\xa4\nblock 2 offline group=a:1\ngroup a:1 goal=movable\ngroup b:\xc3\xa4 goal=kernel\n" },
        };

        ROWS(row, rows) {
                _cleanup_map_ struct mhp_map *map = parse((*row)[0], strlen((*row)[0]));
                _cleanup_free_ char *s = NULL;

                assert_int_equal(mhp_map_print(map, &s), 0);
                assert_string_equal(s, (*row)[1]);
        }
}

#define SIXTY_FOUR "1234567890123456789012345678901234567890123456789012345678901234"

static void test_bad(void **state) {
        static const struct {
                const char *in;
                int r;
                unsigned line;
        } rows[] = {
                { "", -EINVAL, 1 },
                { "\n\n", -EINVAL, 3 },
                { "map 1\n", -EINVAL, 2 },
                { "map 2\nblock-size 134217728\n", -EINVAL, 1 },
                { "map\n", -EINVAL, 1 },
                { "map 1 2\n", -EINVAL, 1 },
                { "map 18446744073709551616\n", -EINVAL, 1 },
                { "block-size 134217728\n", -EINVAL, 1 },
                { "map 1\nblock 0 online\n", -EINVAL, 2 },
                { "map 1\nblock-size 0\n", -EINVAL, 2 },
                { "map 1\nblock-size 134217727\n", -EINVAL, 2 },
                { "map 1\nblock-size 65536\n", -EINVAL, 2 },
                { "map 1\nblock-size 18446744073709551616\n", -EINVAL, 2 },
                { "map 1\nblock-size 0x8000000\n", -EINVAL, 2 },
                { HEAD "map 1\n", -EINVAL, 3 },
                { HEAD "block-size 134217728\n", -EINVAL, 3 },
                { HEAD "scanned yes\n", -EINVAL, 3 },
                { HEAD "nonsense\n", -EINVAL, 3 },
                { HEAD "block\n", -EINVAL, 3 },
                { HEAD "block 1\n", -EINVAL, 3 },
                { HEAD "block 1 sideways\n", -EINVAL, 3 },
                { HEAD "block - online\n", -EINVAL, 3 },
                { HEAD "block 5-3 online\n", -EINVAL, 3 },
                { HEAD "block 5- online\n", -EINVAL, 3 },
                { HEAD "block -5 online\n", -EINVAL, 3 },
                { HEAD "block 32--39 online\n", -EINVAL, 3 },
                { HEAD "block 1,2 online\n", -EINVAL, 3 },
                { HEAD "block 4294967295 online\n", -EINVAL, 3 },
                { HEAD "block 18446744073709551616 online\n", -EINVAL, 3 },
                { HEAD "block 1 online\nblock 1 online\n", -EINVAL, 4 },
                { HEAD "block 1-5 online\n\n#\nblock 5-6 offline\n", -EINVAL, 6 },
                { HEAD "block 1 online zone\n", -EINVAL, 3 },
                { HEAD "block 1 online zone=\n", -EINVAL, 3 },
                { HEAD "block 1 online zone=movable\n", -EINVAL, 3 },
                { HEAD "block 1 online zone=Movable zone=Movable\n", -EINVAL, 3 },
                { HEAD "block 1 online colour=red\n", -EINVAL, 3 },
                { HEAD "block 1 online =\n", -EINVAL, 3 },
                { HEAD "block 1 offline valid=\n", -EINVAL, 3 },
                { HEAD "block 1 offline valid=Normal,\n", -EINVAL, 3 },
                { HEAD "block 1 offline node=-1\n", -EINVAL, 3 },
                { HEAD "block 1 offline node=1024\n", -EINVAL, 3 },
                { HEAD "block 1 offline nodes=256\n", -EINVAL, 3 },
                { HEAD "block 1 offline goal=auto\n", -EINVAL, 3 },
                { HEAD "block 1 offline goal=movable reason=because\n", -EINVAL, 3 },
                { HEAD "block 1 offline rule=256\n", -EINVAL, 3 },
                { HEAD "block 1 offline attempts=256\n", -EINVAL, 3 },
                { HEAD "block 1 offline error=65536\n", -EINVAL, 3 },
                { HEAD "block 1 offline retry-at=18446744073709551616\n", -EINVAL, 3 },
                { HEAD "block 1 offline flags=seen\n", -EINVAL, 3 },
                { HEAD "block 1 offline flags=,\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=" SIXTY_FOUR "\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=a\\\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=a\\x\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=a\\x2\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=a\\x00\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=a\\xzz\n", -EINVAL, 3 },
                { HEAD "block 1 offline source=nowhere\n", -EINVAL, 3 },
                { HEAD "block 1 offline\r\n", -EINVAL, 3 },
                { HEAD "block 1 offline group=boot\ngroup\n", -EINVAL, 4 },
                { HEAD "block 1 offline group=boot\ngroup boot zone=Movable\n", -EINVAL, 4 },
                { HEAD "block 1 offline group=boot\ngroup acpi:x goal=movable\n", -EINVAL, 4 },
                { HEAD "group boot goal=movable\nblock 1 offline group=boot\n", -EINVAL, 3 },
                { HEAD "block 0-4294967294 online\n", -E2BIG, 3 },
                { HEAD "block 0-9 online\nblock 10-4194304 online\n", -E2BIG, 4 },
        };

        ROWS(row, rows) {
                struct mhp_map *map = (struct mhp_map *) 1;
                unsigned line = 0;

                ROW_INT(row->in, mhp_map_parse(row->in, strlen(row->in), &map, &line), row->r);
                ROW_INT(row->in, line, row->line);
                assert_ptr_equal(map, (void *) 1);
                ROW_INT(row->in, mhp_map_parse(row->in, strlen(row->in), &map, NULL), row->r);
        }
}

static void test_nul(void **state) {
        static const char text[] = HEAD "block 1 online\0 zone=Movable\n";
        static const char comment[] = HEAD "# \0\n";
        struct mhp_map *map = NULL;
        unsigned line = 0;

        assert_int_equal(mhp_map_parse(text, sizeof(text) - 1, &map, &line), -EINVAL);
        assert_int_equal(line, 3);
        assert_int_equal(mhp_map_parse(comment, sizeof(comment) - 1, &map, &line), -EINVAL);
        /* What lies behind the length is not looked at. */
        assert_int_equal(mhp_map_parse(text, strlen(HEAD), &map, &line), 0);
        assert_int_equal(mhp_map_n_blocks(map), 0);
        mhp_map_free(map);
}

/* Few bytes that ask for much memory: each block in a chunk of its own. */
static void test_sparse(void **state) {
        struct mhp_text text = {};
        _cleanup_free_ char *s = NULL;
        struct mhp_map *map = NULL;
        unsigned line = 0;

        mhp_text_add(&text, HEAD);
        for (uint64_t i = 0; i < 100000; i++) {
                mhp_text_add(&text, "block ");
                mhp_text_u64(&text, i * 1000);
                mhp_text_add(&text, " online\n");
        }
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        assert_int_equal(mhp_map_parse(s, strlen(s), &map, &line), -E2BIG);
        assert_true(line > 30000 && line < 40000);
}

static void test_random(void **state) {
        uint64_t seed = 42;

        print_message("seed %llu\n", (unsigned long long) seed);
        for (unsigned round = 0; round < 40; round++) {
                _cleanup_map_ struct mhp_map *map = NULL, *again = NULL;
                _cleanup_free_ char *s = NULL, *t = NULL;

                assert_int_equal(mhp_map_new(UINT64_C(1) << 27, &map), 0);
                for (unsigned i = 0; i < 1500; i++) {
                        struct mhp_reading reading;
                        char name[MHP_GROUP_NAME_MAX];
                        struct mhp_event event = random_event(&seed, &reading, name);

                        assert_true(mhp_map_apply(map, &event) >= 0);
                }
                assert_int_equal(mhp_map_print(map, &s), 0);
                again = parse(s, strlen(s));
                assert_true(mhp_map_consistent(again));
                assert_int_equal(mhp_map_print(again, &t), 0);
                assert_string_equal(s, t);
                assert_memory_equal(&map->total, &again->total, sizeof(map->total));
                for (unsigned q = 0; q < _MHP_QUEUE_MAX; q++)
                        assert_int_equal(map->queues[q].n, again->queues[q].n);
        }
}

/* The worst map to print: no two neighbours alike. */
static void test_alternating(void **state) {
        struct mhp_text text = {};
        _cleanup_free_ char *s = NULL, *t = NULL;
        _cleanup_map_ struct mhp_map *map = NULL;

        mhp_text_add(&text, HEAD);
        for (uint64_t i = 0; i < 32768; i++) {
                mhp_text_add(&text, "block ");
                mhp_text_u64(&text, i);
                mhp_text_add(&text, i % 2 ? " online zone=Movable node=0\n" : " online zone=Normal node=0\n");
        }
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        map = parse(s, strlen(s));
        assert_int_equal(mhp_map_print(map, &t), 0);
        assert_string_equal(s, t);
}

static void test_block_line(void **state) {
        static const char line[] = "block 32-47 offline valid=Movable node=1 group=virtio-mem:virtio0 flags=settled trailing";
        struct mhp_block_line got = { .range = { 7, 7 } };

        assert_int_equal(mhp_block_line_parse(line, strlen(line), &got), -EINVAL);
        assert_int_equal(got.range.first, 7);
        assert_int_equal(mhp_block_line_parse(line, strlen(line) - strlen(" trailing"), &got), 0);
        assert_int_equal(got.range.first, 32);
        assert_int_equal(got.range.last, 47);
        assert_int_equal(got.block.state, MHP_STATE_OFFLINE);
        assert_int_equal(got.block.valid, MHP_ZONE_BIT(MHP_ZONE_MOVABLE));
        assert_int_equal(got.block.node, 1);
        assert_int_equal(got.block.n_nodes, 1);
        assert_int_equal(got.block.flags, MHP_BLOCK_SETTLED);
        assert_string_equal(got.group, "virtio-mem:virtio0");
        assert_int_equal(got.source, MHP_SOURCE_VIRTIO_MEM);

        assert_int_equal(mhp_block_line_parse("block 0 online", 14, &got), 0);
        assert_int_equal(got.block.node, -1);
        assert_int_equal(got.block.n_nodes, 0);
        assert_string_equal(got.group, "");
        assert_int_equal(got.source, MHP_SOURCE_UNKNOWN);
        assert_int_equal(mhp_block_line_parse("block 4294967295 online", 23, &got), -ERANGE);
}

/* The public walk. */
static void test_walk(void **state) {
        static const char text[] = HEAD "block 3 offline node=1 group=dax:dax0.0\nblock 4294967294 online zone=Movable\n";
        _cleanup_map_ struct mhp_map *map = parse(text, strlen(text));
        struct mhp_block_info info;
        uint64_t block = 0;

        assert_int_equal(mhp_map_n_blocks(map), 2);
        assert_true(mhp_map_block_size(map) == UINT64_C(1) << 27);

        assert_int_equal(mhp_map_next(map, &block, &info), 1);
        assert_true(block == 4 && info.block == 3 && info.address == UINT64_C(3) << 27 && info.size == UINT64_C(1) << 27);
        assert_int_equal(info.state, MHP_STATE_OFFLINE);
        assert_int_equal(info.zone, MHP_ZONE_UNSET);
        assert_int_equal(info.node, 1);
        assert_int_equal(info.source, MHP_SOURCE_DAX);
        assert_string_equal(info.group, "dax:dax0.0");

        assert_int_equal(mhp_map_next(map, &block, &info), 1);
        assert_true(info.block == MHP_BLOCK_MAX && info.address == (uint64_t) MHP_BLOCK_MAX << 27);
        assert_int_equal(info.source, MHP_SOURCE_UNKNOWN);
        assert_int_equal(info.node, -1);
        assert_null(info.group);

        assert_int_equal(mhp_map_next(map, &block, &info), 0);
        assert_true(info.block == MHP_BLOCK_MAX);
        block = UINT64_MAX;
        assert_int_equal(mhp_map_next(map, &block, &info), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_lenient),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_nul),
                cmocka_unit_test(test_sparse),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_alternating),
                cmocka_unit_test(test_block_line),
                cmocka_unit_test(test_walk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
