#include "merge/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

/* The log begins with one page that holds no record, so that offset 0 can mean "not there". */
enum {
    FIRST_OFFSET = 4096
};

static enum pw_status init(struct pw_stage *stage, uint64_t n_tiles, struct pw_error *error)
{
    memset(stage, 0, sizeof *stage);
    stage->file.fd = -1;
    stage->n_tiles = n_tiles;
    stage->end = FIRST_OFFSET;
    stage->entry = pw_alloc(n_tiles, sizeof *stage->entry, error);
    return stage->entry == NULL ? PW_E_NOMEM : PW_OK;
}

enum pw_status pw_stage_open(struct pw_stage *stage, const char *scratch_dir, uint64_t n_tiles, struct pw_error *error)
{
    enum pw_status status = init(stage, n_tiles, error);
    return status == PW_OK ? pw_scratch_open(&stage->file, scratch_dir, "stage log", error) : status;
}

enum pw_status pw_stage_keep(struct pw_stage *stage, const char *directory, uint64_t n_tiles, struct pw_error *error)
{
    enum pw_status status = init(stage, n_tiles, error);
    return status == PW_OK ? pw_scratch_keep(&stage->file, directory, PW_STAGE_LOG, error) : status;
}

/* The record at the end of the log is there from now on. */
static void note_record(struct pw_stage *stage, const struct pw_record_header *header)
{
    stage->entry[header->tile] = (struct pw_stage_entry){.offset = stage->end,
                                                         .n_labels = (uint32_t)header->n_labels,
                                                         .flags = (uint32_t)header->flags,
                                                         .bytes = header->bytes};
    stage->end += header->bytes;
    stage->n_voxels += header->n_voxels;
}

/* ---- a kept log -------------------------------------------------------- */

static enum pw_status check_intact(const struct pw_stage *stage, const struct pw_record_header *header, uint64_t offset,
                                   struct pw_buffer *buffer, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (buffer->bytes < header->bytes) {
        pw_buffer_release(buffer);
        status = pw_buffer_init(buffer, (size_t)header->bytes, "tile record", error);
    }
    if (status == PW_OK)
        status =
            pw_file_read_exactly(stage->file.fd, buffer->data, (size_t)header->bytes, offset, stage->file.name, error);
    if (status == PW_OK && !pw_record_is_intact(buffer->data, header))
        return pw_fail(error, PW_E_CHECKSUM, "%s: the record of tile %llu at byte %llu is damaged", stage->file.name,
                       (unsigned long long)header->tile, (unsigned long long)offset);
    return status;
}

static int has(const struct pw_stage *stage, uint64_t tile)
{
    return stage->entry[tile].offset != 0;
}

/* It is made again when a run goes on, and then has two records. */
static int has_failed(const struct pw_stage *stage, uint64_t tile)
{
    return (stage->entry[tile].flags & PW_RECORD_FAILED) != 0;
}

static enum pw_status take_record(struct pw_stage *stage, uint64_t end, struct pw_buffer *buffer,
                                  struct pw_error *error)
{
    unsigned char bytes[PW_RECORD_HEADER_BYTES];
    struct pw_record_header header;
    enum pw_status status =
        pw_file_read_exactly(stage->file.fd, bytes, sizeof bytes, stage->end, stage->file.name, error);
    if (status == PW_OK)
        status = pw_record_header_read(bytes, &header, error);
    if (status != PW_OK)
        return status;
    int is_given = header.tile < stage->n_tiles && has(stage, header.tile);
    if (header.tile >= stage->n_tiles || (is_given && !has_failed(stage, header.tile)))
        return pw_fail(error, PW_E_FORMAT, "%s: tile %llu at byte %llu is %s", stage->file.name,
                       (unsigned long long)header.tile, (unsigned long long)stage->end,
                       header.tile < stage->n_tiles ? "there twice" : "not one of the grid's");
    if (header.bytes > end - stage->end)
        return pw_fail(error, PW_E_TRUNCATED, "%s: ends within the record of tile %llu", stage->file.name,
                       (unsigned long long)header.tile);
    status = check_intact(stage, &header, stage->end, buffer, error);
    if (status != PW_OK)
        return status;
    note_record(stage, &header);
    return PW_OK;
}

enum pw_status pw_stage_open_kept(struct pw_stage *stage, const char *directory, uint64_t n_tiles,
                                  struct pw_error *error)
{
    struct pw_buffer buffer = {0};
    uint64_t end = 0, n_there = 0;
    enum pw_status status = init(stage, n_tiles, error);
    if (status == PW_OK)
        status = pw_scratch_open_kept(&stage->file, directory, PW_STAGE_LOG, error);
    if (status == PW_OK)
        status = pw_scratch_bytes(&stage->file, &end, error);
    while (status == PW_OK && stage->end < end)
        status = take_record(stage, end, &buffer, error);
    pw_buffer_release(&buffer);
    for (uint64_t tile = 0; status == PW_OK && tile < n_tiles; tile++)
        n_there += (uint64_t)has(stage, tile);
    if (status == PW_OK && n_there != n_tiles)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %llu of %llu tiles", stage->file.name, (unsigned long long)n_there,
                       (unsigned long long)n_tiles);
    return status;
}

/* Whether what was read of a log says that it ends here, and not that reading went wrong. */
static int is_end(enum pw_status status)
{
    return status == PW_E_FORMAT || status == PW_E_TRUNCATED || status == PW_E_CHECKSUM;
}

enum pw_status pw_stage_resume(struct pw_stage *stage, const char *directory, uint64_t n_tiles, struct pw_error *error)
{
    struct pw_buffer buffer = {0};
    uint64_t end = 0;
    enum pw_status status = init(stage, n_tiles, error);
    if (status == PW_OK)
        status = pw_scratch_open_again(&stage->file, directory, PW_STAGE_LOG, error);
    if (status == PW_OK)
        status = pw_scratch_bytes(&stage->file, &end, error);
    while (status == PW_OK && stage->end < end)
        status = take_record(stage, end, &buffer, error);
    pw_buffer_release(&buffer);
    if (status != PW_OK && !is_end(status))
        return status;
    for (uint64_t tile = 0; tile < n_tiles; tile++)
        if (has_failed(stage, tile))
            stage->entry[tile] = (struct pw_stage_entry){0};
    return end > stage->end ? pw_scratch_cut(&stage->file, stage->end, error) : PW_OK;
}

uint64_t pw_stage_count(const char *directory)
{
    struct pw_scratch file = {.fd = -1};
    unsigned char bytes[PW_RECORD_HEADER_BYTES];
    struct pw_record_header header;
    uint64_t n = 0, at = FIRST_OFFSET;
    enum pw_status status = pw_scratch_open_kept(&file, directory, PW_STAGE_LOG, NULL);
    while (status == PW_OK) {
        status = pw_file_read_exactly(file.fd, bytes, sizeof bytes, at, file.name, NULL);
        if (status == PW_OK)
            status = pw_record_header_read(bytes, &header, NULL);
        if (status != PW_OK || !pw_add_u64(at, header.bytes, &at))
            break;
        n += (header.flags & PW_RECORD_FAILED) == 0;
    }
    pw_scratch_close(&file);
    return n;
}

void pw_stage_close(struct pw_stage *stage)
{
    if (stage->entry == NULL)
        return;
    pw_scratch_close(&stage->file);
    free(stage->entry);
    memset(stage, 0, sizeof *stage);
    stage->file.fd = -1;
}

uint64_t pw_stage_memory_bytes(uint64_t n_tiles)
{
    return n_tiles * sizeof(struct pw_stage_entry);
}

enum pw_status pw_stage_append(struct pw_stage *stage, const unsigned char *record, struct pw_error *error)
{
    struct pw_record_header header;
    enum pw_status status = pw_record_header_read(record, &header, error);
    if (status != PW_OK)
        return status;
    status = pw_file_write(stage->file.fd, record, (size_t)header.bytes, stage->end, stage->file.name, error);
    if (status != PW_OK)
        return status;
    note_record(stage, &header);
    return PW_OK;
}

int pw_stage_has(const struct pw_stage *stage, uint64_t tile)
{
    return has(stage, tile);
}

enum pw_status pw_stage_read(const struct pw_stage *stage, uint64_t tile, uint64_t offset, void *buffer, size_t n,
                             struct pw_error *error)
{
    const struct pw_stage_entry *entry = &stage->entry[tile];
    if (offset > entry->bytes || n > entry->bytes - offset)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: %zu bytes at %llu leave its record of %llu",
                       (unsigned long long)tile, n, (unsigned long long)offset, (unsigned long long)entry->bytes);
    return pw_file_read_exactly(stage->file.fd, buffer, n, entry->offset + offset, stage->file.name, error);
}

enum pw_status pw_stage_read_header(const struct pw_stage *stage, uint64_t tile, struct pw_record_header *header,
                                    struct pw_error *error)
{
    unsigned char bytes[PW_RECORD_HEADER_BYTES];
    enum pw_status status = pw_stage_read(stage, tile, 0, bytes, sizeof bytes, error);
    return status == PW_OK ? pw_record_header_read(bytes, header, error) : status;
}
