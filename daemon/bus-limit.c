/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a call may be at most, whoever sends it: looked at before anything is made of it, and before sd-bus answers what it does not know, for it repeats
 * paths and names. An answer that is larger than the bus allows costs mhpd its connection.
 *
 * The bus lets messages of 32 MiB through (max_message_size of dbus-daemon). sd-bus has one of them at a time, as long as nothing refers to it. */

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "daemon/bus-internal.h"

/* Of a path, and of what sd-bus itself is asked: the names of interfaces and properties. */
#define NAME_LONGEST 255

/* glibc raises the size from which it asks the kernel for memory of its own to that of the largest piece that was freed, up to 32 MiB. A large message then lies in
 * the heap, and a small piece above it keeps all of it there. */
#define LARGE (1 << 20)

void bus_limit_memory(void) {
        (void) mallopt(M_MMAP_THRESHOLD, LARGE);
        (void) mallopt(M_TRIM_THRESHOLD, LARGE);
}

static int check_text(sd_bus_message *m, char type, size_t max, sd_bus_error *error) {
        const char *text;
        int r = sd_bus_message_read_basic(m, type, &text);

        if (r < 0)
                return r;
        return strnlen(text, max + 1) <= max ? 0 : sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT, "an argument is too long: at most %zu bytes are taken", max);
}

/* Up to the first container: no argument of mhpd's is one, and the values of Properties.Set() are not looked at, for there is nothing to be set. */
static int check_arguments(sd_bus_message *m, size_t max, sd_bus_error *error) {
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                if (strchr("avre", type))
                        return 0;
                r = strchr("sog", type) ? check_text(m, type, max, error) : sd_bus_message_skip(m, (char[]) { type, '\0' });
                if (r < 0)
                        return r;
        }
        return r;
}

int bus_limit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path = sd_bus_message_get_path(m), *interface = sd_bus_message_get_interface(m);
        bool ours = !interface || strncmp(interface, BUS_NAME ".", strlen(BUS_NAME ".")) == 0;
        int r;

        (void) userdata;
        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (path && strnlen(path, NAME_LONGEST + 1) > NAME_LONGEST)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "there is no object with so long a path");
        r = check_arguments(m, ours ? BUS_TEXT_MAX : NAME_LONGEST, error);
        return r < 0 ? r : sd_bus_message_rewind(m, true) < 0 ? -EBADMSG : 0;
}
