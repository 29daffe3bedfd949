#include "codec/inflate_whole.h"

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>

enum {
    CONTEXT_BYTES = 16 << 10 /* its tables, 11.5 KiB in libdeflate 1.14 */
};

static int is_gzip(const unsigned char *in, size_t n)
{
    return n >= 2 && in[0] == 0x1f && in[1] == 0x8b;
}

/* One member or stream.  Returns whether it is sound; *used and *made are then its bytes. */
static int inflate_member(struct libdeflate_decompressor *context, enum pw_inflate_wrapper wrapper,
                          const unsigned char *in, size_t n, unsigned char *out, size_t room, size_t *used,
                          size_t *made)
{
    enum libdeflate_result result;
    if (wrapper == PW_INFLATE_BARE)
        result = libdeflate_deflate_decompress_ex(context, in, n, out, room, used, made);
    else if (is_gzip(in, n))
        result = libdeflate_gzip_decompress_ex(context, in, n, out, room, used, made);
    else
        result = libdeflate_zlib_decompress_ex(context, in, n, out, room, used, made);
    return result == LIBDEFLATE_SUCCESS;
}

int pw_inflate_whole(void **context, enum pw_inflate_wrapper wrapper, const void *block, size_t n, void *out,
                     size_t *size)
{
    const unsigned char *in = block;
    size_t done = 0, used, made;
    if (*context == NULL)
        *context = libdeflate_alloc_decompressor();
    if (*context == NULL)
        return 0;
    do {
        if (!inflate_member(*context, wrapper, in, n, (unsigned char *)out + done, *size - done, &used, &made))
            return 0;
        in += used;
        n -= used;
        done += made;
    } while (wrapper == PW_INFLATE_GZIP_OR_ZLIB && is_gzip(in, n));
    if (n > 0)
        return 0;
    *size = done;
    return 1;
}

void pw_inflate_whole_release(void **context)
{
    libdeflate_free_decompressor(*context);
    *context = NULL;
}

size_t pw_inflate_whole_memory_bytes(void)
{
    return CONTEXT_BYTES;
}

#else

int pw_inflate_whole(void **context, enum pw_inflate_wrapper wrapper, const void *block, size_t n, void *out,
                     size_t *size)
{
    (void)context, (void)wrapper, (void)block, (void)n, (void)out, (void)size;
    return 0;
}

void pw_inflate_whole_release(void **context)
{
    (void)context;
}

size_t pw_inflate_whole_memory_bytes(void)
{
    return 0;
}

#endif
