#include "merge/fact_reader.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* As many facts at once as stay in the cache. */
#define FACTS_MAX PW_LEFTOVER_BITS

/* What a label of a table takes as a rule; a table that takes more is read in two pieces. */
#define BYTES_PER_LABEL 8

void pw_fact_reader_init(struct pw_fact_reader *reader, const struct pw_grid *grid, const struct pw_stage *stage,
                         void *memory, uint64_t memory_bytes)
{
    memset(reader, 0, sizeof *reader);
    reader->grid = grid;
    reader->stage = stage;
    reader->fact = memory;
    reader->fact_capacity = pw_min_u64(memory_bytes / 2 / sizeof *reader->fact, FACTS_MAX);
    reader->bytes = (void *)(reader->fact + reader->fact_capacity);
    reader->capacity = memory_bytes - reader->fact_capacity * sizeof *reader->fact;
}

/* With one read the header and, as a rule, the whole table. */
enum pw_status pw_fact_reader_open(struct pw_fact_reader *reader, uint64_t tile, struct pw_error *error)
{
    const struct pw_stage_entry *entry = &reader->stage->entry[tile];
    struct pw_record_header header;
    uint64_t n = PW_RECORD_HEADER_BYTES + (uint64_t)entry->n_labels * BYTES_PER_LABEL;
    n = pw_min_u64(pw_min_u64(n, entry->bytes), reader->capacity);
    reader->tile = tile;
    reader->core = pw_grid_core(reader->grid, tile);
    reader->voxels = pw_box_voxels(&reader->core);
    reader->cursor = (struct pw_table_cursor){0};
    reader->row = UINT64_MAX;
    reader->n_read = 0;
    enum pw_status status = pw_stage_read(reader->stage, tile, 0, reader->bytes, (size_t)n, error);
    if (status == PW_OK)
        status = pw_record_header_read(reader->bytes, &header, error);
    if (status != PW_OK)
        return status;
    reader->table_end = header.planes;
    reader->next = pw_max_u64(pw_min_u64(n, header.planes), header.table);
    reader->p = reader->bytes + pw_min_u64(n, header.table);
    reader->end = reader->bytes + pw_min_u64(n, header.planes);
    return PW_OK;
}

/* Reads on, behind what is left of the last piece. */
static enum pw_status read_on(struct pw_fact_reader *reader, struct pw_error *error)
{
    uint64_t left = (uint64_t)(reader->end - reader->p);
    uint64_t n = pw_min_u64(reader->table_end - reader->next, reader->capacity - left);
    if (n == 0)
        return pw_fail(error, PW_E_FORMAT, "stage log: the label table of tile %llu ends too early",
                       (unsigned long long)reader->tile);
    memmove(reader->bytes, reader->p, (size_t)left);
    reader->p = reader->bytes;
    reader->end = reader->bytes + left + n;
    reader->next += n;
    return pw_stage_read(reader->stage, reader->tile, reader->next - n, reader->bytes + left, (size_t)n, error);
}

/* Index in the volume of voxel first of the core: mostly in the same row as the one before. */
static inline uint64_t index_in_volume(struct pw_fact_reader *reader, uint64_t first)
{
    const uint64_t *shape = reader->core.shape, *start = reader->core.start, *volume = reader->grid->volume;
    if (first - reader->row >= shape[2] || first < reader->row) {
        uint64_t row = first / shape[2];
        reader->row = row * shape[2];
        reader->row_in_volume =
            ((start[0] + row / shape[1]) * volume[1] + start[1] + row % shape[1]) * volume[2] + start[2];
    }
    return reader->row_in_volume + (first - reader->row);
}

static enum pw_status place_in_volume(struct pw_fact_reader *reader, uint64_t n, struct pw_error *error)
{
    for (uint64_t i = 0; i < n; i++) {
        struct pw_label_fact *fact = &reader->fact[i];
        if (fact->voxels == 0)
            continue;
        if (fact->first >= reader->voxels || fact->voxels > reader->voxels)
            return pw_fail(
                error, PW_E_FORMAT,
                "stage log: the label table of tile %llu has a label of %llu voxels from voxel %llu on, of %llu",
                (unsigned long long)reader->tile, (unsigned long long)fact->voxels, (unsigned long long)fact->first,
                (unsigned long long)reader->voxels);
        fact->first = index_in_volume(reader, fact->first);
    }
    return PW_OK;
}

static enum pw_status leave_out(struct pw_fact_reader *reader, uint64_t n, struct pw_error *error)
{
    uint64_t bits[PW_LEFTOVER_BITS / 64];
    enum pw_status status = pw_leftovers_read(reader->left_out, reader->tile, reader->n_read, n, bits, error);
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        if (bits[i / 64] >> i % 64 & 1)
            reader->fact[i] = (struct pw_label_fact){.first = UINT64_MAX};
    return status;
}

enum pw_status pw_fact_reader_next(struct pw_fact_reader *reader, const struct pw_label_fact **facts, uint64_t *n,
                                   struct pw_error *error)
{
    enum pw_status status = PW_OK;
    *facts = reader->fact;
    for (*n = 0; status == PW_OK && *n == 0;) {
        status = pw_table_read(&reader->cursor, &reader->p, reader->end, reader->fact_capacity, reader->fact, n, error);
        if (status == PW_OK && *n == 0)
            status = read_on(reader, error);
    }
    if (status == PW_OK)
        status = place_in_volume(reader, *n, error);
    if (status == PW_OK && reader->left_out != NULL)
        status = leave_out(reader, *n, error);
    reader->n_read += *n;
    return status;
}
