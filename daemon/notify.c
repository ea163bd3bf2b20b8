/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *state) {
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t len = path ? strlen(path) : 0;
        int fd;

        if (len < 2 || len >= sizeof(address.sun_path))
                return;
        memcpy(address.sun_path, path, len);
        if (path[0] == '@') /* an abstract name */
                address.sun_path[0] = '\0';

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        (void) sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &address,
                      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
        close(fd);
}
