#include "segment/process_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void pw_process_log_init(struct pw_process_log *log, struct pw_messages *messages)
{
    memset(log, 0, sizeof *log);
    log->messages = messages;
    log->fd = -1;
    (void)pthread_mutex_init(&log->lock, NULL);
}

static void close_it(struct pw_process_log *log)
{
    if (log->fd >= 0)
        (void)close(log->fd);
    log->fd = -1;
}

void pw_process_log_destroy(struct pw_process_log *log)
{
    close_it(log);
    (void)pthread_mutex_destroy(&log->lock);
}

void pw_process_log_begin(struct pw_process_log *log, int fd)
{
    (void)pthread_mutex_lock(&log->lock);
    close_it(log);
    log->fd = fd;
    log->n = 0;
    log->again = 0;
    log->n_lines = 0;
    (void)pthread_mutex_unlock(&log->lock);
}

void pw_process_log_name(struct pw_process_log *log, const char *name, unsigned index)
{
    (void)pthread_mutex_lock(&log->lock);
    (void)snprintf(log->name, sizeof log->name, "worker %.64s[%u]", name, index);
    (void)pthread_mutex_unlock(&log->lock);
}

int pw_process_log_fd(struct pw_process_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    int fd = log->fd;
    (void)pthread_mutex_unlock(&log->lock);
    return fd;
}

static void say(struct pw_messages *messages, const char *text)
{
    if (messages->message == NULL)
        return;
    (void)pthread_mutex_lock(&messages->lock);
    messages->message(text, messages->user);
    (void)pthread_mutex_unlock(&messages->lock);
}

void pw_messages_say(struct pw_messages *messages, const char *format, ...)
{
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(messages, text);
}

static void end_line(struct pw_process_log *log)
{
    char text[PW_LOG_LINE_BYTES + sizeof log->name + 4];
    log->line[log->n] = '\0';
    (void)snprintf(text, sizeof text, "%s: %s", log->name, log->line);
    if (log->n > 0)
        memcpy(log->last[log->n_lines++ % PW_LOG_LINES], log->line, log->n + 1);
    log->n = 0;
    log->again = 0;
    say(log->messages, text);
}

/* Control characters would move a terminal's cursor about. */
static void take(struct pw_process_log *log, char c)
{
    if (c == '\n') {
        end_line(log);
        return;
    }
    if (c == '\r') {
        log->again = 1;
        return;
    }
    if (log->again)
        log->n = 0;
    log->again = 0;
    if (log->n + 1 == sizeof log->line)
        end_line(log);
    log->line[log->n++] = (unsigned char)c < 32 && c != '\t' ? ' ' : c;
}

/* A log that is written to without a pause must not keep its reader from everything else. */
static void pump(struct pw_process_log *log)
{
    char bytes[4096];
    for (int i = 0; i < 16 && log->fd >= 0; i++) {
        ssize_t n = read(log->fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        for (ssize_t k = 0; k < n; k++)
            take(log, bytes[k]);
        if (n > 0)
            continue;
        if (log->n > 0)
            end_line(log);
        close_it(log);
    }
}

void pw_process_log_pump(struct pw_process_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    pump(log);
    (void)pthread_mutex_unlock(&log->lock);
}

void pw_process_log_end(struct pw_process_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    for (int i = 0; i < 16; i++) /* a pipe of a megabyte */
        pump(log);
    if (log->n > 0)
        end_line(log);
    close_it(log);
    (void)pthread_mutex_unlock(&log->lock);
}

void pw_process_log_tail(struct pw_process_log *log, char *out, size_t capacity)
{
    (void)pthread_mutex_lock(&log->lock);
    uint64_t first = log->n_lines > PW_LOG_LINES ? log->n_lines - PW_LOG_LINES : 0, from = log->n_lines;
    size_t bytes = 1;
    while (from > first && bytes + strlen(log->last[(from - 1) % PW_LOG_LINES]) + 3 <= capacity)
        bytes += strlen(log->last[--from % PW_LOG_LINES]) + 3;
    out[0] = '\0';
    size_t at = 0;
    for (uint64_t i = from; i < log->n_lines; i++)
        at += (size_t)snprintf(out + at, capacity - at, "%s%s", i == from ? ": " : " | ", log->last[i % PW_LOG_LINES]);
    (void)pthread_mutex_unlock(&log->lock);
}
