/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>

#include "base/range.h"
#include "edge/teardown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fuzz_string(data, size);
        struct mhp_teardown said = { .error = -1 };
        int r = mhp_teardown_parse(s, &said);

        MUST(r == 0 || r == -EINVAL);
        if (r < 0)
                MUST(said.error == -1);
        else
                MUST(!said.failed || (said.error > 0 && said.error <= 4095 && said.block <= MHP_BLOCK_MAX));
        return 0;
}
