#include "store/kv.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

/* ---- the file system ---- */

static int dir_exists(const struct pw_kv *kv, const char *path)
{
    (void)kv;
    return access(path, F_OK) == 0;
}

static enum pw_status dir_load_json(const struct pw_kv *kv, const char *path, struct json_object **out,
                                    struct pw_error *error)
{
    (void)kv;
    return pw_json_load(path, out, error);
}

static enum pw_status dir_locate(const struct pw_kv *kv, struct pw_extent *extent, struct pw_error *error)
{
    (void)kv;
    (void)extent;
    (void)error;
    return PW_OK;
}

static int dir_children(const struct pw_kv *kv, const char *directory, char **names, int max)
{
    int count = 0;
    struct dirent *entry;
    DIR *dir = opendir(directory);
    (void)kv;
    if (dir == NULL)
        return 0;
    while (count < max && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && (names[count] = strdup(entry->d_name)) != NULL)
            count++;
    (void)closedir(dir);
    return count;
}

static size_t dir_memory_bytes(const struct pw_kv *kv)
{
    (void)kv;
    return 0;
}

static const struct pw_kv_ops dir_ops = {
    .exists = dir_exists,
    .load_json = dir_load_json,
    .locate = dir_locate,
    .children = dir_children,
    .memory_bytes = dir_memory_bytes,
};

const struct pw_kv pw_kv_dir = {&dir_ops};

/* ---- either ---- */

int pw_kv_file_above(const char *path, char file[PW_KV_PATH_BYTES])
{
    struct stat st;
    size_t n = strlen(path);
    if (n >= PW_KV_PATH_BYTES)
        return 0;
    memcpy(file, path, n + 1);
    while (n > 0) {
        while (n > 1 && file[n - 1] == '/')
            file[--n] = '\0';
        if (stat(file, &st) == 0)
            return S_ISREG(st.st_mode);
        while (n > 0 && file[n - 1] != '/')
            file[--n] = '\0';
    }
    return 0;
}

int pw_kv_is_zip(const char *path)
{
    char file[PW_KV_PATH_BYTES];
    unsigned char head[4];
    size_t got = 0;
    int fd;
    if (!pw_kv_file_above(path, file) || pw_file_open_read(file, &fd, NULL) != PW_OK)
        return 0;
    enum pw_status status = pw_file_read(fd, head, sizeof head, 0, &got, file, NULL);
    (void)close(fd);
    return status == PW_OK && got == sizeof head && memcmp(head, "PK", 2) == 0 &&
           (memcmp(head + 2, "\3\4", 2) == 0 || memcmp(head + 2, "\5\6", 2) == 0);
}

enum pw_status pw_kv_open(const char *path, const struct pw_kv **kv, struct pw_error *error)
{
    char file[PW_KV_PATH_BYTES];
    *kv = &pw_kv_dir;
    return pw_kv_file_above(path, file) ? pw_kv_zip_open(file, kv, error) : PW_OK;
}

void pw_kv_close(const struct pw_kv *kv)
{
    if (kv != NULL && kv->ops->close != NULL)
        kv->ops->close(kv);
}
