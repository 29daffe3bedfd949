#include "merge/record_reader.h"

#include <endian.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

uint64_t pw_stage_most_labels(const struct pw_stage *stage)
{
    uint64_t most = 0;
    for (uint64_t tile = 0; tile < stage->n_tiles; tile++)
        most = pw_max_u64(most, stage->entry[tile].n_labels);
    return most;
}

uint64_t pw_stage_largest_record(const struct pw_stage *stage)
{
    uint64_t largest = 0;
    for (uint64_t tile = 0; tile < stage->n_tiles; tile++)
        largest = pw_max_u64(largest, stage->entry[tile].bytes);
    return largest;
}

enum pw_status pw_record_reader_init(struct pw_record_reader *reader, const struct pw_grid *grid,
                                     const struct pw_stage *stage, struct pw_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->grid = grid;
    reader->stage = stage;
    return pw_buffer_init(&reader->memory, pw_stage_largest_record(stage), "tile record", error);
}

void pw_record_reader_release(struct pw_record_reader *reader)
{
    pw_buffer_release(&reader->memory);
    memset(reader, 0, sizeof *reader);
}

enum pw_status pw_record_reader_load(struct pw_record_reader *reader, uint64_t tile, struct pw_error *error)
{
    enum pw_status status =
        pw_stage_read(reader->stage, tile, 0, reader->memory.data, (size_t)reader->stage->entry[tile].bytes, error);
    reader->record = reader->memory.data;
    if (status == PW_OK)
        status = pw_record_header_read(reader->record, &reader->header, error);
    if (status != PW_OK)
        return status;
    reader->box = pw_record_box(reader->grid, &reader->header);
    return PW_OK;
}

/* From the rows and columns of a plane of the record to those of the box that was asked for. */
struct visit {
    pw_take_run_fn take;
    void *context;
    uint64_t row_shift; /* added, modulo 2^64 */
    uint32_t x0;
    uint64_t n_labels; /* of the record: takers index arrays by label */
    int failed;
};

static void pass_on(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    struct visit *visit = context;
    if (label > visit->n_labels)
        visit->failed = 1;
    else
        visit->take(visit->context, row + visit->row_shift, start - visit->x0, end - visit->x0, label);
}

static uint64_t plane_offset(const struct pw_record_reader *reader, uint64_t z)
{
    uint64_t word;
    memcpy(&word, reader->record + reader->header.planes + z * sizeof word, sizeof word);
    return le64toh(word);
}

enum pw_status pw_record_reader_visit(const struct pw_record_reader *reader, const struct pw_box *box,
                                      pw_take_run_fn take, void *context, struct pw_error *error)
{
    const struct pw_record_header *header = &reader->header;
    uint64_t y0 = box->start[Y] - reader->box.start[Y];
    struct visit visit = {.take = take, .context = context, .x0 = (uint32_t)(box->start[X] - reader->box.start[X])};
    uint64_t z0 = box->start[Z] - reader->box.start[Z];
    visit.n_labels = header->n_labels;
    enum pw_status status = PW_OK;
    if (header->n_runs == 0)
        return PW_OK;
    if ((reader->box.shape[Z] + 1) * sizeof(uint64_t) > header->runs - header->planes)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu has no index of %llu planes",
                       (unsigned long long)header->tile, (unsigned long long)reader->box.shape[Z]);
    for (uint64_t z = 0; z < box->shape[Z] && status == PW_OK; z++) {
        uint64_t from = plane_offset(reader, z0 + z), to = plane_offset(reader, z0 + z + 1);
        if (from > to || to > header->strip[0] - header->runs)
            return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: plane %llu is not in the record",
                           (unsigned long long)header->tile, (unsigned long long)(z0 + z));
        visit.row_shift = z * box->shape[Y] - y0;
        status = pw_plane_decode(reader->record + header->runs + from, (size_t)(to - from), y0, box->shape[Y], visit.x0,
                                 visit.x0 + (uint32_t)box->shape[X], pass_on, &visit, error);
    }
    if (status == PW_OK && visit.failed)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu has a run that is not one of its labels",
                       (unsigned long long)header->tile);
    return status;
}
