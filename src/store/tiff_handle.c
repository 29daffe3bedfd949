#include "store/tiff_handle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* No single table or buffer of libtiff's own may be larger, whatever a file says. */
#define LARGEST_ALLOCATION_BYTES ((tmsize_t)256 << 20)

static tmsize_t read_bytes(thandle_t user, void *buffer, tmsize_t n)
{
    struct pw_tiff *handle = user;
    tmsize_t done = 0;
    while (done < n) {
        ssize_t r =
            pread(handle->fd, (char *)buffer + done, (size_t)(n - done), (off_t)(handle->position + (uint64_t)done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        done += r;
    }
    handle->position += (uint64_t)done;
    return done;
}

static tmsize_t refuse_write(thandle_t user, void *buffer, tmsize_t n)
{
    (void)user;
    (void)buffer;
    (void)n;
    return -1;
}

static toff_t seek(thandle_t user, toff_t offset, int whence)
{
    struct pw_tiff *handle = user;
    uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? handle->position : handle->file_bytes;
    uint64_t to = from + offset;
    if (to > (uint64_t)INT64_MAX)
        return (toff_t)-1;
    handle->position = to;
    return to;
}

static int leave_open(thandle_t user)
{
    (void)user;
    return 0;
}

static toff_t size(thandle_t user)
{
    return ((struct pw_tiff *)user)->file_bytes;
}

/* The first complaint is the cause; what follows is how the callers of the failing function saw it. */
static int keep_error(TIFF *tif, void *user, const char *module, const char *format, va_list args)
{
    struct pw_tiff *handle = user;
    (void)tif;
    (void)module;
    if (handle->said[0] == '\0')
        (void)vsnprintf(handle->said, sizeof handle->said, format, args);
    return 1;
}

static int drop_warning(TIFF *tif, void *user, const char *module, const char *format, va_list args)
{
    (void)tif;
    (void)user;
    (void)module;
    (void)format;
    (void)args;
    return 1;
}

void pw_tiff_forget(struct pw_tiff *handle)
{
    handle->said[0] = '\0';
}

enum pw_status pw_tiff_fail(struct pw_tiff *handle, struct pw_error *error, enum pw_status status, const char *format,
                            ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    status = pw_fail(error, status, "%s: %s%s%s", handle->path, what, handle->said[0] ? ": " : "", handle->said);
    pw_tiff_forget(handle);
    return status;
}

static TIFF *open_tiff(struct pw_tiff *handle)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, LARGEST_ALLOCATION_BYTES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, handle);
    TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, handle);
    /* r: read; m: never map the file; D: strip and tile tables only when asked for. */
    TIFF *tif = TIFFClientOpenExt(handle->path, "rmD", handle, read_bytes, refuse_write, seek, leave_open, size, NULL,
                                  NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

enum pw_status pw_tiff_open(int fd, const char *path, struct pw_tiff **handle, struct pw_error *error)
{
    struct pw_tiff *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->fd = fd;
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    off_t end = lseek(fd, 0, SEEK_END);
    made->file_bytes = end > 0 ? (uint64_t)end : 0;
    made->tif = open_tiff(made);
    if (made->tif == NULL) {
        enum pw_status status = pw_tiff_fail(made, error, PW_E_FORMAT, "cannot be read as a TIFF file");
        free(made);
        return status;
    }
    *handle = made;
    return PW_OK;
}

void pw_tiff_close(struct pw_tiff *handle)
{
    if (handle == NULL)
        return;
    TIFFClose(handle->tif);
    free(handle);
}
