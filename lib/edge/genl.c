/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/genl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/object.h>
#include <netlink/socket.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "edge/genl-names.h"

/* The largest message that the kernel makes of these is a family's description, of some hundred bytes. */
#define DATA_MAX 16384

#define CTRL_NAME "nlctrl"
#define CTRL_GROUP "notify"

struct mhp_genl {
        struct nl_sock *sock; /* owned */
        uint16_t family;      /* 0: not there */
        uint32_t group;       /* joined; 0: none */
        size_t len, at;       /* of data: what was received, how much of it has been taken */
        _Alignas(max_align_t) char data[DATA_MAX];
};

/* libnl's own numbers; those that tell apart what matters here. */
static int to_errno(int r) {
        switch (-r) {
        case NLE_NOMEM:
                return -ENOMEM;
        case NLE_PERM:
        case NLE_NOACCESS:
                return -EPERM;
        case NLE_OBJ_NOTFOUND:
                return -ENOENT;
        case NLE_AF_NOSUPPORT:
                return -EAFNOSUPPORT;
        default:
                return -EIO;
        }
}

static void sock_freep(struct nl_sock **sock) {
        nl_socket_free(*sock);
}

static int open_sock(struct nl_sock **ret) {
        _cleanup_(sock_freep) struct nl_sock *sock = nl_socket_alloc();
        int r;

        if (!sock)
                return -ENOMEM;
        r = nl_connect(sock, NETLINK_GENERIC);
        if (r < 0)
                return to_errno(r);
        *ret = TAKE(sock);
        return 0;
}

/* Whether the family is among those that there are. To ask for it by name would have a kernel without it look for a module, each time: request_module() in
 * ctrl_getfamily() (net/netlink/genetlink.c). */
static int look_for(struct nl_sock *sock, const char *family) {
        struct nl_cache *all = NULL;
        int r = genl_ctrl_alloc_cache(sock, &all);

        if (r < 0)
                return to_errno(r);
        struct genl_family *found = genl_ctrl_search_by_name(all, family);
        if (found)
                nl_object_put((struct nl_object *) found);
        nl_cache_free(all);
        return found ? 0 : -ENOENT;
}

/* The numbers of a family and one of its groups. Asked on a socket of its own, so that no event comes between question and answer. -ENOENT. */
static int resolve(const char *family, const char *group, uint16_t *ret_family, uint32_t *ret_group) {
        _cleanup_(sock_freep) struct nl_sock *sock = NULL;
        int r = open_sock(&sock), number;

        if (r < 0)
                return r;
        r = look_for(sock, family);
        if (r < 0)
                return r;
        number = genl_ctrl_resolve(sock, family);
        if (number < 0)
                return to_errno(number);
        r = genl_ctrl_resolve_grp(sock, family, group);
        if (r < 0)
                return to_errno(r);
        *ret_family = (uint16_t) number;
        *ret_group = (uint32_t) r;
        return 0;
}

static int join(struct mhp_genl *genl, uint16_t family, uint32_t group) {
        int fd = nl_socket_get_fd(genl->sock);

        genl->family = family;
        genl->group = 0;
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                return -errno;
        genl->group = group;
        return 0;
}

/* Beyond net.core.rmem_max the size needs CAP_NET_ADMIN; as much as is allowed must do then. */
static void set_buffer(int fd, int buffer) {
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
}

/* First that families come and go, then the family: one that comes in between is heard of. */
static int start(struct mhp_genl *genl, int buffer) {
        uint16_t family;
        uint32_t group;
        int fd, r = open_sock(&genl->sock);

        if (r < 0)
                return r;
        fd = nl_socket_get_fd(genl->sock);
        set_buffer(fd, buffer);
        r = resolve(CTRL_NAME, CTRL_GROUP, &family, &group);
        if (r < 0)
                return r;
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                return -errno;

        r = resolve(GENL_FAMILY, GENL_GROUP, &family, &group);
        if (r == -ENOENT)
                return MHP_GENL_NOT_OFFERED;
        if (r < 0)
                return r;
        return join(genl, family, group) < 0 ? MHP_GENL_REFUSED : 0;
}

int mhp_genl_new(int buffer, struct mhp_genl **ret) {
        _cleanup_(mhp_genl_freep) struct mhp_genl *genl = calloc(1, sizeof(*genl));
        int r;

        if (!genl)
                return -ENOMEM;
        r = start(genl, buffer);
        if (r >= 0)
                *ret = TAKE(genl);
        return r;
}

struct mhp_genl *mhp_genl_free(struct mhp_genl *genl) {
        if (!genl)
                return NULL;

        nl_socket_free(genl->sock);
        free(genl);
        return NULL;
}

int mhp_genl_fd(const struct mhp_genl *genl) {
        return nl_socket_get_fd(genl->sock);
}

int mhp_genl_offered(void) {
        uint16_t family;
        uint32_t group;
        int r = resolve(GENL_FAMILY, GENL_GROUP, &family, &group);

        return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* 1: data; 0: none there; LOST. Only the kernel is believed. */
static int receive(struct mhp_genl *genl) {
        for (;;) {
                struct sockaddr_nl from = { 0 };
                socklen_t from_len = sizeof(from);
                ssize_t n = recvfrom(mhp_genl_fd(genl), genl->data, sizeof(genl->data), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *) &from, &from_len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : errno == ENOBUFS || errno == ENOMEM ? MHP_GENL_LOST : -errno;
                if (from_len != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0 || (size_t) n > sizeof(genl->data))
                        continue;
                genl->len = (size_t) n;
                genl->at = 0;
                return 1;
        }
}

int mhp_genl_next(struct mhp_genl *genl, struct mhp_kernel_event *ret) {
        for (;;) {
                struct mhp_kernel_event event;
                uint16_t family = 0;
                uint32_t group = 0;
                int r;

                if (mhp_genl_parse(genl->data, genl->len, genl->family, &genl->at, &event, &family, &group) == 0) {
                        r = receive(genl);
                        if (r != 1)
                                return r;
                        continue;
                }
                if (event.kind == MHP_KERNEL_OFFERED)
                        event.error = -join(genl, family, group);
                else if (event.kind == MHP_KERNEL_WITHDRAWN)
                        genl->family = 0;
                *ret = event;
                return 1;
        }
}
