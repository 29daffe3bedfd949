/*
 * codec/inflate_whole - inflating a sound block that is in memory as a whole, as fast as a processor can.
 *
 * Built on libdeflate, which knows where a block ends and so needs no window of its own: about twice the speed of
 * zlib's stream.  It only says yes or no: whoever needs the reason, or the blocks it declines, inflates them again
 * with zlib, which is also what a build without libdeflate always does.
 *
 * Ownership: *context is made on first need; release it.  Threads: a context belongs to one thread.
 */
#ifndef PW_CODEC_INFLATE_WHOLE_H
#define PW_CODEC_INFLATE_WHOLE_H

#include <stddef.h>

enum pw_inflate_wrapper {
    PW_INFLATE_BARE,         /* RFC 1951, exactly n bytes of it */
    PW_INFLATE_GZIP_OR_ZLIB, /* RFC 1952, several members in a row, or RFC 1950: by the first bytes */
};

/*
 * Inflates the n bytes at block into at most *size bytes at out, checks the checksums of the wrapper, and sets *size.
 * Returns 0 when that cannot be done for whatever reason: *size is then as it was, and out holds anything.
 */
int pw_inflate_whole(void **context, enum pw_inflate_wrapper wrapper, const void *block, size_t n, void *out,
                     size_t *size);

void pw_inflate_whole_release(void **context);

size_t pw_inflate_whole_memory_bytes(void); /* of one context */

#endif
