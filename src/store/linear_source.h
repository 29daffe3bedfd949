/*
 * store/linear_source - what raw, npy and stream sources share: one descriptor
 * that holds an uncompressed array in C order.
 *
 *     pw_input_open(path, &fd, &file_bytes, error)
 *     pw_linear_source_new(path, &ops, fd, &source, error)     takes fd
 *     ... fill source->info.rank, shape, dtype ...
 *     pw_linear_layout(source, offset_bytes, swap, error)
 *
 * Threads: setting up is one thread's; the finished source is read-only.
 */
#ifndef PW_STORE_LINEAR_SOURCE_H
#define PW_STORE_LINEAR_SOURCE_H

#include "store/source.h"

/* Opens the regular file at path and tells its size.  Errors: PW_E_NOT_FOUND, PW_E_IO, PW_E_UNSUPPORTED (not a regular file). */
enum pw_status pw_input_open(const char *path, int *fd, uint64_t *file_bytes, struct pw_error *error);

/*
 * A zeroed source over fd, which it owns from here on, also when this fails.
 * ops->close may be pw_linear_close().
 */
enum pw_status pw_linear_source_new(const char *path, const struct pw_source_ops *ops, int fd,
                                    struct pw_source **source, struct pw_error *error);
void pw_linear_close(struct pw_source *source);

/*
 * From info.rank, shape and dtype: names the axes, sets dense C-order strides and
 * the chunk hint, and linear.file_bytes to where the array ends.
 * Errors: PW_E_FORMAT (rank, an axis without elements), PW_E_RANGE (too large for offsets).
 */
enum pw_status pw_linear_layout(struct pw_source *source, uint64_t offset_bytes, int swap, struct pw_error *error);

/* Names the last axes z y x and marks the others unknown; scales 1. */
void pw_linear_name_axes(struct pw_image_info *info);

/* "31,61,57" into text. */
const char *pw_shape_text(char *text, size_t capacity, const uint64_t *shape, int rank);

#endif
