#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put_message(struct pw_error *error, enum pw_status status, int sys_errno, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void put_message(struct pw_error *error, enum pw_status status, int sys_errno, const char *format, va_list args)
{
    error->status = status;
    error->sys_errno = sys_errno;
    int length = vsnprintf(error->message, sizeof error->message, format, args);
    if (length < 0)
        error->message[0] = '\0';
    if (sys_errno != 0) {
        char storage[128];
        const char *text = strerror_r(sys_errno, storage, sizeof storage); /* the GNU form: _GNU_SOURCE is set */
        size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, ": %s", text);
    }
    for (char *c = error->message; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

enum pw_status pw_fail(struct pw_error *error, enum pw_status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list args;
    va_start(args, format);
    put_message(error, status, 0, format, args);
    va_end(args);
    return status;
}

static enum pw_status refine(enum pw_status status, int sys_errno)
{
    if (status != PW_E_IO)
        return status;
    switch (sys_errno) {
    case ENOENT: return PW_E_NOT_FOUND;
    case EEXIST: return PW_E_EXISTS;
    case ENOSPC:
    case EDQUOT: return PW_E_NO_SPACE;
    case EPIPE: return PW_E_PIPE;
    case ENOMEM: return PW_E_NOMEM;
    default: return PW_E_IO;
    }
}

enum pw_status pw_fail_errno(struct pw_error *error, enum pw_status status, int sys_errno, const char *format, ...)
{
    status = refine(status, sys_errno);
    if (error == NULL)
        return status;
    va_list args;
    va_start(args, format);
    put_message(error, status, sys_errno, format, args);
    va_end(args);
    return status;
}

const char *pw_status_text(enum pw_status status)
{
    switch (status) {
    case PW_OK: return "done";
    case PW_EMPTY: return "nothing stored";
    case PW_E_ARGUMENT: return "wrong argument";
    case PW_E_NOMEM: return "out of memory";
    case PW_E_CANCELLED: return "cancelled";
    case PW_E_INTERNAL: return "internal error";
    case PW_E_IO: return "input/output error";
    case PW_E_NOT_FOUND: return "not found";
    case PW_E_EXISTS: return "exists already";
    case PW_E_NO_SPACE: return "no space left";
    case PW_E_PIPE: return "broken pipe";
    case PW_E_FORMAT: return "not a valid file";
    case PW_E_UNSUPPORTED: return "not supported";
    case PW_E_TRUNCATED: return "truncated file";
    case PW_E_CHECKSUM: return "checksum mismatch";
    case PW_E_BUDGET: return "memory budget too small";
    case PW_E_RANGE: return "out of range";
    case PW_E_SEGMENTER: return "segmentation function failed";
    case PW_E_PLUGIN: return "plugin cannot be used";
    }
    return "unknown status";
}

static int continues_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void pw_shorten(char *out, size_t capacity, const char *text)
{
    size_t length = strlen(text);
    if (length < capacity) {
        memcpy(out, text, length + 1);
        return;
    }
    static const char between[] = "...";
    size_t room = capacity - sizeof between, head = room / 3, tail = length - (room - head);
    while (head > 0 && continues_character(text[head]))
        head--;
    while (continues_character(text[tail]))
        tail++;
    (void)snprintf(out, capacity, "%.*s%s%s", (int)head, text, between, text + tail);
}
