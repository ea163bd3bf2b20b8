/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the family is there. One question and its answer are all that mhpctl wants of netlink, and without libnl it starts sooner. */

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/genl-names.h"
#include "edge/genl.h"

/* The kernel fills no message of a list beyond NLMSG_GOODSIZE (netlink_dump(), net/netlink/af_netlink.c). */
#define ANSWER_MAX 16384

static void closep(const int *fd) {
        if (*fd >= 0)
                close(*fd);
}

/* The attributes of one family. */
static bool names_it(const char *data, size_t len) {
        struct nlattr attr;

        for (size_t step; len >= sizeof(attr); data += step, len -= step) {
                memcpy(&attr, data, sizeof(attr));
                if (attr.nla_len < sizeof(attr) || attr.nla_len > len)
                        return false;
                step = MIN((size_t) NLA_ALIGN(attr.nla_len), len);
                if ((attr.nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_NAME && attr.nla_len == NLA_HDRLEN + sizeof(GENL_FAMILY) &&
                    memcmp(data + NLA_HDRLEN, GENL_FAMILY, sizeof(GENL_FAMILY)) == 0)
                        return true;
        }
        return false;
}

int mhp_genl_parse_list(const void *data, size_t len, bool *found) {
        const char *p = data;
        struct nlmsghdr header;
        struct nlmsgerr error;

        for (size_t step; len >= sizeof(header); p += step, len -= step) {
                memcpy(&header, p, sizeof(header));
                if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len)
                        return -EBADMSG;
                step = MIN((size_t) NLMSG_ALIGN(header.nlmsg_len), len);
                if (header.nlmsg_type == NLMSG_DONE)
                        return 0;
                if (header.nlmsg_type == NLMSG_ERROR) {
                        if (header.nlmsg_len < NLMSG_LENGTH(sizeof(error)))
                                return -EBADMSG;
                        memcpy(&error, p + NLMSG_HDRLEN, sizeof(error));
                        return error.error < 0 && error.error >= -4095 ? error.error : -EBADMSG;
                }
                if (header.nlmsg_type == GENL_ID_CTRL && header.nlmsg_len >= NLMSG_LENGTH(GENL_HDRLEN) &&
                    names_it(p + NLMSG_LENGTH(GENL_HDRLEN), header.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN)))
                        *found = true;
        }
        return 1;
}

/* For the list of all. To ask for one by name would have a kernel without it look for a module, each time: request_module() in ctrl_getfamily()
 * (net/netlink/genetlink.c). */
static int ask(int fd) {
        const struct {
                struct nlmsghdr header;
                struct genlmsghdr genl;
        } question = {
                .header = { .nlmsg_len = sizeof(question), .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1 },
                .genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
        };
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        ssize_t n = sendto(fd, &question, sizeof(question), 0, (const struct sockaddr *) &kernel, sizeof(kernel));

        return n < 0 ? -errno : n == sizeof(question) ? 0 : -EIO;
}

/* The kernel has put the first part of its answer into the socket before it returns from the question, and each further one before it returns from reading
 * the one before: nothing here waits. */
static int take(int fd, bool *found) {
        char data[ANSWER_MAX];
        struct sockaddr_nl from = { 0 };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *) &from, &from_len);

        if (n < 0)
                return errno == EINTR ? 1 : -errno;
        if (from_len != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0)
                return 1; /* only the kernel is believed */
        return (size_t) n > sizeof(data) ? -EMSGSIZE : mhp_genl_parse_list(data, (size_t) n, found);
}

int mhp_genl_offered(void) {
        _cleanup_(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
        bool found = false;
        int r;

        if (fd < 0)
                return -errno;
        r = ask(fd);
        if (r < 0)
                return r;
        do
                r = take(fd, &found);
        while (r > 0);
        return r < 0 ? r : found;
}
