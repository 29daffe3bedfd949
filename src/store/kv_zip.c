/*
 * A zip archive as a store of keys (.zip, .ozx).  Stored entries are stretches of the file, which any I/O engine
 * reads at their offset; deflated ones are read the same way and inflated by whoever decodes the chunk.
 *
 * The root of the hierarchy is the archive's own, or the folder in it that holds everything: what a file manager makes
 * of a directory, and "data/run7.zarr" after zip was told that path.  Its name, or the first of its folders, may be left
 * out of paths.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/kv.h"
#include "store/zip_directory.h"
#include "sys/file.h"

struct zip_store {
    struct pw_kv base;
    int fd;
    char path[4096]; /* of the archive */
    size_t path_bytes;
    char top[1024]; /* the folder that holds everything, with its "/", or "" */
    struct pw_zip_directory zip;
};

static const struct zip_store *of(const struct pw_kv *kv)
{
    return (const struct zip_store *)kv;
}

/* How much of top is to be put before rest, which may begin with any folder of it. */
static size_t left_out(const char *top, const char *rest)
{
    for (const char *from = top; *from != '\0'; from = strchr(from, '/') + 1)
        if (strncmp(rest, from, strlen(from)) == 0)
            return (size_t)(from - top);
    return strlen(top);
}

/* What path is called in the archive, into key of 4096 bytes; 0 when it is not within. */
static int key_of(const struct zip_store *store, const char *path, char key[4096], size_t *n)
{
    if (strncmp(path, store->path, store->path_bytes) != 0)
        return 0;
    const char *rest = path + store->path_bytes;
    if (*rest != '/' && *rest != '\0')
        return 0;
    while (*rest == '/')
        rest++;
    int made = snprintf(key, 4096, "%.*s%s", (int)left_out(store->top, rest), store->top, rest);
    if (made < 0 || made >= 4096)
        return 0;
    *n = 0;
    for (const char *p = key; *p != '\0'; p++) /* "a//b" and "a/./b" are what they are in a file system */
        if (*p == '/' && (p[1] == '/' || p[1] == '\0'))
            continue;
        else if (*p == '.' && (*n == 0 || key[*n - 1] == '/') && p[1] == '/')
            p++;
        else
            key[(*n)++] = *p;
    key[*n] = '\0';
    return 1;
}

static int find(const struct zip_store *store, const char *path, struct pw_zip_entry *entry)
{
    char key[4096];
    size_t n;
    return key_of(store, path, key, &n) && pw_zip_find(&store->zip, key, n, entry);
}

static int zip_exists(const struct pw_kv *kv, const char *path)
{
    struct pw_zip_entry entry;
    return find(of(kv), path, &entry);
}

static enum pw_status check_packing(const struct pw_zip_entry *entry, const char *path, struct pw_error *error)
{
    if (entry->encrypted)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: is encrypted in its zip archive; unpack it", path);
    if (entry->method != PW_ZIP_STORED && entry->method != PW_ZIP_DEFLATED)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: is packed with method %u in its zip archive (stored and deflated are read); unpack it, or "
                       "pack it with zip -0",
                       path, entry->method);
    return PW_OK;
}

static enum pw_status zip_locate(const struct pw_kv *kv, struct pw_extent *extent, struct pw_error *error)
{
    const struct zip_store *store = of(kv);
    struct pw_zip_entry entry;
    if (!find(store, extent->path, &entry))
        return PW_EMPTY;
    enum pw_status status = check_packing(&entry, extent->path, error);
    if (status != PW_OK)
        return status;
    if (entry.stored_bytes == 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: is empty", extent->path);
    extent->fd = store->fd;
    extent->length = entry.stored_bytes;
    return pw_zip_data_offset(&store->zip, store->fd, &entry, extent->path, &extent->offset, error);
}

/* ---- inflating ---- */

static enum pw_status inflate_entry(const struct pw_zip_entry *entry, const char *path, struct pw_codec_state *state,
                                    const void *stored, size_t n, void *out, size_t *size, struct pw_error *error)
{
    struct pw_error inner = {0};
    if (entry->bytes > *size)
        return pw_fail(error, PW_E_FORMAT, "%s: says it inflates to %llu bytes, at most %zu can be right", path,
                       (unsigned long long)entry->bytes, *size);
    *size = (size_t)entry->bytes;
    enum pw_status status = pw_inflate_raw(state, stored, n, out, *size, &inner);
    if (status != PW_OK)
        return pw_fail(error, status, "%s: %s", path, inner.message);
    if ((uint32_t)crc32_z(0, out, *size) != entry->crc)
        return pw_fail(error, PW_E_CHECKSUM, "%s: checksum differs from the one in the zip archive", path);
    return PW_OK;
}

static enum pw_status zip_inflate(const struct pw_kv *kv, const char *path, struct pw_codec_state *state,
                                  const void *stored, size_t n, void *out, size_t *size, struct pw_error *error)
{
    struct pw_zip_entry entry;
    if (!of(kv)->zip.any_is_deflated || !find(of(kv), path, &entry) || entry.method != PW_ZIP_DEFLATED)
        return PW_EMPTY;
    return inflate_entry(&entry, path, state, stored, n, out, size, error);
}

/* The bytes of an entry that is metadata, in memory of their own. */
static enum pw_status load(const struct zip_store *store, const struct pw_zip_entry *entry, const char *path,
                           char **text, struct pw_error *error)
{
    struct pw_codec_state state = {0};
    uint64_t data;
    size_t size = (size_t)entry->bytes;
    enum pw_status status = pw_zip_data_offset(&store->zip, store->fd, entry, path, &data, error);
    if (status != PW_OK)
        return status;
    char *stored = pw_alloc(entry->stored_bytes + 1, 1, error), *out = NULL;
    if (stored == NULL)
        return PW_E_NOMEM;
    status = pw_file_read_exactly(store->fd, stored, (size_t)entry->stored_bytes, data, path, error);
    if (status == PW_OK && entry->method == PW_ZIP_DEFLATED) {
        out = pw_alloc(entry->bytes + 1, 1, error);
        status = out == NULL
                     ? PW_E_NOMEM
                     : inflate_entry(entry, path, &state, stored, (size_t)entry->stored_bytes, out, &size, error);
    }
    pw_codec_state_release(&state);
    if (out != NULL || status != PW_OK)
        free(stored);
    if (status != PW_OK)
        free(out);
    else
        *text = out != NULL ? out : stored;
    return status;
}

static enum pw_status zip_load_json(const struct pw_kv *kv, const char *path, struct json_object **out,
                                    struct pw_error *error)
{
    struct pw_zip_entry entry;
    char *text = NULL;
    *out = NULL;
    if (!find(of(kv), path, &entry))
        return pw_fail(error, PW_E_NOT_FOUND, "%s: no such entry in the zip archive", path);
    enum pw_status status = check_packing(&entry, path, error);
    if (status == PW_OK && (entry.bytes > PW_JSON_BYTES_MAX || entry.stored_bytes > PW_JSON_BYTES_MAX))
        status = pw_fail(error, PW_E_UNSUPPORTED, "%s: metadata of %llu bytes, more than %zu", path,
                         (unsigned long long)entry.bytes, PW_JSON_BYTES_MAX);
    if (status == PW_OK)
        status = load(of(kv), &entry, path, &text, error);
    if (status == PW_OK)
        status = pw_json_parse(text, (size_t)entry.bytes, path, out, error);
    free(text);
    return status;
}

/* ---- looking through all entries ---- */

/* Whether a name begins with prefix, which ends in "/" or is "". */
static int is_below(const struct pw_zip_entry *entry, const char *prefix, size_t n)
{
    return entry->name_bytes > n && memcmp(entry->name, prefix, n) == 0;
}

/* The prefix of what is below directory: its key and a "/". */
static int prefix_of(const struct zip_store *store, const char *directory, char prefix[4096 + 1], size_t *n)
{
    if (!key_of(store, directory, prefix, n))
        return 0;
    if (*n > 0 && prefix[*n - 1] != '/')
        prefix[(*n)++] = '/';
    return 1;
}

static int zip_deflates(const struct pw_kv *kv, const char *directory)
{
    const struct zip_store *store = of(kv);
    struct pw_zip_entry entry;
    char prefix[4096 + 1];
    size_t n;
    uint64_t offset = 0;
    if (!store->zip.any_is_deflated || !prefix_of(store, directory, prefix, &n))
        return 0;
    while (pw_zip_next(&store->zip, &offset, &entry))
        if (entry.method == PW_ZIP_DEFLATED && is_below(&entry, prefix, n))
            return 1;
    return 0;
}

static int is_listed(char *const *names, int count, const char *name, size_t n)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return 1;
    return 0;
}

/* A copy of n bytes that no zero ends. */
static char *copy_name(const char *name, size_t n)
{
    char *copy = malloc(n + 1);
    if (copy != NULL) {
        memcpy(copy, name, n);
        copy[n] = '\0';
    }
    return copy;
}

static int zip_children(const struct pw_kv *kv, const char *directory, char **names, int max)
{
    const struct zip_store *store = of(kv);
    struct pw_zip_entry entry;
    char prefix[4096 + 1];
    size_t n;
    uint64_t offset = 0;
    int count = 0;
    if (!prefix_of(store, directory, prefix, &n))
        return 0;
    while (count < max && pw_zip_next(&store->zip, &offset, &entry)) {
        if (!is_below(&entry, prefix, n))
            continue;
        const char *name = entry.name + n, *slash = memchr(name, '/', entry.name_bytes - n);
        size_t length = slash != NULL ? (size_t)(slash - name) : entry.name_bytes - n;
        if (length > 0 && name[0] != '.' && !is_listed(names, count, name, length) &&
            (names[count] = copy_name(name, length)) != NULL)
            count++;
    }
    return count;
}

/* What file managers add. */
static int is_litter(const struct pw_zip_entry *entry)
{
    static const char *const names[] = {"__MACOSX/", ".DS_Store", "Thumbs.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (entry->name_bytes >= n && memcmp(entry->name, names[i], n) == 0)
            return 1;
    }
    return 0;
}

/* The bytes of the name up to its last "/", that included. */
static size_t folder_bytes(const char *name, size_t n)
{
    while (n > 0 && name[n - 1] != '/')
        n--;
    return n;
}

/* Finds the folder that every file is in.  What holds metadata is one, so a zarr is never cut into. */
static void find_top(struct zip_store *store)
{
    struct pw_zip_entry entry;
    uint64_t offset = 0;
    size_t n = 0;
    const char *top = NULL;
    while (pw_zip_next(&store->zip, &offset, &entry)) {
        if (is_litter(&entry) || entry.name_bytes == folder_bytes(entry.name, entry.name_bytes))
            continue;
        if (top == NULL) {
            top = entry.name;
            n = folder_bytes(top, entry.name_bytes);
        }
        while (n > 0 && (entry.name_bytes < n || memcmp(entry.name, top, n) != 0))
            n = folder_bytes(top, n - 1);
    }
    if (n < sizeof store->top && top != NULL) {
        memcpy(store->top, top, n);
        store->top[n] = '\0';
    }
}

/* ---- opening ---- */

static size_t zip_memory_bytes(const struct pw_kv *kv)
{
    return sizeof(struct zip_store) + pw_zip_directory_memory_bytes(&of(kv)->zip);
}

static void zip_close(const struct pw_kv *kv)
{
    struct zip_store *store = (struct zip_store *)(uintptr_t)kv;
    if (store->fd >= 0)
        (void)close(store->fd);
    pw_zip_directory_release(&store->zip);
    free(store);
}

static const struct pw_kv_ops zip_ops = {
    .exists = zip_exists,
    .load_json = zip_load_json,
    .locate = zip_locate,
    .children = zip_children,
    .deflates = zip_deflates,
    .inflate = zip_inflate,
    .memory_bytes = zip_memory_bytes,
    .close = zip_close,
};

enum pw_status pw_kv_zip_open(const char *path, const struct pw_kv **kv, struct pw_error *error)
{
    struct zip_store *store = pw_alloc(1, sizeof *store, error);
    if (store == NULL)
        return PW_E_NOMEM;
    store->base.ops = &zip_ops;
    store->path_bytes = strlen(path);
    store->fd = -1;
    enum pw_status status = store->path_bytes < sizeof store->path
                                ? pw_file_open_read(path, &store->fd, error)
                                : pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is too long", path);
    if (status == PW_OK) {
        memcpy(store->path, path, store->path_bytes + 1);
        status = pw_zip_directory_read(&store->zip, store->fd, path, error);
    }
    if (status != PW_OK) {
        zip_close(&store->base);
        return status;
    }
    find_top(store);
    *kv = &store->base;
    return PW_OK;
}
