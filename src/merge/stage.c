#include "merge/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* The log begins with one page that holds no record, so that offset 0 can mean "not there". */
enum {
    FIRST_OFFSET = 4096
};

enum pw_status pw_stage_open(struct pw_stage *stage, const char *scratch_dir, uint64_t n_tiles, struct pw_error *error)
{
    memset(stage, 0, sizeof *stage);
    stage->file.fd = -1;
    stage->n_tiles = n_tiles;
    stage->end = FIRST_OFFSET;
    stage->entry = pw_alloc(n_tiles, sizeof *stage->entry, error);
    if (stage->entry == NULL)
        return PW_E_NOMEM;
    return pw_scratch_open(&stage->file, scratch_dir, "stage log", error);
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
    stage->entry[header.tile] =
        (struct pw_stage_entry){.offset = stage->end, .n_labels = (uint32_t)header.n_labels, .bytes = header.bytes};
    stage->end += header.bytes;
    stage->n_voxels += header.n_voxels;
    return PW_OK;
}

int pw_stage_has(const struct pw_stage *stage, uint64_t tile)
{
    return stage->entry[tile].offset != 0;
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
