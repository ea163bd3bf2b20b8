/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run a command again and again for SECONDS, five times a second, and print how long it took, in milliseconds:
 * runs=N median=MS worst=MS. Ends with 1 as soon as the command fails.
 * usage: slowest SECONDS COMMAND [ARGUMENT..]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { runs_max = 4096 };

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Milliseconds from fork to exit, or -1 when the command failed. */
static double run(char **command)
{
        double begin = now();
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -1;
        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY);

                dup2(null, STDOUT_FILENO);
                execvp(command[0], command);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                return -1;
        return now() - begin;
}

int main(int argc, char **argv)
{
        static double took[runs_max];
        int n = 0;

        if (argc < 3)
                return 2;
        for (double end = now() + atof(argv[1]) * 1e3; now() < end && n < runs_max; n++) {
                took[n] = run(argv + 2);
                if (took[n] < 0) {
                        fprintf(stderr, "slowest: run %d of the command failed\n", n + 1);
                        return 1;
                }
                usleep(200000);
        }
        if (n == 0)
                return 1;
        qsort(took, n, sizeof(took[0]), compare);
        printf("runs=%d median=%.1f worst=%.1f\n", n, took[n / 2], took[n - 1]);
        return 0;
}
