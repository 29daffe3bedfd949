#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

/* flock(2): the header that declares it, <sys/file.h>, is hidden by our own. */
int flock(int fd, int operation);

enum pw_status pw_file_open_read(const char *path, int *fd, struct pw_error *error)
{
    do
        *fd = open(path, O_RDONLY | O_CLOEXEC);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    return PW_OK;
}

int pw_file_is_locked(const char *path)
{
    int fd;
    if (pw_file_open_read(path, &fd, NULL) != PW_OK)
        return 0;
    int locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return locked;
}

enum pw_status pw_file_read(int fd, void *buffer, size_t n, uint64_t offset, size_t *got, const char *path,
                            struct pw_error *error)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, (char *)buffer + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot read %zu bytes at offset %llu", path, n - done,
                                 (unsigned long long)(offset + done));
        if (r == 0)
            break;
        done += (size_t)r;
    }
    *got = done;
    return PW_OK;
}

enum pw_status pw_file_read_noting(int fd, void *buffer, size_t n, uint64_t offset, size_t *got, int *waited,
                                   const char *path, struct pw_error *error)
{
    struct iovec all = {buffer, n};
    ssize_t r = n > 0 ? preadv2(fd, &all, 1, (off_t)offset, RWF_NOWAIT) : 0;
    size_t there = r > 0 ? (size_t)r : 0, rest = 0;
    enum pw_status status = PW_OK;
    if (there < n)
        status = pw_file_read(fd, (char *)buffer + there, n - there, offset + there, &rest, path, error);
    if (rest > 0)
        *waited = 1;
    *got = there + rest;
    return status;
}

void pw_file_expect(int fd, uint64_t offset, uint64_t n)
{
    (void)posix_fadvise(fd, (off_t)offset, (off_t)n, POSIX_FADV_WILLNEED);
}

enum pw_status pw_file_read_exactly(int fd, void *buffer, size_t n, uint64_t offset, const char *path,
                                    struct pw_error *error)
{
    size_t got;
    enum pw_status status = pw_file_read(fd, buffer, n, offset, &got, path, error);
    if (status == PW_OK && got < n)
        return pw_fail(error, PW_E_TRUNCATED, "%s: ends at offset %llu, %zu bytes before what was expected", path,
                       (unsigned long long)(offset + got), n - got);
    return status;
}

enum pw_status pw_file_write(int fd, const void *buffer, size_t n, uint64_t offset, const char *path,
                             struct pw_error *error)
{
    size_t done = 0;
    while (done < n) {
        ssize_t w = pwrite(fd, (const char *)buffer + done, n - done, (off_t)(offset + done));
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot write %zu bytes at offset %llu", path, n - done,
                                 (unsigned long long)(offset + done));
        done += (size_t)w;
    }
    return PW_OK;
}

void pw_file_begin_sync(int fd)
{
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void pw_file_discard(int fd, uint64_t offset, uint64_t n)
{
    (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n);
}

enum pw_status pw_scratch_open(struct pw_scratch *scratch, const char *dir, const char *what, struct pw_error *error)
{
    (void)snprintf(scratch->name, sizeof scratch->name, "%.4000s (%s)", dir, what);
    scratch->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (scratch->fd >= 0)
        return PW_OK;
    /* File systems without O_TMPFILE (NFS, some overlays): a named file, unlinked at once. */
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/.pw-scratch-XXXXXX", dir);
    if (length < 0 || (size_t)length >= sizeof path)
        return pw_fail(error, PW_E_ARGUMENT, "%s: path too long", scratch->name);
    scratch->fd = mkostemp(path, O_CLOEXEC);
    if (scratch->fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", scratch->name);
    (void)unlink(path);
    return PW_OK;
}

static enum pw_status open_named(struct pw_scratch *scratch, const char *dir, const char *name, int flags,
                                 struct pw_error *error)
{
    int length = snprintf(scratch->name, sizeof scratch->name, "%s/%s", dir, name);
    scratch->fd = -1;
    if (length < 0 || (size_t)length >= sizeof scratch->name)
        return pw_fail(error, PW_E_ARGUMENT, "%s: path too long", scratch->name);
    scratch->fd = open(scratch->name, flags | O_CLOEXEC, 0666);
    if (scratch->fd < 0)
        return pw_fail_errno(error, errno == ENOENT ? PW_E_NOT_FOUND : PW_E_IO, errno, "%s: cannot be opened",
                             scratch->name);
    return PW_OK;
}

enum pw_status pw_scratch_keep(struct pw_scratch *scratch, const char *dir, const char *name, struct pw_error *error)
{
    return open_named(scratch, dir, name, O_RDWR | O_CREAT | O_EXCL, error);
}

enum pw_status pw_scratch_open_kept(struct pw_scratch *scratch, const char *dir, const char *name,
                                    struct pw_error *error)
{
    return open_named(scratch, dir, name, O_RDONLY, error);
}

enum pw_status pw_scratch_open_again(struct pw_scratch *scratch, const char *dir, const char *name,
                                     struct pw_error *error)
{
    return open_named(scratch, dir, name, O_RDWR | O_CREAT, error);
}

enum pw_status pw_scratch_cut(const struct pw_scratch *scratch, uint64_t bytes, struct pw_error *error)
{
    if (ftruncate(scratch->fd, (off_t)bytes) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be cut to %llu bytes", scratch->name,
                             (unsigned long long)bytes);
    return PW_OK;
}

enum pw_status pw_scratch_bytes(const struct pw_scratch *scratch, uint64_t *bytes, struct pw_error *error)
{
    struct stat st;
    if (fstat(scratch->fd, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", scratch->name);
    *bytes = (uint64_t)st.st_size;
    return PW_OK;
}

void pw_scratch_close(struct pw_scratch *scratch)
{
    if (scratch->fd >= 0)
        (void)close(scratch->fd);
    scratch->fd = -1;
}

uint64_t pw_file_free_bytes(const char *dir)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0)
        return UINT64_MAX;
    return (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
}

void pw_file_parent(const char *path, char *out, size_t capacity)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n == 0)
        (void)snprintf(out, capacity, ".");
    else
        (void)snprintf(out, capacity, "%.*s", (int)n, path);
}
