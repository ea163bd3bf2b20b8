/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What any user can do to a service: `busflood large N MIB` sends N calls of so many MiB one after the other and counts the errors that it gets;
 * `busflood ask N CONNECTIONS` sends N calls that have to be authorised, says so, and keeps the connections open until it is killed.
 * As much of D-Bus as that takes. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUS "/run/dbus/system_bus_socket"
#define NAME "org.mhpd1"
#define INTERFACE "org.mhpd1.Manager"
#define MEGABYTE (1u << 20)

struct fields {
        unsigned char data[1024];
        uint32_t n;
};

static void die(const char *what) {
        perror(what);
        exit(1);
}

static void put(struct fields *f, const void *data, size_t n) {
        memcpy(f->data + f->n, data, n);
        f->n += (uint32_t) n;
}

static void align(struct fields *f) {
        while (f->n % 8)
                f->data[f->n++] = 0;
}

static void put_field(struct fields *f, char code, char type, const char *value) {
        uint32_t length = (uint32_t) strlen(value);
        char head[] = { code, 1, type, 0 };

        align(f);
        put(f, head, 4);
        put(f, &length, type == 'g' ? 1 : 4); /* little-endian machines */
        put(f, value, length + 1);
}

static void send_all(int bus, const void *data, size_t n) {
        const char *p = data;

        while (n > 0) {
                ssize_t sent = send(bus, p, n, MSG_NOSIGNAL);

                if (sent <= 0)
                        die("send");
                p += sent;
                n -= (size_t) sent;
        }
}

static void receive_all(int bus, void *data, size_t n) {
        char *p = data;

        while (n > 0) {
                ssize_t got = recv(bus, p, n, 0);

                if (got <= 0)
                        die("recv");
                p += got;
                n -= (size_t) got;
        }
}

/* signature NULL: no arguments. */
static void call(int bus, const char *name, const char *path, const char *interface, const char *member, const char *signature, const void *body, uint32_t size) {
        static uint32_t serial;
        struct fields f = { .n = 0 };
        uint32_t head[4] = { 'l' | 1 << 8 | 1 << 24, size, ++serial, 0 }; /* METHOD_CALL, protocol 1 */

        put_field(&f, 1, 'o', path);
        put_field(&f, 2, 's', interface);
        put_field(&f, 3, 's', member);
        put_field(&f, 6, 's', name);
        if (signature)
                put_field(&f, 8, 'g', signature);
        head[3] = f.n;
        align(&f);
        send_all(bus, head, sizeof(head));
        send_all(bus, f.data, f.n);
        send_all(bus, body, size);
}

/* Until an answer comes: whether it is an error. */
static int wait_answer(int bus) {
        for (;;) {
                uint32_t head[4];
                size_t n;
                char *rest;
                int type;

                receive_all(bus, head, sizeof(head));
                n = (head[3] + 7) / 8 * 8 + head[1];
                rest = malloc(n + 1);
                if (!rest)
                        die("malloc");
                receive_all(bus, rest, n);
                free(rest);
                type = head[0] >> 8 & 0xff;
                if (type == 2 || type == 3)
                        return type == 3;
        }
}

static int open_bus(void) {
        static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = BUS };
        int bus = socket(AF_UNIX, SOCK_STREAM, 0), lines = 0;

        if (bus < 0 || connect(bus, (struct sockaddr *) &address, sizeof(address)) < 0)
                die(BUS);
        send_all(bus, hello, sizeof(hello) - 1);
        while (lines < 2) {
                char c;

                receive_all(bus, &c, 1);
                lines += c == '\n';
        }
        call(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", NULL, NULL, 0);
        wait_answer(bus);
        return bus;
}

/* Offline(s target, t timeout) */
static int send_large(unsigned n, uint32_t size) {
        uint32_t length = size / 8 * 8 - 5;
        char *body = calloc(1, 4 + length + 1 + 8);
        int bus = open_bus();
        unsigned errors = 0;

        if (!body)
                die("calloc");
        memcpy(body, &length, 4);
        memset(body + 4, '3', length);
        for (unsigned i = 0; i < n; i++) {
                call(bus, NAME, "/org/mhpd1", INTERFACE, "Offline", "st", body, 4 + length + 1 + 8);
                errors += (unsigned) wait_answer(bus);
        }
        printf("%u of %u refused\n", errors, n);
        return 0;
}

static int ask(unsigned n, unsigned connections) {
        int *bus = calloc(connections, sizeof(*bus));

        if (!bus)
                die("calloc");
        for (unsigned i = 0; i < connections; i++)
                bus[i] = open_bus();
        for (unsigned i = 0; i < n; i++)
                call(bus[i % connections], NAME, "/org/mhpd1", INTERFACE, "Reload", NULL, NULL, 0);
        puts("asked");
        fflush(stdout);
        return pause();
}

int main(int argc, char **argv) {
        if (argc == 4 && strcmp(argv[1], "large") == 0)
                return send_large((unsigned) atoi(argv[2]), (uint32_t) atoi(argv[3]) * MEGABYTE);
        if (argc == 4 && strcmp(argv[1], "ask") == 0)
                return ask((unsigned) atoi(argv[2]), (unsigned) atoi(argv[3]));
        fputs("busflood large N MIB | ask N CONNECTIONS\n", stderr);
        return 2;
}
