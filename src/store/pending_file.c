#include "store/pending_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

/* Of NAME in the hidden name, so that the longest name a file system allows still fits with what is put around it. */
enum {
    NAME_BYTES_KEPT = 200
};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

enum pw_status pw_pending_check(const char *path, int overwrite, struct pw_error *error)
{
    char parent[4096];
    struct stat info;
    if (strlen(path) >= sizeof parent || last_part(path)[0] == '\0')
        return pw_fail(error, PW_E_ARGUMENT, "%s: not the name of a file", path);
    pw_file_parent(path, parent, sizeof parent);
    if (stat(parent, &info) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: the directory of the output", parent);
    if (!S_ISDIR(info.st_mode))
        return pw_fail(error, PW_E_NOT_FOUND, "%s: not a directory, so %s cannot be made in it", parent,
                       last_part(path));
    if (access(parent, W_OK | X_OK) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot make the output here", parent);
    if (lstat(path, &info) != 0)
        return PW_OK;
    if (!overwrite)
        return pw_fail(error, PW_E_EXISTS, "%s: exists already; --overwrite replaces it", path);
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
        return pw_fail(error, PW_E_ARGUMENT, "%s: a directory or device, which a file does not replace", path);
    return PW_OK;
}

static void random_letters(char *out, int n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        memset(bytes, 0, sizeof bytes); /* then O_EXCL alone keeps names apart */
    for (int i = 0; i < n; i++)
        out[i] = letters[bytes[i] % (sizeof letters - 1)];
    out[n] = '\0';
}

/* The next name to try for a hidden file beside file->path. */
static enum pw_status hidden_name(struct pw_pending_file *file, struct pw_error *error)
{
    char parent[4096], letters[8];
    pw_file_parent(file->path, parent, sizeof parent);
    random_letters(letters, 6);
    int n = snprintf(file->hidden, sizeof file->hidden, "%s/.%.*s.pw-%s", parent, NAME_BYTES_KEPT,
                     last_part(file->path), letters);
    if (n < 0 || (size_t)n >= sizeof file->hidden)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", file->path);
    return PW_OK;
}

/* Not mkstemp(): the file becomes the result, so it gets the modes that the user's umask gives. */
static enum pw_status open_hidden(struct pw_pending_file *file, struct pw_error *error)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        enum pw_status status = hidden_name(file, error);
        if (status != PW_OK)
            return status;
        file->fd = open(file->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0)
            return PW_OK;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", file->hidden);
}

static enum pw_status begin(struct pw_pending_file *file, const char *path, int overwrite, struct pw_error *error)
{
    enum pw_status status = pw_pending_check(path, overwrite, error);
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->overwrite = overwrite;
    file->hidden[0] = '\0';
    return status;
}

enum pw_status pw_pending_open_named(struct pw_pending_file *file, const char *path, int overwrite,
                                     struct pw_error *error)
{
    enum pw_status status = begin(file, path, overwrite, error);
    return status == PW_OK ? open_hidden(file, error) : status;
}

enum pw_status pw_pending_open(struct pw_pending_file *file, const char *path, int overwrite, struct pw_error *error)
{
    char parent[4096];
    enum pw_status status = begin(file, path, overwrite, error);
    if (status != PW_OK)
        return status;
    pw_file_parent(path, parent, sizeof parent);
    /* A file without a name gets one through /proc. */
    file->fd = access("/proc/self/fd", X_OK) == 0 ? open(parent, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666) : -1;
    return file->fd >= 0 ? PW_OK : open_hidden(file, error);
}

static void path_of_unnamed(int fd, char *path, size_t capacity)
{
    (void)snprintf(path, capacity, "/proc/self/fd/%d", fd);
}

void pw_pending_place(const struct pw_pending_file *file, char *path, size_t capacity)
{
    if (file->hidden[0] != '\0')
        (void)snprintf(path, capacity, "%s", file->hidden);
    else
        path_of_unnamed(file->fd, path, capacity);
}

/* Names a file that has no name yet; 0, or -1 with errno. */
static int link_unnamed(int fd, const char *path)
{
    char self[64];
    path_of_unnamed(fd, self, sizeof self);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* The way to replace another file leads over a hidden name: a link cannot replace, a rename can. */
static enum pw_status name_hidden(struct pw_pending_file *file, struct pw_error *error)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        enum pw_status status = hidden_name(file, error);
        if (status != PW_OK)
            return status;
        if (link_unnamed(file->fd, file->hidden) == 0)
            return PW_OK;
        if (errno != EEXIST)
            break;
    }
    int why = errno;
    file->hidden[0] = '\0';
    return pw_fail_errno(error, PW_E_IO, why, "%s: cannot be put in place", file->path);
}

/* Gives the hidden file its name without replacing another one. */
static int publish_new(const char *hidden, const char *path)
{
    if (renameat2(AT_FDCWD, hidden, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* File systems without RENAME_NOREPLACE: link() does not replace either. */
    if (link(hidden, path) == 0)
        return unlink(hidden);
    if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS)
        return -1;
    /* And those without hard links: all that is left is to look first. */
    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(hidden, path);
}

/* The new name is durable only when its directory is; where directories cannot be synced nothing is lost by trying. */
static void sync_parent(const char *path)
{
    char parent[4096];
    pw_file_parent(path, parent, sizeof parent);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

static int publish(const struct pw_pending_file *file)
{
    if (file->hidden[0] == '\0')
        return link_unnamed(file->fd, file->path);
    return file->overwrite ? rename(file->hidden, file->path) : publish_new(file->hidden, file->path);
}

enum pw_status pw_pending_commit(struct pw_pending_file *file, struct pw_error *error)
{
    if (fsync(file->fd) != 0 && errno != EINVAL)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written to the disk", file->path);
    if (file->hidden[0] == '\0' && file->overwrite) {
        enum pw_status status = name_hidden(file, error);
        if (status != PW_OK)
            return status;
    }
    if (publish(file) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be put in place", file->path);
    /* From here on the file is the result: closing cannot lose what was synced, and abort must not remove it. */
    (void)close(file->fd);
    file->fd = -1;
    sync_parent(file->path);
    return PW_OK;
}

void pw_pending_abort(struct pw_pending_file *file)
{
    if (file->fd < 0)
        return;
    (void)close(file->fd);
    if (file->hidden[0] != '\0')
        (void)unlink(file->hidden);
    file->fd = -1;
}
