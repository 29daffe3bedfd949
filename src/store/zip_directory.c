#include "store/zip_directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* APPNOTE.TXT 6.3: sizes of the fixed parts of records, and their signatures. */
enum {
    END_BYTES = 22,
    COMMENT_MAX = 65535,
    LOCATOR_BYTES = 20,
    END64_BYTES = 56,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    EXTRA_ZIP64 = 1
};
#define END_SIGNATURE 0x06054b50u
#define LOCATOR_SIGNATURE 0x07064b50u
#define END64_SIGNATURE 0x06064b50u
#define CENTRAL_SIGNATURE 0x02014b50u
#define LOCAL_SIGNATURE 0x04034b50u

static uint16_t get2(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get4(const unsigned char *p)
{
    return (uint32_t)get2(p) | (uint32_t)get2(p + 2) << 16;
}

static uint64_t get8(const unsigned char *p)
{
    return (uint64_t)get4(p) | (uint64_t)get4(p + 4) << 32;
}

/* ---- records ---- */

/* Sizes of 32 bits that are all ones are in the zip64 field, in this order. */
static int take_zip64(const unsigned char *extra, size_t n, struct pw_zip_entry *entry)
{
    uint64_t *const value[] = {&entry->bytes, &entry->stored_bytes, &entry->header};
    int missing = 0;
    for (int i = 0; i < 3; i++)
        missing += *value[i] == UINT32_MAX;
    for (size_t at = 0; missing > 0 && n - at >= 4; at += 4 + (size_t)get2(extra + at + 2)) {
        size_t length = get2(extra + at + 2), used = 0;
        if (length > n - at - 4)
            return 0;
        if (get2(extra + at) != EXTRA_ZIP64)
            continue;
        for (int i = 0; i < 3; i++)
            if (*value[i] == UINT32_MAX && length - used >= 8) {
                *value[i] = get8(extra + at + 4 + used);
                used += 8;
                missing--;
            }
        return missing == 0;
    }
    return 1; /* a size of exactly 2^32-1 needs no field */
}

/* The bytes of "./" before what else the n bytes of name are. */
static size_t dots_before(const char *name, size_t n)
{
    size_t i = 0;
    while (i + 2 < n && name[i] == '.' && name[i + 1] == '/')
        i += 2;
    return i;
}

/* Reads the record at *offset.  Returns 0 when there is no whole one. */
static int read_record(const struct pw_zip_directory *zip, uint64_t *offset, struct pw_zip_entry *entry)
{
    uint64_t rest = zip->record_bytes - *offset;
    const unsigned char *p = zip->records + *offset;
    if (rest < CENTRAL_BYTES || get4(p) != CENTRAL_SIGNATURE)
        return 0;
    size_t name = get2(p + 28), extra = get2(p + 30), comment = get2(p + 32);
    if (rest - CENTRAL_BYTES < name + extra + comment)
        return 0;
    size_t prefix = dots_before((const char *)p + CENTRAL_BYTES, name);
    *entry = (struct pw_zip_entry){.name = (const char *)p + CENTRAL_BYTES + prefix,
                                   .name_bytes = name - prefix,
                                   .prefix_bytes = prefix,
                                   .method = get2(p + 10),
                                   .encrypted = get2(p + 8) & 1,
                                   .crc = get4(p + 16),
                                   .stored_bytes = get4(p + 20),
                                   .bytes = get4(p + 24),
                                   .header = get4(p + 42)};
    *offset += CENTRAL_BYTES + name + extra + comment;
    return take_zip64(p + CENTRAL_BYTES + name, extra, entry);
}

int pw_zip_next(const struct pw_zip_directory *zip, uint64_t *offset, struct pw_zip_entry *entry)
{
    return *offset < zip->record_bytes && read_record(zip, offset, entry);
}

/* ---- finding ---- */

static uint64_t hash(const char *name, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* The slot of name: the one that has it, or the free one where it belongs. */
static uint32_t *slot_of(const struct pw_zip_directory *zip, const char *name, size_t n)
{
    for (uint64_t i = hash(name, n) & (zip->n_slots - 1);; i = (i + 1) & (zip->n_slots - 1)) {
        if (zip->slot[i] == 0)
            return &zip->slot[i];
        const unsigned char *p = zip->records + zip->slot[i] - 1;
        const char *stored = (const char *)p + CENTRAL_BYTES;
        size_t stored_bytes = get2(p + 28), prefix = dots_before(stored, stored_bytes);
        if (stored_bytes - prefix == n && memcmp(stored + prefix, name, n) == 0)
            return &zip->slot[i];
    }
}

int pw_zip_find(const struct pw_zip_directory *zip, const char *name, size_t name_bytes, struct pw_zip_entry *entry)
{
    const uint32_t *slot = slot_of(zip, name, name_bytes);
    uint64_t offset = *slot - (uint64_t)1;
    return *slot != 0 && read_record(zip, &offset, entry);
}

/* ---- checking ---- */

struct span {
    uint64_t begin, end;
};

static int compare_spans(const void *a, const void *b)
{
    uint64_t x = ((const struct span *)a)->begin, y = ((const struct span *)b)->begin;
    return x < y ? -1 : x > y;
}

/* Whether a name is a key: relative, and nothing in it leads up. */
static int name_is_safe(const char *name, size_t n)
{
    if (n == 0 || name[0] == '/' || memchr(name, '\0', n) != NULL || memchr(name, '\\', n) != NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        size_t begin = i;
        while (i < n && name[i] != '/')
            i++;
        if (i - begin == 2 && name[begin] == '.' && name[begin + 1] == '.')
            return 0;
    }
    return 1;
}

static enum pw_status check_entry(const struct pw_zip_directory *zip, const struct pw_zip_entry *entry,
                                  const char *path, struct span *span, struct pw_error *error)
{
    int shown = entry->name_bytes > 100 ? 100 : (int)entry->name_bytes;
    if (!name_is_safe(entry->name, entry->name_bytes))
        return pw_fail(error, PW_E_FORMAT, "%s: zip entry \"%.*s\" leads out of the archive", path, shown, entry->name);
    if (entry->method == PW_ZIP_STORED && entry->stored_bytes != entry->bytes && !entry->encrypted)
        return pw_fail(error, PW_E_FORMAT, "%s: zip entry \"%.*s\" is stored in %llu bytes and said to have %llu", path,
                       shown, entry->name, (unsigned long long)entry->stored_bytes, (unsigned long long)entry->bytes);
    span->begin = entry->header;
    if (!pw_add_u64(entry->header, LOCAL_BYTES + entry->prefix_bytes + entry->name_bytes, &span->end) ||
        !pw_add_u64(span->end, entry->stored_bytes, &span->end) || span->end > zip->begin)
        return pw_fail(error, PW_E_TRUNCATED, "%s: zip entry \"%.*s\" of %llu bytes at %llu leaves the archive", path,
                       shown, entry->name, (unsigned long long)entry->stored_bytes, (unsigned long long)entry->header);
    return PW_OK;
}

/* Entries that share bytes are how small archives claim to hold much. */
static enum pw_status check_spans(struct span *span, uint64_t n, const char *path, struct pw_error *error)
{
    qsort(span, (size_t)n, sizeof *span, compare_spans);
    for (uint64_t i = 1; i < n; i++)
        if (span[i].begin < span[i - 1].end)
            return pw_fail(error, PW_E_FORMAT, "%s: zip entries overlap at byte %llu", path,
                           (unsigned long long)span[i].begin);
    return PW_OK;
}

static enum pw_status check_entries(struct pw_zip_directory *zip, const char *path, struct pw_error *error)
{
    struct span *span = pw_alloc(zip->n_entries, sizeof *span, error);
    struct pw_zip_entry entry;
    uint64_t offset = 0;
    enum pw_status status = span != NULL ? PW_OK : PW_E_NOMEM;
    for (uint64_t i = 0; i < zip->n_entries && status == PW_OK; i++) {
        uint64_t record = offset;
        if (!pw_zip_next(zip, &offset, &entry)) {
            status =
                pw_fail(error, PW_E_FORMAT, "%s: zip directory is broken at entry %llu", path, (unsigned long long)i);
            break;
        }
        *slot_of(zip, entry.name, entry.name_bytes) = (uint32_t)record + 1;
        zip->any_is_deflated |= entry.method == PW_ZIP_DEFLATED && entry.bytes > 0;
        status = check_entry(zip, &entry, path, &span[i], error);
    }
    if (status == PW_OK && offset != zip->record_bytes)
        status = pw_fail(error, PW_E_FORMAT, "%s: zip directory has %llu bytes after its last entry", path,
                         (unsigned long long)(zip->record_bytes - offset));
    if (status == PW_OK)
        status = check_spans(span, zip->n_entries, path, error);
    free(span);
    return status;
}

/* ---- the end of the archive ---- */

/* What the end record says, and where the directory must end. */
struct end {
    uint64_t at, disk, entries, bytes, offset;
};

/* The last end record whose comment ends with the file. */
static const unsigned char *find_end(const unsigned char *tail, size_t n)
{
    for (size_t at = n >= END_BYTES ? n - END_BYTES + 1 : 0; at-- > 0;)
        if (get4(tail + at) == END_SIGNATURE && n - at - END_BYTES == get2(tail + at + 20))
            return tail + at;
    return NULL;
}

/* The end record of zip64, which stands before a locator, before the other. */
static enum pw_status read_end64(int fd, const char *path, uint64_t end_at, struct end *end, struct pw_error *error)
{
    unsigned char block[END64_BYTES + LOCATOR_BYTES];
    if (end_at < sizeof block)
        return PW_OK;
    enum pw_status status = pw_file_read_exactly(fd, block, sizeof block, end_at - sizeof block, path, error);
    if (status != PW_OK || get4(block + END64_BYTES) != LOCATOR_SIGNATURE)
        return status;
    if (get4(block) != END64_SIGNATURE)
        return pw_fail(error, PW_E_FORMAT, "%s: zip64 end record is not where it should be", path);
    *end = (struct end){.at = end_at - sizeof block,
                        .disk = (uint64_t)get4(block + 16) | get4(block + 20),
                        .entries = get8(block + 32),
                        .bytes = get8(block + 40),
                        .offset = get8(block + 48)};
    return PW_OK;
}

static enum pw_status read_end(int fd, const char *path, uint64_t file_bytes, struct end *end, struct pw_error *error)
{
    size_t n = (size_t)pw_min_u64(file_bytes, END_BYTES + COMMENT_MAX);
    unsigned char *tail = pw_alloc(n, 1, error);
    if (tail == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_file_read_exactly(fd, tail, n, file_bytes - n, path, error);
    const unsigned char *p = status == PW_OK ? find_end(tail, n) : NULL;
    if (status == PW_OK && p == NULL)
        status = pw_fail(error, PW_E_TRUNCATED, "%s: zip archive without its end; it is cut off or still being written",
                         path);
    if (status == PW_OK) {
        uint64_t end_at = file_bytes - n + (uint64_t)(p - tail);
        *end = (struct end){.at = end_at,
                            .disk = (uint64_t)get2(p + 4) | get2(p + 6),
                            .entries = get2(p + 10),
                            .bytes = get4(p + 12),
                            .offset = get4(p + 16)};
        status = read_end64(fd, path, end_at, end, error);
    }
    free(tail);
    return status;
}

static enum pw_status check_end(const struct end *end, const char *path, struct pw_error *error)
{
    if (end->disk != 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: zip archive in several parts", path);
    if (end->bytes > PW_ZIP_DIRECTORY_BYTES_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: zip directory of %llu bytes, more than %llu; unpack it", path,
                       (unsigned long long)end->bytes, (unsigned long long)PW_ZIP_DIRECTORY_BYTES_MAX);
    if (end->bytes > end->at || end->offset != end->at - end->bytes || end->entries > end->bytes / CENTRAL_BYTES)
        return pw_fail(error, PW_E_FORMAT, "%s: zip directory of %llu entries in %llu bytes at %llu cannot be", path,
                       (unsigned long long)end->entries, (unsigned long long)end->bytes,
                       (unsigned long long)end->offset);
    return PW_OK;
}

/* ---- the whole ---- */

enum pw_status pw_zip_directory_read(struct pw_zip_directory *zip, int fd, const char *path, struct pw_error *error)
{
    struct stat st;
    struct end end = {0};
    memset(zip, 0, sizeof *zip);
    if (fstat(fd, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot examine", path);
    enum pw_status status = read_end(fd, path, (uint64_t)st.st_size, &end, error);
    if (status == PW_OK)
        status = check_end(&end, path, error);
    if (status != PW_OK)
        return status;
    zip->record_bytes = end.bytes;
    zip->begin = end.at - end.bytes;
    zip->n_entries = end.entries;
    for (zip->n_slots = 16; zip->n_slots < 2 * end.entries;)
        zip->n_slots *= 2;
    zip->records = pw_alloc(end.bytes, 1, error);
    zip->slot = pw_alloc(zip->n_slots, sizeof *zip->slot, error);
    status = zip->records != NULL && zip->slot != NULL ? PW_OK : PW_E_NOMEM;
    if (status == PW_OK)
        status = pw_file_read_exactly(fd, zip->records, (size_t)end.bytes, zip->begin, path, error);
    if (status == PW_OK)
        status = check_entries(zip, path, error);
    if (status != PW_OK)
        pw_zip_directory_release(zip);
    return status;
}

void pw_zip_directory_release(struct pw_zip_directory *zip)
{
    free(zip->records);
    free(zip->slot);
    memset(zip, 0, sizeof *zip);
}

size_t pw_zip_directory_memory_bytes(const struct pw_zip_directory *zip)
{
    return (size_t)(zip->record_bytes + zip->n_slots * sizeof *zip->slot);
}

enum pw_status pw_zip_data_offset(const struct pw_zip_directory *zip, int fd, const struct pw_zip_entry *entry,
                                  const char *path, uint64_t *data, struct pw_error *error)
{
    unsigned char head[LOCAL_BYTES + 256];
    size_t name_bytes = entry->prefix_bytes + entry->name_bytes;
    size_t compared = pw_min_u64(name_bytes, sizeof head - LOCAL_BYTES);
    enum pw_status status = pw_file_read_exactly(fd, head, LOCAL_BYTES + compared, entry->header, path, error);
    if (status != PW_OK)
        return status;
    if (get4(head) != LOCAL_SIGNATURE || get2(head + 26) != name_bytes ||
        memcmp(head + LOCAL_BYTES, entry->name - entry->prefix_bytes, compared) != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: zip entry at byte %llu is not the one that the directory names", path,
                       (unsigned long long)entry->header);
    *data = entry->header + LOCAL_BYTES + name_bytes + get2(head + 28);
    if (*data > zip->begin || entry->stored_bytes > zip->begin - *data)
        return pw_fail(error, PW_E_TRUNCATED, "%s: zip entry at byte %llu leaves the archive", path,
                       (unsigned long long)entry->header);
    return PW_OK;
}
