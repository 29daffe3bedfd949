/*
 * store/parts_source - an uncompressed array whose stretches are in files of their own, as NRRD and MetaImage list them.
 *
 * A file holds the same number of places along one axis, all of the faster axes, and one place of the slower ones.
 *
 *     pw_parts_source_open(&header, path, &source, error)       header.part names the files
 *
 * Every file is looked at when the source is opened; a chunk is a stretch of about 1 MiB of one of them.
 * Threads: as store/source.h says.
 */
#ifndef PW_STORE_PARTS_SOURCE_H
#define PW_STORE_PARTS_SOURCE_H

#include "store/text_header.h"

/* Errors: PW_E_NOT_FOUND (a file), PW_E_TRUNCATED, PW_E_FORMAT (their number). */
enum pw_status pw_parts_source_open(const struct pw_text_header *header, const char *path, struct pw_source **source,
                                    struct pw_error *error);

#endif
