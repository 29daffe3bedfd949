#include "codec/codec.h"

#include <string.h>

static const struct pw_codec *const table[] = {
    &pw_codec_blosc, &pw_codec_bz2, &pw_codec_gzip, &pw_codec_lz4, &pw_codec_lzma, &pw_codec_zlib, &pw_codec_zstd,
};

enum {
    CODEC_COUNT = (int)(sizeof table / sizeof table[0])
};

const struct pw_codec *pw_codec_at(int i)
{
    return i >= 0 && i < CODEC_COUNT ? table[i] : NULL;
}

const struct pw_codec *pw_codec_find(const char *name)
{
    for (int i = 0; i < CODEC_COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}
