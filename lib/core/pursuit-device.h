/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a removal does with the device that brought the memory: HOLD, RELEASE, HAND and LEAVE. */

#include "core/pursuit-record.h"

/* Each returns 1: the removal has moved on; 0: it waits; or -ENOMEM, or a failure of a report's receiver. */

/* HOLD: the device is kept from giving memory back in its own order. */
int pursuit_hold(const struct pursuit_context *c, uint32_t id);

/* Takes the hold off, and tries again for as long as that fails. 1: there is no hold. */
int pursuit_lift(const struct pursuit_context *c, uint32_t id);

/* RELEASE: the hold comes off before the hand-over. */
int pursuit_release(const struct pursuit_context *c, uint32_t id);

/* HAND: the device is told to take the unit out. */
int pursuit_hand(const struct pursuit_context *c, uint32_t id);

/* LEAVE: the wait for the blocks of the unit to be removed. */
int pursuit_leave(const struct pursuit_context *c, uint32_t id);

/* All of the unit is offline: on to the device, or to the next unit where no device takes memory out. */
int pursuit_unit_is_off(const struct pursuit_context *c, uint32_t id);
