#include "store/tiff_entries.h"

#include "base/checked.h"
#include "base/error.h"
#include "sys/file.h"

/* The entries of the current directory. */
struct entries {
    uint64_t at; /* offset of the first */
    uint64_t n;
    unsigned word; /* bytes of counts and offsets */
    unsigned each; /* bytes of an entry */
    int big_endian;
};

static uint64_t number_at(const unsigned char *at, unsigned n, int big_endian)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++)
        value = value << 8 | at[big_endian ? i : n - 1 - i];
    return value;
}

static enum pw_status begin(struct pw_tiff *handle, struct entries *entries, struct pw_error *error)
{
    unsigned char raw[8];
    int wide = TIFFIsBigTIFF(handle->tif);
    unsigned count_bytes = wide ? 8 : 2;
    entries->word = wide ? 8 : 4;
    entries->each = 4 + 2 * entries->word;
    entries->big_endian = TIFFIsBigEndian(handle->tif) != 0;
    entries->at = TIFFCurrentDirOffset(handle->tif) + count_bytes;
    enum pw_status status =
        pw_file_read_exactly(handle->fd, raw, count_bytes, entries->at - count_bytes, handle->path, error);
    entries->n = status == PW_OK ? pw_min_u64(number_at(raw, count_bytes, entries->big_endian), UINT16_MAX) : 0;
    return status;
}

int pw_tiff_entry_find(struct pw_tiff *handle, uint16_t tag, struct pw_tiff_entry *entry, struct pw_error *error)
{
    unsigned char raw[20];
    struct entries in;
    enum pw_status status = begin(handle, &in, error);
    for (uint64_t i = 0; i < in.n && status == PW_OK; i++) {
        status = pw_file_read_exactly(handle->fd, raw, in.each, in.at + in.each * i, handle->path, error);
        if (status != PW_OK || number_at(raw, 2, in.big_endian) != tag)
            continue;
        entry->type = (uint16_t)number_at(raw + 2, 2, in.big_endian);
        entry->count = number_at(raw + 4, in.word, in.big_endian);
        entry->offset = number_at(raw + 4 + in.word, in.word, in.big_endian);
        entry->number = (uint16_t)number_at(raw + 4 + in.word, 2, in.big_endian);
        return 1;
    }
    return (int)status;
}

enum pw_status pw_tiff_check_last(struct pw_tiff *handle, struct pw_error *error)
{
    struct entries in;
    enum pw_status status = begin(handle, &in, error);
    uint64_t end = in.at + in.n * in.each + in.word;
    if (status != PW_OK || end <= handle->file_bytes)
        return status;
    return pw_fail(error, PW_E_TRUNCATED, "%s: the directory at %llu goes on to %llu, the file ends at %llu",
                   handle->path, (unsigned long long)TIFFCurrentDirOffset(handle->tif), (unsigned long long)end,
                   (unsigned long long)handle->file_bytes);
}

enum pw_status pw_tiff_check_text(struct pw_tiff *handle, uint16_t tag, const char *name, struct pw_error *error)
{
    struct pw_tiff_entry entry;
    uint64_t end;
    int found = pw_tiff_entry_find(handle, tag, &entry, error);
    if (found < 0)
        return (enum pw_status)found;
    if (!found || entry.count <= (TIFFIsBigTIFF(handle->tif) ? 8 : 4))
        return PW_OK;
    if (pw_add_u64(entry.offset, entry.count, &end) && end <= handle->file_bytes)
        return PW_OK;
    return pw_fail(error, PW_E_TRUNCATED, "%s: its %s of %llu bytes is at %llu, the file ends at %llu", handle->path,
                   name, (unsigned long long)entry.count, (unsigned long long)entry.offset,
                   (unsigned long long)handle->file_bytes);
}
