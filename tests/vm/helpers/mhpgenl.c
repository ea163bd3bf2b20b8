/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Speak with the kernel's generic-netlink family "mhp" (companion patch), by raw sockets: so that messages can be wrong.
 *   listen          join the group "events", say "ready", then one line an event
 *   get BLOCK       what is known of a block, one line; or "error ERRNO TEXT"
 *   dump            the same of each block
 *   bad CASE        ask with missing, short, unknown, extra, torn or dump-block attributes, as any other word: an unknown command
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { cmd_get = 1, attr_block = 2, attr_start = 3, attr_last = 15 };
enum kind { u8, u32, u64, text };

static const char *const commands[] = { "unspec", "get", "placement", "offline-failed", "zone" };
static const struct { const char *name; enum kind kind; } attributes[attr_last + 1] = {
        [2] = { "block", u64 }, [3] = { "start", u64 }, [4] = { "size", u64 }, [5] = { "node", u32 }, [6] = { "requested", u8 },
        [7] = { "placement", u8 }, [8] = { "reason", u8 }, [9] = { "vmemmap_pages", u64 }, [10] = { "errno", u32 },
        [11] = { "pfn", u64 }, [12] = { "page_flags", u64 }, [13] = { "zone", text }, [14] = { "old_zone", text },
        [15] = { "hold", u8 },
};

static struct { struct nlmsghdr head; struct genlmsghdr genl; char space[512]; } request;
static char answer[1 << 16];
static int sock;

static struct nlattr *next(struct nlattr *attr)
{
        return (struct nlattr *)((char *)attr + NLA_ALIGN(attr->nla_len));
}

static void *payload(struct nlattr *attr)
{
        return (char *)attr + NLA_HDRLEN;
}

static void begin(int family, int command, int flags)
{
        memset(&request, 0, sizeof(request));
        request.head = (struct nlmsghdr) { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = family,
                                           .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 1 };
        request.genl = (struct genlmsghdr) { .cmd = command, .version = 1 };
}

static void put(int type, const void *data, int size)
{
        struct nlattr *attr = (struct nlattr *)((char *)&request + request.head.nlmsg_len);

        attr->nla_type = type;
        attr->nla_len = NLA_HDRLEN + size;
        memcpy(payload(attr), data, size);
        request.head.nlmsg_len += NLA_ALIGN(attr->nla_len);
}

static void die(const char *what)
{
        printf("error %d %s: %s\n", errno, what, strerror(errno));
        exit(1);
}

static void send_request(void)
{
        if (send(sock, &request, request.head.nlmsg_len, 0) < 0)
                die("send");
}

static void print_attribute(int type, struct nlattr *attr)
{
        uint64_t value = 0;

        if (type > attr_last || !attributes[type].name) {
                if (type != 1)                  /* padding */
                        printf(" attribute%d=?", type);
                return;
        }
        if (attributes[type].kind == text) {
                printf(" %s=%.*s", attributes[type].name, attr->nla_len - NLA_HDRLEN, (char *)payload(attr));
                return;
        }
        memcpy(&value, payload(attr), attr->nla_len - NLA_HDRLEN);
        printf(" %s=%" PRIu64, attributes[type].name, value);
}

static void print_message(struct nlmsghdr *head)
{
        struct genlmsghdr *genl = NLMSG_DATA(head);
        char *end = (char *)head + head->nlmsg_len;

        printf("%s", genl->cmd < sizeof(commands) / sizeof(*commands) ? commands[genl->cmd] : "unknown");
        for (struct nlattr *attr = (struct nlattr *)((char *)genl + GENL_HDRLEN); (char *)attr < end; attr = next(attr))
                print_attribute(attr->nla_type & NLA_TYPE_MASK, attr);
        printf("\n");
}

/* Print an error with the kernel's words about it, if there are any. */
static int print_error(struct nlmsghdr *head)
{
        struct nlmsgerr *said = NLMSG_DATA(head);
        char *end = (char *)head + head->nlmsg_len;
        const char *words = "";

        if (!said->error)
                return 0;
        if (head->nlmsg_flags & NLM_F_ACK_TLVS) {
                size_t skip = head->nlmsg_flags & NLM_F_CAPPED ? 0 : said->msg.nlmsg_len - NLMSG_HDRLEN;

                for (struct nlattr *attr = (struct nlattr *)((char *)(said + 1) + skip); (char *)attr < end; attr = next(attr))
                        if (attr->nla_type == NLMSGERR_ATTR_MSG)
                                words = payload(attr);
        }
        printf("error %d %s\n", -said->error, words);
        return 1;
}

/* Print what comes until the answer is complete; events never are. */
static int print_all(void)
{
        for (;;) {
                ssize_t length = recv(sock, answer, sizeof(answer), 0);

                if (length < 0 && errno == ENOBUFS) {
                        printf("lost\n");
                        continue;
                }
                if (length < 0)
                        die("recv");
                for (struct nlmsghdr *head = (struct nlmsghdr *)answer; NLMSG_OK(head, length); head = NLMSG_NEXT(head, length)) {
                        if (head->nlmsg_type == NLMSG_ERROR)
                                return print_error(head);
                        if (head->nlmsg_type == NLMSG_DONE)
                                return 0;
                        print_message(head);
                }
        }
}

/* The group "events" among a family's groups. */
static int group_of(struct nlattr *groups)
{
        char *end = (char *)groups + groups->nla_len;

        for (struct nlattr *group = payload(groups); (char *)group < end; group = next(group)) {
                char *last = (char *)group + group->nla_len;
                bool ours = false;
                int id = 0;

                for (struct nlattr *attr = payload(group); (char *)attr < last; attr = next(attr)) {
                        if (attr->nla_type == CTRL_ATTR_MCAST_GRP_NAME)
                                ours = !strcmp(payload(attr), "events");
                        if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
                                memcpy(&id, payload(attr), sizeof(id));
                }
                if (ours)
                        return id;
        }
        return 0;
}

/* The number of the family, and of its group. */
static int resolve(int *ret_group)
{
        struct nlmsghdr *head = (struct nlmsghdr *)answer;
        uint16_t family = 0;
        ssize_t length;

        begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
        put(CTRL_ATTR_FAMILY_NAME, "mhp", 4);
        send_request();
        length = recv(sock, answer, sizeof(answer), 0);
        if (length < 0)
                die("recv");
        if (head->nlmsg_type == NLMSG_ERROR) {
                print_error(head);
                exit(2);
        }
        for (struct nlattr *attr = (struct nlattr *)((char *)NLMSG_DATA(head) + GENL_HDRLEN); (char *)attr < answer + length;
             attr = next(attr)) {
                if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
                        memcpy(&family, payload(attr), sizeof(family));
                if ((attr->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS)
                        *ret_group = group_of(attr);
        }
        return family;
}

static int ask_badly(int family, const char *how)
{
        uint64_t block = 0, start = 0;
        bool dump = !strcmp(how, "dump-block");

        begin(family, cmd_get, dump ? NLM_F_DUMP : NLM_F_ACK);
        if (!strcmp(how, "short"))
                put(attr_block, &block, 4);
        else if (!strcmp(how, "unknown"))
                put(99, &block, 8);
        else if (!strcmp(how, "extra")) {
                put(attr_block, &block, 8);
                put(attr_start, &start, 8);
        } else if (!strcmp(how, "torn")) {
                put(attr_block, &block, 8);
                request.head.nlmsg_len -= 4;            /* the attribute says that it is longer */
        } else if (dump)
                put(attr_block, &block, 8);
        else if (strcmp(how, "missing"))
                request.genl.cmd = 77;
        send_request();
        return print_all();
}

int main(int argc, char **argv)
{
        const char *verb = argc > 1 ? argv[1] : "";
        int family, group = 0, on = 1;

        setlinebuf(stdout);
        sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
        if (sock < 0)
                die("socket");
        setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        family = resolve(&group);

        if (!strcmp(verb, "listen")) {
                if (setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                        die("join");
                printf("ready\n");
                return print_all();
        }
        if (!strcmp(verb, "get") && argc == 3) {
                uint64_t block = strtoull(argv[2], NULL, 0);

                begin(family, cmd_get, NLM_F_ACK);
                put(attr_block, &block, sizeof(block));
                send_request();
                return print_all();
        }
        if (!strcmp(verb, "dump")) {
                begin(family, cmd_get, NLM_F_DUMP);
                send_request();
                return print_all();
        }
        if (!strcmp(verb, "bad") && argc == 3)
                return ask_badly(family, argv[2]);
        fprintf(stderr, "usage: mhpgenl listen|get BLOCK|dump|bad CASE\n");
        return 2;
}
