/* Ids: of objects, in the order of their first voxels, then of all labels, range by range. */
#include <string.h>

#include "base/checked.h"
#include "merge/resolve_parts.h"

/* ---- numbering --------------------------------------------------------- */

static enum pw_status give_id(struct pw_resolve *r, uint64_t label, uint64_t id, struct pw_error *error)
{
    if (r->layout.n_ranges == 1) {
        r->id[label] = id;
        return PW_OK;
    }
    uint64_t record = pw_resolve_place_of(r, label) | id << r->layout.range_bits;
    return pw_buckets_push(&r->ids, pw_resolve_range_of(r, label), &record, error);
}

enum pw_status pw_resolve_number(struct pw_resolve *r, struct pw_error *error)
{
    enum pw_status status = pw_sorter_finish(&r->objects, error);
    if (r->layout.n_ranges == 1)
        memset(r->id, 0, r->layout.n_labels * sizeof *r->id);
    while (status == PW_OK) {
        uint64_t object[2];
        status = pw_sorter_next(&r->objects, object, error);
        if (status == PW_OK)
            status = give_id(r, object[1], ++r->map->n_objects, error);
        if (status == PW_OK && r->map->n_objects % 65536 == 0)
            status = pw_resolve_tell(r, 0, error);
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* ---- a range ----------------------------------------------------------- */

static enum pw_status take_ids(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    enum pw_status status = pw_buckets_open(&r->ids, range, error);
    while (status == PW_OK) {
        const uint64_t *record;
        uint64_t n;
        status = pw_buckets_next(&r->ids, &record, &n, error);
        for (uint64_t i = 0; i < n; i++)
            r->id[pw_resolve_place_of(r, record[i])] = record[i] >> r->layout.range_bits;
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* Fills the ids of all labels of the range, and writes them. */
static enum pw_status write_ids(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t n = pw_resolve_range_labels(r, range), bytes_each = r->map->id_bytes;
    uint64_t at = pw_resolve_range_start(r, range), capacity = r->layout.io_bytes / bytes_each;
    enum pw_status status = PW_OK;
    for (uint64_t done = 0; done < n && status == PW_OK;) {
        uint64_t piece = pw_min_u64(n - done, capacity);
        uint32_t *narrow = r->io;
        uint64_t *wide = r->io;
        for (uint64_t i = 0; i < piece; i++) { /* a parent is not above its label, so its id is there */
            uint64_t id = r->id[done + i] = r->id[r->parent[done + i]];
            if (bytes_each == sizeof *narrow)
                narrow[i] = (uint32_t)id;
            else
                wide[i] = id;
        }
        status = pw_file_write(r->map->file.fd, r->io, (size_t)(piece * bytes_each), (at + done) * bytes_each,
                               r->map->file.name, error);
        done += piece;
    }
    return status;
}

/* Sets of higher ranges, which are linked to labels of this one, get the ids of those. */
static enum pw_status answer(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    enum pw_status status = pw_buckets_open(&r->requests, range, error);
    while (status == PW_OK) {
        const uint64_t *request;
        uint64_t n;
        status = pw_buckets_next(&r->requests, &request, &n, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++) {
            uint64_t id = r->id[pw_resolve_place_of(r, request[i])];
            if (id != 0)
                status = give_id(r, request[i] >> r->layout.range_bits, id, error);
        }
    }
    return status == PW_EMPTY ? PW_OK : status;
}

enum pw_status pw_resolve_give_ids(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t n = pw_resolve_range_labels(r, range);
    if (r->layout.n_ranges == 1)
        return write_ids(r, range, error);
    memset(r->id, 0, n * sizeof *r->id);
    enum pw_status status = take_ids(r, range, error);
    if (status == PW_OK)
        status = pw_file_read_exactly(r->parents.fd, r->parent, n * sizeof *r->parent,
                                      pw_resolve_range_start(r, range) * sizeof *r->parent, r->parents.name, error);
    if (status == PW_OK)
        status = write_ids(r, range, error);
    return status == PW_OK ? answer(r, range, error) : status;
}
