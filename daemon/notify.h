/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* sd_notify(3) waits for a service manager that does not read, and a busy one reads ten messages late (net.unix.max_dgram_qlen). The
 * loop must not wait for it, so what is told while it runs goes this way: a message that finds no room is dropped. */
void notify(const char *state);
