/*
 * measure REPORT COMMAND [ARGUMENT...] - runs a command and writes what it used to the file REPORT, as JSON.
 *
 * The peak memory of a process is inherited over vfork and exec from the process that started it; started by a
 * Python interpreter, a small tool seems to use what Python uses.  This program is tiny and forks, so that the
 * figure is the command's own.  Exit status: that of the command, 128 + signal when it was killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds(struct timeval value)
{
    return (double)value.tv_sec + (double)value.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure REPORT COMMAND [ARGUMENT...]\n");
        return 64;
    }
    double began = now_s();
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "measure: fork: %s\n", strerror(errno));
        return 1;
    }
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            fprintf(stderr, "measure: wait4: %s\n", strerror(errno));
            return 1;
        }
    }
    double ended = now_s();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *report = fopen(argv[1], "w");
    if (report == NULL) {
        fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    fprintf(report,
            "{\"exit\":%d,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"peak_rss_bytes\":%lld,"
            "\"minor_faults\":%ld,\"major_faults\":%ld,\"blocks_in\":%ld,\"blocks_out\":%ld}\n",
            code, ended - began, seconds(usage.ru_utime), seconds(usage.ru_stime), (long long)usage.ru_maxrss * 1024,
            usage.ru_minflt, usage.ru_majflt, usage.ru_inblock, usage.ru_oublock);
    if (fclose(report) != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    return code;
}
