#include "store/output_format.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

enum {
    SUFFIXES_MAX = 3
};

static const struct {
    const char *name, *suffix[SUFFIXES_MAX];
} known[PW_OUTPUT_FORMATS] = {
    [PW_OUTPUT_ZARR] = {"zarr", {".zarr"}},
    [PW_OUTPUT_TIFF] = {"tiff", {".tif", ".tiff", ".btf"}},
    [PW_OUTPUT_NPY] = {"npy", {".npy"}},
    [PW_OUTPUT_RAW] = {"raw", {".raw", ".bin"}},
    [PW_OUTPUT_NRRD] = {"nrrd", {".nrrd", ".nhdr"}},
    [PW_OUTPUT_MHD] = {"mhd", {".mhd", ".mha"}},
    [PW_OUTPUT_HDF5] = {"hdf5", {".h5", ".hdf5"}},
    [PW_OUTPUT_GEOJSON] = {"geojson", {".geojson"}},
};

const char *pw_output_format_name(enum pw_output_format format)
{
    return known[format].name;
}

static int has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n > s && strncasecmp(path + n - s, suffix, s) == 0;
}

static int is_it(int format, const char *name, const char *path)
{
    if (name != NULL)
        return strcmp(known[format].name, name) == 0;
    for (int k = 0; k < SUFFIXES_MAX && known[format].suffix[k] != NULL; k++)
        if (has_suffix(path, known[format].suffix[k]))
            return 1;
    return 0;
}

/* "zarr, npy", or with suffixes ".zarr, .npy". */
static void list(unsigned offered, int suffixes, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < PW_OUTPUT_FORMATS; i++) {
        if (!(offered & 1u << i) || used >= capacity)
            continue;
        int n = snprintf(out + used, capacity - used, "%s%s", used > 0 ? ", " : "",
                         suffixes ? known[i].suffix[0] : known[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

enum pw_status pw_output_format_choose(const char *name, const char *path, unsigned offered,
                                       enum pw_output_format *format, struct pw_error *error)
{
    char all[200];
    for (int i = 0; i < PW_OUTPUT_FORMATS; i++)
        if (offered & 1u << i && is_it(i, name, path)) {
            *format = (enum pw_output_format)i;
            return PW_OK;
        }
    list(offered, name == NULL, all, sizeof all);
    if (name != NULL)
        return pw_fail(error, PW_E_ARGUMENT, "output format '%s': it is one of %s", name, all);
    return pw_fail(error, PW_E_ARGUMENT,
                   "%s: the name does not tell the format; end it in one of %s, or name the format", path, all);
}
