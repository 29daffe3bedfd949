#include "base/copy_past.h"

#include <stdint.h>
#include <string.h>

#ifndef __SSE2__

void pw_copy_past(void *target, const void *source, size_t bytes)
{
    memcpy(target, source, bytes);
}

void pw_copy_past_end(void)
{
}

#else

#include <emmintrin.h>

enum {
    LINE_BYTES = 64, /* only whole lines are written without being fetched */
    LEAST_BYTES = 4 * LINE_BYTES
};

static void copy_line(unsigned char *target, const unsigned char *source)
{
    __m128i a = _mm_loadu_si128((const __m128i *)source);
    __m128i b = _mm_loadu_si128((const __m128i *)(source + 16));
    __m128i c = _mm_loadu_si128((const __m128i *)(source + 32));
    __m128i d = _mm_loadu_si128((const __m128i *)(source + 48));
    _mm_stream_si128((__m128i *)target, a);
    _mm_stream_si128((__m128i *)(target + 16), b);
    _mm_stream_si128((__m128i *)(target + 32), c);
    _mm_stream_si128((__m128i *)(target + 48), d);
}

void pw_copy_past(void *target, const void *source, size_t bytes)
{
    unsigned char *t = target;
    const unsigned char *s = source;
    if (bytes < LEAST_BYTES) {
        memcpy(t, s, bytes);
        return;
    }
    size_t head = (size_t)(-(uintptr_t)t % LINE_BYTES);
    memcpy(t, s, head);
    size_t lines = (bytes - head) / LINE_BYTES, done = head + lines * LINE_BYTES;
    for (size_t at = head; at < done; at += LINE_BYTES)
        copy_line(t + at, s + at);
    memcpy(t + done, s + done, bytes - done);
}

void pw_copy_past_end(void)
{
    _mm_sfence();
}

#endif
