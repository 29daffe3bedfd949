#include "table/object_log.h"

#include <string.h>

#include "base/checked.h"

/* A block is its tile and number of records, the labels, the records. */
enum {
    HEADER_BYTES = 16
};

enum pw_status pw_object_log_open(struct pw_object_log *log, const struct pw_measure_form *form, const char *dir,
                                  struct pw_error *error)
{
    memset(log, 0, sizeof *log);
    log->record_words = form->words;
    log->file.fd = -1;
    return pw_scratch_open(&log->file, dir, "object log", error);
}

void pw_object_log_close(struct pw_object_log *log)
{
    if (log->record_words == 0)
        return;
    pw_scratch_close(&log->file);
    memset(log, 0, sizeof *log);
    log->file.fd = -1;
}

static uint64_t block_bytes(const struct pw_object_log *log, uint64_t n)
{
    return HEADER_BYTES + n * (1 + log->record_words) * sizeof(uint64_t);
}

enum pw_status pw_object_log_append(struct pw_object_log *log, uint64_t tile, const uint64_t *label,
                                    const uint64_t *words, uint64_t n, struct pw_error *error)
{
    uint64_t header[2] = {tile, n};
    uint64_t offset = atomic_fetch_add(&log->end, block_bytes(log, n));
    enum pw_status status = pw_file_write(log->file.fd, header, sizeof header, offset, log->file.name, error);
    offset += HEADER_BYTES;
    if (status == PW_OK)
        status = pw_file_write(log->file.fd, label, n * sizeof *label, offset, log->file.name, error);
    offset += n * sizeof *label;
    return status == PW_OK ? pw_file_write(log->file.fd, words, n * log->record_words * sizeof *words, offset,
                                           log->file.name, error)
                           : status;
}

enum pw_status pw_object_log_read(const struct pw_object_log *log, struct pw_object_log_place *place, uint64_t *label,
                                  uint64_t *words, uint64_t capacity, uint64_t *n, struct pw_error *error)
{
    const char *name = log->file.name;
    uint64_t header[2], record_bytes = log->record_words * sizeof *words;
    enum pw_status status = PW_OK;
    if (place->done == place->n) {
        place->block += place->n > 0 ? block_bytes(log, place->n) : 0;
        if (place->block == atomic_load(&log->end))
            return PW_EMPTY;
        status = pw_file_read_exactly(log->file.fd, header, sizeof header, place->block, name, error);
        if (status != PW_OK)
            return status;
        place->tile = header[0];
        place->n = header[1];
        place->done = 0;
    }
    *n = pw_min_u64(capacity, place->n - place->done);
    uint64_t labels = place->block + HEADER_BYTES, records = labels + place->n * sizeof *label;
    status = pw_file_read_exactly(log->file.fd, label, *n * sizeof *label, labels + place->done * sizeof *label, name,
                                  error);
    if (status == PW_OK)
        status = pw_file_read_exactly(log->file.fd, words, *n * record_bytes, records + place->done * record_bytes,
                                      name, error);
    place->done += *n;
    return status;
}
