/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remover.h"

/* One row a source that has a remover. */
static const struct remover {
        const char *held, *free; /* NULL: it has no switch */
        const char *hold, *release, *hand, *foreign, *no_hold, *no_hand, *stays;
} removers[_MHP_SOURCE_MAX] = {
        [MHP_SOURCE_ACPI] = {
                .held = "0",
                .free = "1",
                .hold = "ejects are vetoed, so that nobody else takes its blocks in another order",
                .release = "the veto on ejects is lifted",
                .hand = "the device is ejected",
                .foreign = "somebody else has vetoed ejects: /sys/firmware/acpi/hotplug/memory/enabled is 0",
                .no_hold = "ejects cannot be vetoed",
                .no_hand = "the device cannot be ejected",
                .stays = "the firmware did not take it out after the eject (its _OST is not 0)",
        },
        [MHP_SOURCE_VIRTIO_MEM] = {
                .held = "N",
                .free = "Y",
                .hold = "virtio-mem is told to take offline blocks only (unplug_online=N)",
                .release = "virtio-mem may take online blocks again",
                .foreign = "virtio-mem's unplug_online cannot be changed",
                .no_hold = "virtio-mem cannot be told to take offline blocks only",
                .stays = "the host has not asked for it back: a guest cannot give virtio-mem memory back by itself",
        },
        [MHP_SOURCE_DAX] = {
                .hand = "the kmem driver lets go of the device's memory",
                .foreign = "",
                .no_hold = "",
                .no_hand = "the kmem driver does not let go of the device's memory",
                .stays = "the kmem driver let go of the device's memory, and its blocks stayed",
        },
        [MHP_SOURCE_DLPAR] = {
                .hand = "the kernel gives the LMB back to the hypervisor",
                .foreign = "",
                .no_hold = "",
                .no_hand = "the kernel does not give the LMB back to the hypervisor",
                .stays = "the kernel gave the LMB back to the hypervisor, and its block stayed",
        },
};

static const struct remover *find(enum mhp_source source) {
        return (size_t) source < ELEMENTSOF(removers) ? &removers[source] : &removers[MHP_SOURCE_UNKNOWN];
}

static const char *words(const char *s) {
        return s ? s : mhp_remover_none();
}

bool mhp_remover_holds(enum mhp_source source) {
        return find(source)->hold;
}

bool mhp_remover_hands(enum mhp_source source) {
        return find(source)->hand;
}

bool mhp_remover_can(enum mhp_source source) {
        return find(source)->stays;
}

const char *mhp_remover_held(enum mhp_source source) {
        return find(source)->held;
}

const char *mhp_remover_free(enum mhp_source source) {
        return find(source)->free;
}

const char *mhp_remover_hold_words(enum mhp_source source) {
        return words(find(source)->hold);
}

const char *mhp_remover_release_words(enum mhp_source source) {
        return words(find(source)->release);
}

const char *mhp_remover_hand_words(enum mhp_source source) {
        return words(find(source)->hand);
}

const char *mhp_remover_foreign_hold(enum mhp_source source) {
        return words(find(source)->foreign);
}

const char *mhp_remover_no_hold(enum mhp_source source) {
        return words(find(source)->no_hold);
}

const char *mhp_remover_no_hand(enum mhp_source source) {
        return words(find(source)->no_hand);
}

const char *mhp_remover_stays(enum mhp_source source) {
        return words(find(source)->stays);
}

const char *mhp_remover_none(void) {
        return "nothing in this guest takes such memory out: it is only offline";
}
