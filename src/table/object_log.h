/*
 * table/object_log - what was measured of the labels of tiles, as it came: a scratch file.
 *
 * Workers append the records (label/measure.h) of a tile in blocks, in any order and as many as they like;
 * when all is measured the blocks are read back one after the other.
 *
 *     pw_object_log_open(&log, &form, dir, error)
 *     pw_object_log_append(&log, tile, label, words, n, error)        from any thread
 *     struct pw_object_log_place place = {0};
 *     while (pw_object_log_read(&log, &place, label, words, capacity, &n, error) == PW_OK) ...    n of place.tile
 *     pw_object_log_close(&log)
 *
 * Memory: none but the caller's.  Threads: appending from any, reading from one when appending has ended.
 */
#ifndef PW_TABLE_OBJECT_LOG_H
#define PW_TABLE_OBJECT_LOG_H

#include <stdatomic.h>

#include "label/measure.h"
#include "sys/file.h"

struct pw_object_log {
    struct pw_scratch file;
    uint64_t record_words;
    _Atomic uint64_t end; /* bytes given out to blocks */
};

/* Where reading is. */
struct pw_object_log_place {
    uint64_t tile;
    uint64_t block;   /* offset of the block */
    uint64_t n, done; /* its records, and those that were read */
};

enum pw_status pw_object_log_open(struct pw_object_log *log, const struct pw_measure_form *form, const char *dir,
                                  struct pw_error *error);
void pw_object_log_close(struct pw_object_log *log); /* safe on a zeroed one */

enum pw_status pw_object_log_append(struct pw_object_log *log, uint64_t tile, const uint64_t *label,
                                    const uint64_t *words, uint64_t n, struct pw_error *error);

/* Up to capacity records of one tile; PW_EMPTY after the last. */
enum pw_status pw_object_log_read(const struct pw_object_log *log, struct pw_object_log_place *place, uint64_t *label,
                                  uint64_t *words, uint64_t capacity, uint64_t *n, struct pw_error *error);

#endif
