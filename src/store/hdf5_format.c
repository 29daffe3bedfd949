#include "store/hdf5_format.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/* The signature is at the start, or behind a block of the user's own: at 512, 1024, 2048, .. */
static int is_hdf5(const char *path)
{
    struct stat info;
    unsigned char head[sizeof signature];
    int fd, found = 0;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || pw_file_open_read(path, &fd, NULL) != PW_OK)
        return 0;
    for (uint64_t at = 0; !found && at < (uint64_t)info.st_size && at <= (1u << 20); at = at == 0 ? 512 : 2 * at) {
        size_t n = 0;
        found = pw_file_read(fd, head, sizeof head, at, &n, path, NULL) == PW_OK && n == sizeof head &&
                memcmp(head, signature, sizeof head) == 0;
    }
    (void)close(fd);
    return found;
}

/* Splits path behind the file: dataset is what follows ':' or '/'.  0 when no part of it is an HDF5 file. */
static int split(const char *path, char *file, size_t capacity, const char **dataset)
{
    size_t n = strlen(path);
    if (n >= capacity)
        return 0;
    for (size_t i = n; i-- > 1;) {
        if (path[i] != ':' && path[i] != '/')
            continue;
        memcpy(file, path, i);
        file[i] = '\0';
        if (is_hdf5(file)) {
            *dataset = path + i + 1;
            return 1;
        }
    }
    return 0;
}

int pw_hdf5_is_inside(const char *path)
{
    char file[4096];
    const char *dataset;
    return split(path, file, sizeof file, &dataset);
}

static int hdf5_recognise(const char *path, const unsigned char *head, size_t n)
{
    if (n < sizeof signature)
        return 0;
    return memcmp(head, signature, sizeof signature) == 0 || is_hdf5(path);
}

#ifdef HAVE_HDF5

static enum pw_status hdf5_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    char file[4096];
    const char *dataset = NULL;
    if (access(path, F_OK) == 0 || !split(path, file, sizeof file, &dataset))
        return pw_hdf5_open(path, NULL, options, source, error);
    return pw_hdf5_open(file, dataset[0] != '\0' ? dataset : NULL, options, source, error);
}

#else

static enum pw_status hdf5_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    (void)options;
    (void)source;
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: is HDF5, and this build has no HDF5 library (Debian: libhdf5-dev, then configure again)", path);
}

#endif

const struct pw_format pw_format_hdf5 = {.name = "HDF5", .recognise = hdf5_recognise, .open = hdf5_open};
