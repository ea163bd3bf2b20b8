/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ring's reports, for people and for programs: journal, D-Bus signal, and the line that systemctl status shows. */

#include "core/ring.h"

struct bus;

/* The message ids are a promise; systemd/mhpd.catalog explains them. */
#define REPORT_ID_DECIDED "11c2c08bb7bd4346a6f647ede5f34fa9"
#define REPORT_ID_ONLINE "6954196b5ba94ec188244d164a0d15dc"
#define REPORT_ID_OFFLINE "dc69279b996a4f1795fc3ee4bc5e85ed"
#define REPORT_ID_FAILED "723559721d6d4d85a44dc41b547cff10"
#define REPORT_ID_GAVE_UP "6223a9e3e5f44490a51c1975be715c2b"
#define REPORT_ID_DRIFT "bc941957e65445fbb9d9ca679013f5c3"
#define REPORT_ID_REPAIRED "a0da22115f764b1cbb40eb7b76a61c80"
#define REPORT_ID_FOREIGN_OFFLINE "6f0578450ee44c19b4f468f16b78c1b4"
#define REPORT_ID_GONE "c39582dce6f0474ebd98aa5580faa1a0"
#define REPORT_ID_RESTORED "00e3579073404779a61688591dd61acb"
#define REPORT_ID_REMOVAL "a18442b3f8de4efba9fd4d48d7c42f1b"
#define REPORT_ID_REMOVED "d685e53d24f749529b63e2aa5eb6f940"
#define REPORT_ID_PLACED "6fc8af5e99f9404aad8c4a741efbced2"
#define REPORT_ID_MEMMAP "edb3d514c8bd430ea3d80683f8365255"
#define REPORT_ID_PLACEMENT "975573cc218c4e04b98a8481b6aa81ef"
#define REPORT_ID_OFFLINE_FAILED "45c1fb5878ab4403ae29131fcfd27532"
#define REPORT_ID_ZONE_CHANGED "d938fc9deaeb4822813e9e459612667f"
#define REPORT_ID_SETTLED "fadc6d738d4b4a29b882806363bca2a1"
#define REPORT_ID_KNOB "e08c10eacb5f4c7d842e55b44945c74d"
#define REPORT_ID_SET_ASIDE "e8d06240c247402dbd436f16b37e5a84"
#define REPORT_ID_UNREAD "39b0cf818e94461b87a42b3524de2b44"
#define REPORT_ID_RESCAN "86d0748fdfec4600981dfe8151a8a107"

/* The job that a report belongs to. */
struct report_job {
        uint32_t id;                         /* 0: none */
        const char *verb, *target, *result;  /* NULL: not known; result: it has not ended */
};

/* tally: what lies in the block that the report is about; NULL: not known. bus: NULL, or not connected: the journal alone. What cannot be told for lack of
 * memory is not told. */
void report(struct bus *bus, const struct mhp_step *step, const struct mhp_tally *tally, const struct report_job *job);

/* `64 blocks, 48 Movable; onlining 12`. */
void report_status(const struct mhp_ring *ring, struct mhp_text *text);

/* The sentence of a report, for tests too. */
void report_sentence(const struct mhp_step *step, struct mhp_text *text);
