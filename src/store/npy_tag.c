#include "store/npy_tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PREFIX = 10 /* magic, version 1 and the length of the text */
};

size_t pw_npy_tag_add(char *header, size_t n, size_t capacity, uint64_t tile, uint64_t n_tiles)
{
    char tag[80];
    int length = snprintf(tag, sizeof tag, "  # tile %" PRIu64 " of %" PRIu64, tile, n_tiles);
    size_t end = n;
    while (end > PREFIX && (header[end - 1] == ' ' || header[end - 1] == '\n'))
        end--;
    size_t total = (end + (size_t)length + 1 + 63) / 64 * 64;
    if (total > capacity)
        return n;
    memcpy(header + end, tag, (size_t)length);
    memset(header + end + length, ' ', total - end - (size_t)length);
    header[total - 1] = '\n';
    header[8] = (char)((total - PREFIX) & 0xff);
    header[9] = (char)((total - PREFIX) >> 8);
    return total;
}

int pw_npy_tag_find(const char *text, size_t n, size_t *text_bytes, uint64_t *tile, uint64_t *n_tiles)
{
    char comment[80];
    const char *hash = memchr(text, '#', n); /* no key, type or shape has one */
    *text_bytes = n;
    if (hash == NULL)
        return 0;
    size_t left = n - (size_t)(hash - text);
    *text_bytes = n - left;
    (void)snprintf(comment, sizeof comment, "%.*s", left < sizeof comment ? (int)left : (int)sizeof comment - 1, hash);
    return sscanf(comment, "# tile %" SCNu64 " of %" SCNu64, tile, n_tiles) == 2;
}
