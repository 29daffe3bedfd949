/*
 * store/inflate_source - an array in one encoded stream, or in several that follow each other, which cannot be entered in
 * the middle: it is decoded into an unlinked file as far as somebody waits for it, and read from there as a LINEAR, STREAM
 * source.
 *
 *     pw_inflate_source_new(path, format, encoding, skip, &source, error)
 *     pw_inflate_source_add(source, file, offset, error)     for each file; they have equal shares of the array
 *     ... fill source->info.rank, shape, dtype ...
 *     pw_linear_layout(source, 0, swap, error)
 *
 * Memory: two buffers and what the decoder needs, whatever the size of the array.  Disk: the array, in source->scratch_dir.
 * Threads: as store/source.h says.
 */
#ifndef PW_STORE_INFLATE_SOURCE_H
#define PW_STORE_INFLATE_SOURCE_H

#include "store/source.h"
#include "store/stream_decoding.h"

/* The first skip bytes of what each stream holds are not part of the array. */
enum pw_status pw_inflate_source_new(const char *path, const char *format, enum pw_stream_encoding encoding,
                                     uint64_t skip, struct pw_source **source, struct pw_error *error);

/* The stream begins at offset of file, which is opened when it is its turn. */
enum pw_status pw_inflate_source_add(struct pw_source *source, const char *file, uint64_t offset,
                                     struct pw_error *error);

#endif
