/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/units.h"
#include "ctl/doctor.h"
#include "edge/dimm.h"
#include "edge/names.h"

int ctl_doctor_dimm(struct ctl_doctor *doctor) {
        _cleanup_free_ struct mhp_dimm *list = NULL;
        char block[MHP_SIZE_MAX];
        size_t n;
        int r = mhp_dimm_list_refused(&doctor->root, &list, &n);

        for (size_t i = 0; i < n && r >= 0; i++) {
                _cleanup_text_ struct mhp_text evidence = {};
                struct ctl_finding_kind kind = {
                        .severity = CTL_ERROR,
                        .token = "dimm-refused",
                        .remedy = "Unplug it, and plug one whose size and address are multiples of the memory block size; the kernel log has more (`journalctl -k`).",
                };

                mhp_text_printf(&evidence, "/" NAME_ACPI_DEVICES "/%s: enabled, without a memory block", list[i].name);
                kind.evidence = evidence.data;
                r = evidence.error < 0 ? evidence.error
                                       : ctl_doctor_add(doctor, &kind, "the kernel has refused the DIMM acpi:%s: it is plugged in and enabled, and none of its memory "
                                                                       "is there; a memory block has %s",
                                                        list[i].name, mhp_format_size(block, doctor->map->block_size));
        }
        return r;
}
