/*
 * store/kv - where the keys of a zarr or an N5 are kept: in a directory, or in a zip archive.
 *
 * A key is written as a path either way, an archive being used as if it were a directory:
 * "images/run7.zarr.zip/0/.zarray".  The caller has the path of what it asks for in any case, for messages.
 *
 *     const struct pw_kv *kv;
 *     status = pw_kv_open("run7.zarr.zip/0", &kv, error);
 *     ... pw_kv_exists(kv, path), pw_kv_load_json(kv, path, &meta, error) ...
 *     pw_kv_close(kv);
 *
 * Two implementations: pw_kv_dir (kv.c), which is stateless and costs nothing, and kv_zip.c.
 * Threads: everything but open and close may be called from any thread at a time.
 */
#ifndef PW_STORE_KV_H
#define PW_STORE_KV_H

#include "base/json.h"
#include "codec/codec.h"
#include "store/source.h"

struct pw_kv;

/* The slots resemble access(2), open(2) and readdir(3). */
struct pw_kv_ops {
    int (*exists)(const struct pw_kv *kv, const char *path);

    /* PW_E_NOT_FOUND when there is no such key. */
    enum pw_status (*load_json)(const struct pw_kv *kv, const char *path, struct json_object **out,
                                struct pw_error *error);

    /*
     * Says where the bytes of the key extent->path are: leaves extent alone (a file of that path, if there is
     * one), or sets fd, offset and length.  PW_EMPTY: there is no such key.
     */
    enum pw_status (*locate)(const struct pw_kv *kv, struct pw_extent *extent, struct pw_error *error);

    /* The first max names right below directory, unsorted; each is the caller's to free. */
    int (*children)(const struct pw_kv *kv, const char *directory, char **names, int max);

    /* Whether any key below directory is stored deflated.  NULL: none ever is. */
    int (*deflates)(const struct pw_kv *kv, const char *directory);

    /*
     * When the key is stored deflated: inflates the n stored bytes into at most *size, which is set.  PW_EMPTY
     * when it is not deflated, and the bytes are what they are.  NULL as above.
     */
    enum pw_status (*inflate)(const struct pw_kv *kv, const char *path, struct pw_codec_state *state,
                              const void *stored, size_t n, void *out, size_t *size, struct pw_error *error);

    size_t (*memory_bytes)(const struct pw_kv *kv);
    void (*close)(const struct pw_kv *kv);
};

struct pw_kv {
    const struct pw_kv_ops *ops;
};

/* The file system. */
extern const struct pw_kv pw_kv_dir;

/*
 * The store that holds path: an archive, when path or something above it is a file, else the file system.
 * Errors: PW_E_FORMAT, PW_E_UNSUPPORTED, PW_E_TRUNCATED (an archive that is broken or hostile), PW_E_IO.
 */
enum pw_status pw_kv_open(const char *path, const struct pw_kv **kv, struct pw_error *error);
void pw_kv_close(const struct pw_kv *kv); /* NULL allowed */

#define PW_KV_PATH_BYTES 4096

/* The regular file at path, or that which the beginning of path names; 0: there is none, but a directory or nothing. */
int pw_kv_file_above(const char *path, char file[PW_KV_PATH_BYTES]);

/* Whether path is a zip archive, or leads into one.  Reads the first bytes of a file. */
int pw_kv_is_zip(const char *path);

/* kv_zip.c: the archive that is the file at path. */
enum pw_status pw_kv_zip_open(const char *path, const struct pw_kv **kv, struct pw_error *error);

static inline int pw_kv_exists(const struct pw_kv *kv, const char *path)
{
    return kv->ops->exists(kv, path);
}

static inline enum pw_status pw_kv_load_json(const struct pw_kv *kv, const char *path, struct json_object **out,
                                             struct pw_error *error)
{
    return kv->ops->load_json(kv, path, out, error);
}

#endif
