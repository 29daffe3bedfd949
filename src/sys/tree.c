#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

/* Ends the name of what was moved aside. */
#define ASIDE "-old"

enum {
    TRIES = 100,
    HEX_DIGITS = 6,        /* of a hidden name */
    DEPTH_MAX = 64,        /* of directories that are walked: no store of ours is that deep */
    FILES_SYNCED_EACH = 64 /* more files than this: the whole file system at once is quicker */
};

/* parent/.NAME.pw-XXXXXX; a new name each time. */
static enum pw_status hidden_name(const char *parent, const char *name, char path[PW_TREE_PATH_BYTES],
                                  struct pw_error *error)
{
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint32_t)getpid();
    int n = snprintf(path, PW_TREE_PATH_BYTES, "%s/.%s.pw-%06x", parent, name, bits & 0xffffffU);
    if (n < 0 || n >= PW_TREE_PATH_BYTES)
        return pw_fail(error, PW_E_ARGUMENT, "%s/%s: the path is too long", parent, name);
    return PW_OK;
}

/* flock(2): the header that declares it, <sys/file.h>, is hidden by our own sys/file.h. */
int flock(int fd, int operation);

/* Whether entry is .NAME.pw-XXXXXX, or one that was moved aside. */
static int is_hidden_of(const char *entry, const char *name)
{
    size_t n = strlen(name);
    if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 || strncmp(entry + 1 + n, ".pw-", 4) != 0)
        return 0;
    const char *bits = entry + 1 + n + 4;
    return strspn(bits, "0123456789abcdef") == HEX_DIGITS &&
           (bits[HEX_DIGITS] == '\0' || strcmp(bits + HEX_DIGITS, ASIDE) == 0);
}

/* Calls visit with the path of each hidden directory for parent/name. */
static void each_hidden(const char *parent, const char *name, void (*visit)(const char *hidden, const char *final))
{
    char path[PW_TREE_PATH_BYTES], final[PW_TREE_PATH_BYTES];
    DIR *directory = opendir(parent);
    int n = snprintf(final, sizeof final, "%s/%s", parent, name), fits = n > 0 && (size_t)n < sizeof final;
    for (struct dirent *entry; directory != NULL && fits && (entry = readdir(directory)) != NULL;) {
        n = snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        if (is_hidden_of(entry->d_name, name) && n > 0 && (size_t)n < sizeof path)
            visit(path, final);
    }
    if (directory != NULL)
        (void)closedir(directory);
}

/* Whether a process holds the lock of the directory; 0 too when it is not there. */
static int is_in_use(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int in_use = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        (void)close(fd);
    return in_use;
}

/* Who moved it aside holds the lock of the new one, whose name it has but for the ending. */
static void bring_back(const char *hidden, const char *final)
{
    char made[PW_TREE_PATH_BYTES];
    struct stat st;
    size_t n = strlen(hidden) - strlen(ASIDE);
    if (strcmp(hidden + n, ASIDE) != 0 || lstat(final, &st) == 0)
        return;
    memcpy(made, hidden, n);
    made[n] = '\0';
    if (!is_in_use(made))
        (void)rename(hidden, final);
}

static void remove_unused(const char *hidden, const char *final)
{
    (void) final;
    int fd = open(hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        pw_tree_remove(hidden);
    if (fd >= 0)
        (void)close(fd);
}

void pw_tree_recover(const char *path)
{
    char parent[PW_TREE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    struct stat st;
    pw_file_parent(path, parent, sizeof parent);
    if (lstat(path, &st) != 0)
        each_hidden(parent, slash != NULL ? slash + 1 : path, bring_back);
}

void pw_tree_remove_stale(const char *parent, const char *name)
{
    each_hidden(parent, name, bring_back);
    each_hidden(parent, name, remove_unused);
}

/* Locks a new directory.  Returns 0 when another process took it for a stale one before. */
static int lock_new(const char *path, int *lock)
{
    struct stat st;
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*lock < 0)
        return 0;
    if ((flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) || fstat(*lock, &st) != 0 || st.st_nlink == 0) {
        (void)close(*lock);
        *lock = -1;
        return 0;
    }
    return 1;
}

enum pw_status pw_tree_make_hidden(const char *parent, const char *name, char path[PW_TREE_PATH_BYTES], int *lock,
                                   struct pw_error *error)
{
    *lock = -1;
    pw_tree_remove_stale(parent, name);
    for (int i = 0; i < TRIES; i++) {
        enum pw_status status = hidden_name(parent, name, path, error);
        if (status != PW_OK)
            return status;
        /* mkdtemp() would make it unreadable to others for good. */
        int made = mkdir(path, 0777) == 0;
        if (made && lock_new(path, lock))
            return PW_OK;
        if (!made && errno != EEXIST)
            break;
    }
    return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", path);
}

enum pw_status pw_tree_lock(const char *path, int *lock, struct pw_error *error)
{
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    while (flock(*lock, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return PW_OK;
}

enum pw_status pw_tree_try_lock(const char *path, int *lock, struct pw_error *error)
{
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(*lock);
        *lock = -1;
        return pw_fail(error, PW_E_EXISTS, "%s: another run is at work there", path);
    }
    return PW_OK;
}

enum pw_status pw_tree_make(const char *path, struct pw_error *error)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return PW_OK;
    return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", path);
}

enum pw_status pw_tree_put_file(const char *path, const void *data, size_t n, int durable, struct pw_error *error)
{
    char beside[PW_TREE_PATH_BYTES];
    char parent[PW_TREE_PATH_BYTES];
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    pw_file_parent(path, parent, sizeof parent);
    enum pw_status status = hidden_name(parent, name, beside, error);
    if (status != PW_OK)
        return status;
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written", path);
    status = pw_file_write(fd, data, n, 0, path, error);
    if (status == PW_OK && durable && fsync(fd) != 0)
        status = pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written to the disk", path);
    if (close(fd) != 0 && status == PW_OK)
        status = pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written", path);
    if (status == PW_OK && rename(beside, path) != 0)
        status = pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be put in place", path);
    if (status != PW_OK)
        (void)unlink(beside);
    return status;
}

/* ---- walking ---- */

/* What a walk does with a file (fd of its directory, name), and with a directory when all in it is done. */
struct visitor {
    enum pw_status (*file)(int parent, const char *name, void *context, struct pw_error *error);
    enum pw_status (*directory)(int parent, const char *name, int fd, void *context, struct pw_error *error);
    void *context;
};

static int is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum pw_status walk(int parent, const char *name, const struct visitor *visitor, int depth,
                           struct pw_error *error)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", name);
    DIR *directory = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        (void)close(fd);
        return pw_fail(error, PW_E_IO, "%s: cannot be listed", name);
    }
    enum pw_status status = PW_OK;
    for (struct dirent *entry; status == PW_OK && (entry = readdir(directory)) != NULL;) {
        struct stat st;
        if (is_dot(entry->d_name) || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            status = walk(fd, entry->d_name, visitor, depth + 1, error);
        else
            status = visitor->file(fd, entry->d_name, visitor->context, error);
    }
    if (status == PW_OK)
        status = visitor->directory(parent, name, fd, visitor->context, error);
    (void)closedir(directory);
    return status;
}

static enum pw_status remove_file(int parent, const char *name, void *context, struct pw_error *error)
{
    (void)context;
    (void)error;
    (void)unlinkat(parent, name, 0);
    return PW_OK;
}

static enum pw_status remove_directory(int parent, const char *name, int fd, void *context, struct pw_error *error)
{
    (void)fd;
    (void)context;
    (void)error;
    (void)unlinkat(parent, name, AT_REMOVEDIR);
    return PW_OK;
}

void pw_tree_remove(const char *path)
{
    const struct visitor visitor = {remove_file, remove_directory, NULL};
    struct pw_error ignored = {0};
    (void)walk(AT_FDCWD, path, &visitor, 0, &ignored);
}

/* The hidden name is one that pw_tree_remove_stale() finds, should this process not come to its end. */
void pw_tree_discard(const char *path)
{
    char parent[PW_TREE_PATH_BYTES], hidden[PW_TREE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    pw_file_parent(path, parent, sizeof parent);
    if (hidden_name(parent, slash != NULL ? slash + 1 : path, hidden, NULL) == PW_OK && rename(path, hidden) == 0)
        path = hidden;
    pw_tree_remove(path);
}

/* Counts, and has the disk begin: one fsync after another would wait for each file alone. */
static enum pw_status count_file(int parent, const char *name, void *context, struct pw_error *error)
{
    (void)error;
    ++*(uint64_t *)context;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        pw_file_begin_sync(fd);
        (void)close(fd);
    }
    return PW_OK;
}

static enum pw_status count_directory(int parent, const char *name, int fd, void *context, struct pw_error *error)
{
    (void)parent;
    (void)name;
    (void)fd;
    (void)error;
    ++*(uint64_t *)context;
    return PW_OK;
}

static enum pw_status sync_file(int parent, const char *name, void *context, struct pw_error *error)
{
    (void)context;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", name);
    int failed = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return failed == 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, failed, "%s: cannot be written to the disk", name);
}

static enum pw_status sync_directory(int parent, const char *name, int fd, void *context, struct pw_error *error)
{
    (void)parent;
    (void)context;
    return fsync(fd) == 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written to the disk", name);
}

enum pw_status pw_tree_sync(const char *path, struct pw_error *error)
{
    uint64_t files = 0;
    const struct visitor counter = {count_file, count_directory, &files};
    const struct visitor syncer = {sync_file, sync_directory, NULL};
    enum pw_status status = walk(AT_FDCWD, path, &counter, 0, error);
    if (status != PW_OK || files <= FILES_SYNCED_EACH)
        return status != PW_OK ? status : walk(AT_FDCWD, path, &syncer, 0, error);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    if (syncfs(fd) != 0)
        status = pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be written to the disk", path);
    (void)close(fd);
    return status;
}

enum pw_status pw_tree_sync_directory(const char *path, struct pw_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    enum pw_status status = sync_directory(AT_FDCWD, path, fd, NULL, error);
    (void)close(fd);
    return status;
}

/* ---- putting in place ---- */

/* Without RENAME_EXCHANGE (NFS and others): the old one moves aside, the new one in, the old one to its name. */
static enum pw_status replace_in_steps(const char *made, const char *final, struct pw_error *error)
{
    char aside[PW_TREE_PATH_BYTES];
    int n = snprintf(aside, sizeof aside, "%s" ASIDE, made);
    if (n < 0 || (size_t)n >= sizeof aside)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", made);
    if (rename(final, aside) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be moved aside", final);
    if (rename(made, final) != 0) {
        int why = errno;
        (void)rename(aside, final);
        return pw_fail_errno(error, PW_E_IO, why, "%s: cannot be put in place", final);
    }
    (void)rename(aside, made);
    return PW_OK;
}

enum pw_status pw_tree_publish(const char *made, const char *final, int overwrite, struct pw_error *error)
{
    struct stat st;
    if (overwrite && lstat(final, &st) == 0) {
        if (renameat2(AT_FDCWD, made, AT_FDCWD, final, RENAME_EXCHANGE) == 0)
            return PW_OK;
        if (errno == EINVAL || errno == ENOSYS)
            return replace_in_steps(made, final, error);
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be put in place", final);
    }
    if (renameat2(AT_FDCWD, made, AT_FDCWD, final, RENAME_NOREPLACE) == 0)
        return PW_OK;
    /* Where the flag is unknown: rename(2) itself replaces an empty directory only. */
    if ((errno == EINVAL || errno == ENOSYS) && lstat(final, &st) != 0 && rename(made, final) == 0)
        return PW_OK;
    return pw_fail_errno(error, PW_E_IO, lstat(final, &st) == 0 ? EEXIST : errno, "%s: cannot be put in place", final);
}
