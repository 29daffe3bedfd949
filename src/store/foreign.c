#include "store/foreign.h"

#include <string.h>

#define TO_ZARR_OR_TIFF "convert it to OME-Zarr or TIFF"
#define WITH_BIOFORMATS "convert it with bioformats2raw to OME-Zarr"
#define UNPACK "unpack it first"

static const struct {
    size_t offset;
    const char *magic;
    size_t n;
    struct pw_foreign foreign;
} table[] = {
    {0, "CDF", 3, {"netCDF", "write the variable as zarr or npy"}},
    {0, "\x89PNG\r\n\x1a\n", 8, {"PNG", TO_ZARR_OR_TIFF}},
    {0, "\xff\xd8\xff", 3, {"JPEG", TO_ZARR_OR_TIFF}},
    {0, "\0\0\0\x0cjP  ", 8, {"JPEG 2000", TO_ZARR_OR_TIFF}},
    {0, "\xff\x4f\xff\x51", 4, {"JPEG 2000", TO_ZARR_OR_TIFF}},
    {0, "\0\0\0\x0cJXL ", 8, {"JPEG XL", TO_ZARR_OR_TIFF}},
    {0, "GIF8", 4, {"GIF", TO_ZARR_OR_TIFF}},
    {0, "RIFF", 4, {"a RIFF file (WebP, AVI)", TO_ZARR_OR_TIFF}},
    {0, "%PDF", 4, {"PDF", "export the image as TIFF"}},
    {0, "SIMPLE  =", 9, {"FITS", TO_ZARR_OR_TIFF}},
    {344, "n+1\0", 4, {"NIfTI", TO_ZARR_OR_TIFF}},
    {344, "ni1\0", 4, {"NIfTI", TO_ZARR_OR_TIFF}},
    {4, "n+2\0\r\n\x1a\n", 8, {"NIfTI-2", TO_ZARR_OR_TIFF}},
    {128, "DICM", 4, {"DICOM", WITH_BIOFORMATS}},
    {0, "ZISRAWFILE", 10, {"Zeiss CZI", WITH_BIOFORMATS}},
    {0, "\x70\0\0\0", 4, {"Leica LIF", WITH_BIOFORMATS}},
    {0, "\xda\xce\xbe\x0a", 4, {"Nikon ND2", WITH_BIOFORMATS}},
    {0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, {"an OLE container (Zeiss ZVI, Olympus OIB)", WITH_BIOFORMATS}},
    {0, "ndpi", 4, {"NDPI", WITH_BIOFORMATS}},
    {0, "\x1f\x8b", 2, {"gzip", UNPACK}},
    {0, "\x28\xb5\x2f\xfd", 4, {"zstd", UNPACK}},
    {0, "BZh", 3, {"bzip2", UNPACK}},
    {0, "\3757zXZ\0", 6, {"xz", UNPACK}},
    {0, "7z\xbc\xaf\x27\x1c", 6, {"7-zip", UNPACK}},
    {257, "ustar", 5, {"a tar archive", UNPACK}},
    {0, "<!DOCTYPE", 9, {"an HTML page", "a download may have failed"}},
    {0, "<html", 5, {"an HTML page", "a download may have failed"}},
    {0, "version https://git-lfs", 23, {"a git-lfs pointer, not the data", "fetch it with git lfs pull"}},
    {96, "\xa0\xc0", 2, {"DeltaVision", WITH_BIOFORMATS}},
    {96, "\xc0\xa0", 2, {"DeltaVision", WITH_BIOFORMATS}},
    {0, "# vtk DataFile", 14, {"VTK", "write MetaImage or NRRD, which ITK and ParaView have too"}},
    {0, "BM", 2, {"BMP", TO_ZARR_OR_TIFF}},
};

const struct pw_foreign *pw_foreign_find(const unsigned char *head, size_t n)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (n >= table[i].offset + table[i].n && memcmp(head + table[i].offset, table[i].magic, table[i].n) == 0)
            return &table[i].foreign;
    return NULL;
}
