#include "progress_bar.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "signals.h"

/* Progress is shown by the thread that waits for the run, messages come from any. */
static pthread_mutex_t screen = PTHREAD_MUTEX_INITIALIZER;

const char *pw_pass_name(enum pw_pass pass)
{
    static const char *const name[PW_PASS_COUNT] = {"measure", "segment", "resolve", "emit"};
    return name[pass];
}

/* "12 s", "3 min 20 s", "2 h 5 min" */
static void put_duration(char *out, size_t capacity, double seconds)
{
    unsigned long whole = (unsigned long)(seconds + 0.5);
    if (whole < 90)
        (void)snprintf(out, capacity, "%lu s", whole);
    else if (whole < 5400)
        (void)snprintf(out, capacity, "%lu min %lu s", whole / 60, whole % 60);
    else
        (void)snprintf(out, capacity, "%lu h %lu min", whole / 3600, whole / 60 % 60);
}

static double fraction(const struct pw_progress *p)
{
    return p->total > 0 ? (double)p->done / (double)p->total : 0;
}

static void put_line(const struct pw_progress *p, char *out, size_t capacity)
{
    enum {
        WIDTH = 24
    };
    char left[32] = "?", bar[WIDTH + 1];
    double done = fraction(p);
    double rate = p->seconds > 0 ? (double)p->input_bytes / p->seconds / 1e9 : 0;
    if (p->done > 0)
        put_duration(left, sizeof left, p->seconds / done - p->seconds);
    size_t filled = (size_t)(done * WIDTH);
    memset(bar, ' ', WIDTH);
    memset(bar, '#', filled);
    bar[WIDTH] = '\0';
    (void)snprintf(out, capacity, "%-8s [%s] %3d %%  %llu of %llu %s  %.2f GB/s  %s left", pw_pass_name(p->pass), bar,
                   (int)(done * 100), (unsigned long long)p->done, (unsigned long long)p->total,
                   p->pass == PW_PASS_EMIT ? "blocks" : "tiles", rate, left);
}

static void put_json(const struct pw_progress *p)
{
    (void)fprintf(stderr,
                  "{\"pass\": \"%s\", \"done\": %llu, \"total\": %llu, \"input_bytes\": %llu, \"seconds\": %.3f}\n",
                  pw_pass_name(p->pass), (unsigned long long)p->done, (unsigned long long)p->total,
                  (unsigned long long)p->input_bytes, p->seconds);
}

static void clear(struct pw_progress_bar *bar)
{
    if (bar->drawn && bar->in_place)
        (void)fputs("\r\033[K", stderr);
    bar->drawn = 0;
}

void pw_progress_bar_clear(struct pw_progress_bar *bar)
{
    (void)pthread_mutex_lock(&screen);
    clear(bar);
    (void)pthread_mutex_unlock(&screen);
}

void pw_progress_bar_say(const char *line, void *user)
{
    (void)pthread_mutex_lock(&screen);
    clear(user);
    (void)fprintf(stderr, "%s\n", line);
    (void)pthread_mutex_unlock(&screen);
}

/* A file gets a line when a pass begins and ends and every few seconds; a terminal ten a second. */
static int is_due(const struct pw_progress_bar *bar, const struct pw_progress *p)
{
    double pause = bar->in_place ? 0.09 : bar->when == PW_PROGRESS_JSON ? 0.09 : 5;
    return bar->last_pass != (int)p->pass + 1 || p->done == p->total || p->seconds - bar->last_seconds >= pause;
}

static void show(const struct pw_progress *progress, struct pw_progress_bar *bar)
{
    char line[256];
    if (pw_signals_asked()) {
        clear(bar);
        put_line(progress, line, sizeof line);
        (void)fprintf(stderr, "%s\n", line);
    }
    if (bar->when != PW_PROGRESS_NEVER && is_due(bar, progress)) {
        bar->last_pass = (int)progress->pass + 1;
        bar->last_seconds = progress->seconds;
        if (bar->when == PW_PROGRESS_JSON) {
            put_json(progress);
        } else {
            put_line(progress, line, sizeof line);
            (void)fprintf(stderr, bar->in_place ? "\r%s\033[K" : "%s\n", line);
            bar->drawn = 1;
        }
        (void)fflush(stderr);
    }
}

int pw_progress_bar_show(const struct pw_progress *progress, void *bar)
{
    (void)pthread_mutex_lock(&screen);
    show(progress, bar);
    (void)pthread_mutex_unlock(&screen);
    return pw_signals_stopped() != 0;
}

int pw_progress_bar_option(const char *text, enum pw_progress_when *when)
{
    static const char *const word[] = {"auto", "always", "never", "json", NULL};
    int number = pw_argument_choose("--progress", text, word);
    *when = (enum pw_progress_when)(number < 0 ? 0 : number);
    return number >= 0;
}

void pw_progress_bar_begin(struct pw_progress_bar *bar, enum pw_progress_when when, int quiet)
{
    memset(bar, 0, sizeof *bar);
    bar->in_place = isatty(STDERR_FILENO);
    bar->when = when;
    if (when == PW_PROGRESS_AUTO)
        bar->when = bar->in_place && !quiet ? PW_PROGRESS_ALWAYS : PW_PROGRESS_NEVER;
}
