#include "sys/stamp.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"

enum {
    PATH_BYTES = 4096,
    DEPTH_MOST = 64
};

/* Several ticks of any kernel's clock. */
#define SETTLED_NS UINT64_C(100000000)

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t to_ns(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000U + (uint64_t)t->tv_nsec;
}

static void add(struct pw_stamp *stamp, const char *name, const struct stat *st)
{
    uint64_t fact[] = {(uint64_t)st->st_size, (uint64_t)st->st_ino, to_ns(&st->st_mtim), to_ns(&st->st_ctim)};
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), name, strlen(name));
    stamp->files++;
    stamp->bytes += (uint64_t)st->st_size;
    stamp->sum += hash(h, fact, sizeof fact);
    stamp->newest_ns = fact[3] > stamp->newest_ns ? fact[3] : stamp->newest_ns;
}

static enum pw_status walk(char path[PATH_BYTES], size_t root, int depth, struct pw_stamp *stamp,
                           struct pw_error *error);

/* What is at path, whose end is the name of an entry. */
static enum pw_status visit(char path[PATH_BYTES], size_t root, int depth, struct pw_stamp *stamp,
                            struct pw_error *error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be looked at", path);
    if (S_ISDIR(st.st_mode))
        return walk(path, root, depth + 1, stamp, error);
    add(stamp, path + root, &st);
    return PW_OK;
}

static enum pw_status walk(char path[PATH_BYTES], size_t root, int depth, struct pw_stamp *stamp,
                           struct pw_error *error)
{
    size_t length = strlen(path);
    DIR *directory = depth <= DEPTH_MOST ? opendir(path) : NULL;
    enum pw_status status = PW_OK;
    if (directory == NULL)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot list", path);
    for (struct dirent *entry; status == PW_OK && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int n = snprintf(path + length, PATH_BYTES - length, "/%s", entry->d_name);
        status = n > 0 && (size_t)n < PATH_BYTES - length ? visit(path, root, depth, stamp, error)
                                                          : pw_fail(error, PW_E_IO, "%.200s...: too long a path", path);
        path[length] = '\0';
    }
    (void)closedir(directory);
    return status;
}

enum pw_status pw_stamp_take(const char *path, struct pw_stamp *stamp, struct pw_error *error)
{
    char at[PATH_BYTES];
    memset(stamp, 0, sizeof *stamp);
    if ((size_t)snprintf(at, sizeof at, "%s", path) >= sizeof at)
        return pw_fail(error, PW_E_IO, "%.200s...: too long a path", path);
    return visit(at, strlen(at), 0, stamp, error);
}

int pw_stamp_equal(const struct pw_stamp *a, const struct pw_stamp *b)
{
    return a->files == b->files && a->bytes == b->bytes && a->sum == b->sum && a->newest_ns == b->newest_ns;
}

int pw_stamp_is_settled(const struct pw_stamp *stamp)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return stamp->newest_ns + SETTLED_NS < to_ns(&now);
}
