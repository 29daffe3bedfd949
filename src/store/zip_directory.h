/*
 * store/zip_directory - the central directory of a zip archive, checked and searchable by name.
 *
 * It is kept as it is stored, with a table that finds a name in one step; of entries of one name the last counts,
 * as for every reader of zip (zarr-python appends a chunk that it writes again).  zip64, data descriptors and
 * comments are understood.  Refused whole: archives in
 * several parts, entries that overlap or leave the file, stored entries of two sizes, names that lead out ("..", "/").
 *
 *     struct pw_zip_directory zip = {0};
 *     status = pw_zip_directory_read(&zip, fd, path, error);
 *     if (pw_zip_find(&zip, "0/.zarray", &entry)) ...
 *     pw_zip_directory_release(&zip);                                safe on a zeroed one
 *
 * Threads: constant after reading.
 */
#ifndef PW_STORE_ZIP_DIRECTORY_H
#define PW_STORE_ZIP_DIRECTORY_H

#include "patchworks.h"

#define PW_ZIP_DIRECTORY_BYTES_MAX ((uint64_t)1 << 30)

enum {
    PW_ZIP_STORED = 0,
    PW_ZIP_DEFLATED = 8
};

struct pw_zip_entry {
    const char *name; /* not ended by a zero, and without the "./" that tar puts before every name of a zip */
    size_t name_bytes;
    size_t prefix_bytes; /* of those "./", which stand before name */
    unsigned method;
    int encrypted;
    uint32_t crc;
    uint64_t stored_bytes; /* in the archive */
    uint64_t bytes;        /* inflated */
    uint64_t header;       /* offset of the local header */
};

struct pw_zip_directory {
    unsigned char *records; /* the central directory */
    uint64_t record_bytes;
    uint64_t begin;     /* its offset in the file: no entry reaches beyond */
    uint64_t n_entries; /* records, of which several may have one name */
    uint32_t *slot;     /* offset + 1 of a record, 0: free */
    uint64_t n_slots;   /* a power of two */
    int any_is_deflated;
};

enum pw_status pw_zip_directory_read(struct pw_zip_directory *zip, int fd, const char *path, struct pw_error *error);
void pw_zip_directory_release(struct pw_zip_directory *zip);
size_t pw_zip_directory_memory_bytes(const struct pw_zip_directory *zip);

/* The last entry called name.  Returns 0 when there is none. */
int pw_zip_find(const struct pw_zip_directory *zip, const char *name, size_t name_bytes, struct pw_zip_entry *entry);

/*
 * The entry whose record is at *offset (begin with 0), and *offset to the next one.  Returns 0 past the last.
 */
int pw_zip_next(const struct pw_zip_directory *zip, uint64_t *offset, struct pw_zip_entry *entry);

/* Reads the local header of entry, which must agree with the directory: *data is where its bytes begin. */
enum pw_status pw_zip_data_offset(const struct pw_zip_directory *zip, int fd, const struct pw_zip_entry *entry,
                                  const char *path, uint64_t *data, struct pw_error *error);

#endif
