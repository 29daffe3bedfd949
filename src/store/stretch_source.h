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

#endif
