/*
 * store/stretch_source - an uncompressed array whose x axis is a slow one, read as chunks.
 *
 * Rows of such a file are no stretches of it: to read one means to read nearly all.  A chunk takes the last axes whole
 * until it holds about 1 MiB, so that it is one stretch of the file, and chunks are kept and shared as those of any
 * other chunked source.
 */
#ifndef PW_STORE_STRETCH_SOURCE_H
#define PW_STORE_STRETCH_SOURCE_H

#include "store/source.h"

/*
 * Turns source, LINEAR and opened in whole, into a CHUNKED one.  Its own close() and await() go on to be used; source
 * is replaced by the one that is to be closed.  Errors: PW_E_NOMEM, and source is as it was.
 */
enum pw_status pw_stretch_source(struct pw_source **source, struct pw_error *error);

/*
 * What other sources of such chunks need.  pw_stretch_chunk() sets the chunk, files ending after every `each` places of axis
 * split and at every place of the slower ones; pw_stretch_elements() counts those of a chunk that are stored, and
 * pw_stretch_decode() is their decode().
 */
void pw_stretch_chunk(struct pw_source *source, int split, uint64_t each);
uint64_t pw_stretch_elements(const struct pw_source *source, const uint64_t *chunk_index);
enum pw_status pw_stretch_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                 const void *stored, size_t n, void *voxels, struct pw_error *error);

#endif
