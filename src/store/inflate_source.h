/*
 * store/inflate_source - an array compressed as one zlib or gzip stream, which cannot be
 * entered in the middle: it is decompressed into an unlinked file as far as somebody
 * waits for it, and read from there as a LINEAR, STREAM source.
 *
 *     pw_inflate_source_new(path, format, fd, offset, skip, &source, error)     takes fd
 *     ... fill source->info.rank, shape, dtype ...
 *     pw_linear_layout(source, 0, swap, error)
 *
 * Memory: two buffers, whatever the size of the array.  Disk: the array, in source->scratch_dir.
 * Threads: as store/source.h says.
 */
#ifndef PW_STORE_INFLATE_SOURCE_H
#define PW_STORE_INFLATE_SOURCE_H

#include "store/source.h"

/* The stream begins at offset of fd; the first skip bytes of what it holds are not part of the array. */
enum pw_status pw_inflate_source_new(const char *path, const char *format, int fd, uint64_t offset, uint64_t skip,
                                     struct pw_source **source, struct pw_error *error);

#endif
