/* What this build is made of, and what this machine lets it use. */
#include <blosc.h>
#include <json-c/json.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#include <lz4.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/codec.h"
#include "io/io.h"
#include "label/simd.h"
#include "patchworks.h"
#ifdef HAVE_HDF5
#include "store/hdf5_library.h"
#endif

#ifndef PW_VERSION
#define PW_VERSION "0.1.0"
#endif

const char *pw_version(void)
{
    return PW_VERSION;
}

/* Text that is longer than its buffer is counted and cut. */
struct text {
    char *buffer;
    size_t capacity, length;
};

static void line(struct text *text, const char *name, const char *value)
{
    size_t room = text->length < text->capacity ? text->capacity - text->length : 0;
    int n = snprintf(room > 0 ? text->buffer + text->length : NULL, room, "%s %s\n", name, value);
    if (n > 0)
        text->length += (size_t)n;
}

/* "LIBTIFF, Version 4.5.0\n..." without the rest. */
static void tiff_line(struct text *text)
{
    char version[64];
    const char *number = strrchr(TIFFGetVersion(), ' ');
    const char *full = strstr(TIFFGetVersion(), "Version ");
    (void)snprintf(version, sizeof version, "%s", full != NULL ? full + strlen("Version ") : number);
    version[strcspn(version, "\n")] = '\0';
    line(text, "libtiff", version);
}

static void hdf5_line(struct text *text)
{
#ifdef HAVE_HDF5
    char version[64];
    pw_hdf5_version(version, sizeof version);
    line(text, "hdf5", version[0] != '\0' ? version : "built in, but its library cannot be loaded");
#else
    line(text, "hdf5", "not built in");
#endif
}

static void libdeflate_line(struct text *text)
{
#ifdef HAVE_LIBDEFLATE
    line(text, "libdeflate", LIBDEFLATE_VERSION_STRING);
#else
    line(text, "libdeflate", "not built in");
#endif
}

size_t pw_version_details(char *buffer, size_t capacity)
{
    struct text text = {buffer, capacity, 0};
    char codecs[256] = "";
    if (capacity > 0)
        buffer[0] = '\0';
    line(&text, "patchworks", pw_version());
    tiff_line(&text);
    line(&text, "zstd", ZSTD_versionString());
    line(&text, "lz4", LZ4_versionString());
    line(&text, "zlib", zlibVersion());
    libdeflate_line(&text);
    line(&text, "blosc", blosc_get_version_string());
    line(&text, "json-c", json_c_version());
    hdf5_line(&text);
    for (int i = 0; pw_codec_at(i) != NULL; i++) {
        size_t used = strlen(codecs);
        (void)snprintf(codecs + used, sizeof codecs - used, "%s%s", i > 0 ? " " : "", pw_codec_at(i)->name);
    }
    line(&text, "codecs", codecs);
    line(&text, "io", pw_io_uring_works() ? "uring mmap sync" : "mmap sync (io_uring: not built in, or refused here)");
    line(&text, "simd", pw_simd_name(pw_simd_level()));
    return text.length;
}
