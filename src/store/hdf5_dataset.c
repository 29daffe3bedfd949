#include "store/hdf5_dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/length_unit.h"
#include "base/memory.h"

enum {
    RANK_MAX = 5
};

static const struct pw_output_codec usual_codec = {PW_COMPRESS_GZIP, 3};

/* ---- choices ----------------------------------------------------------- */

enum pw_status pw_hdf5_dataset_init(struct pw_hdf5_dataset *dataset, const char *path, const char *name,
                                    enum pw_dtype dtype, const struct pw_array_axes *axes, const uint64_t shape[3],
                                    const uint64_t chunk[3], struct pw_error *error)
{
    static const uint64_t usual[2][3] = {{1, 512, 512}, {16, 128, 128}};
    size_t n = strlen(name);
    uint64_t voxels;
    memset(dataset, 0, sizeof *dataset);
    (void)snprintf(dataset->path, sizeof dataset->path, "%s", path);
    dataset->dtype = dtype;
    dataset->axes = *axes;
    dataset->codec = usual_codec;
    dataset->file.fd = -1;
    dataset->library_file = dataset->dataset = -1;
    if (n == 0 || name[n - 1] == '/' || strcmp(name, ".") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: '%s' is no name of a dataset", path, name);
    for (int i = 0; i < 3; i++) {
        dataset->shape[i] = shape[i];
        dataset->chunk[i] = pw_min_u64(chunk[i] != 0 ? chunk[i] : usual[axes->rank == 3][i], shape[i]);
    }
    if (!pw_product_u64(dataset->chunk, 3, &voxels) || voxels > (UINT32_MAX >> 1) / sizeof(uint64_t))
        return pw_fail(error, PW_E_RANGE, "%s: chunks of 2 GiB or more; HDF5 has none above 4 GiB, choose smaller ones",
                       path);
    dataset->name = pw_strdup(name, error);
    return dataset->name != NULL ? pw_hdf5_load(path, error) : PW_E_NOMEM;
}

/* gzip is what HDF5 calls its deflate filter, of which blocks are wrapped as zlib does it. */
enum pw_status pw_hdf5_dataset_codec(struct pw_hdf5_dataset *dataset, const char *spec, struct pw_error *error)
{
    const unsigned offered = 1u << PW_COMPRESS_NONE | 1u << PW_COMPRESS_GZIP;
    enum pw_status status = pw_output_codec_choose(spec, offered, &usual_codec, &dataset->codec, "HDF5", error);
    if (status == PW_OK && dataset->codec.compression == PW_COMPRESS_GZIP)
        dataset->codec.compression = PW_COMPRESS_DEFLATE;
    return status;
}

size_t pw_hdf5_dataset_chunk_bytes(const struct pw_hdf5_dataset *dataset)
{
    const uint64_t *chunk = dataset->chunk;
    return (size_t)(chunk[0] * chunk[1] * chunk[2] * pw_dtype_bytes(dataset->dtype));
}

/* ---- the file, with the library's lock held ---------------------------- */

/* The size of voxels in micrometers, z y x, by the name that ilastik and Fiji know; nothing when it is not known. */
static herr_t put_element_size(const struct pw_hdf5_dataset *dataset)
{
    double size[3] = {1, 1, 1};
    const hsize_t three = 3;
    for (int i = 3 - dataset->axes.rank; i < 3; i++) {
        size[i] = dataset->axes.space[i].scale * pw_micrometers_in(dataset->axes.space[i].unit);
        if (!(size[i] > 0 && size[i] < 1e300))
            return 0;
    }
    hid_t space = H5Screate_simple(1, &three, NULL);
    hid_t attribute = H5Acreate2(dataset->dataset, "element_size_um", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = attribute >= 0 ? H5Awrite(attribute, H5T_NATIVE_DOUBLE, size) : -1;
    (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    return written;
}

/* The letters of the axes, as dimension scales have them (h5py: dims[i].label). */
static herr_t put_letters(const struct pw_hdf5_dataset *dataset)
{
    const char *letter[RANK_MAX] = {0};
    int rank = 0;
    if (dataset->axes.has_time)
        letter[rank++] = "t";
    if (dataset->axes.has_channel)
        letter[rank++] = "c";
    for (int i = 3 - dataset->axes.rank; i < 3; i++)
        letter[rank++] = i == 0 ? "z" : i == 1 ? "y" : "x";
    const hsize_t n = (hsize_t)rank;
    hid_t space = H5Screate_simple(1, &n, NULL), type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, H5T_VARIABLE);
    hid_t attribute = H5Acreate2(dataset->dataset, "DIMENSION_LABELS", type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = attribute >= 0 ? H5Awrite(attribute, type, letter) : -1;
    (void)H5Aclose(attribute);
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    return written;
}

/* As h5py has booleans, and half floats. */
static hid_t boolean_type(void)
{
    hid_t type = H5Tenum_create(H5T_STD_I8LE);
    const signed char no = 0, yes = 1;
    (void)H5Tenum_insert(type, "FALSE", &no);
    (void)H5Tenum_insert(type, "TRUE", &yes);
    return type;
}

static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    (void)H5Tset_fields(type, 15, 10, 5, 0, 10);
    (void)H5Tset_size(type, 2);
    (void)H5Tset_ebias(type, 15);
    return type;
}

static hid_t stored_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return boolean_type();
    case PW_F16: return half_type();
    case PW_U8: return H5Tcopy(H5T_STD_U8LE);
    case PW_U16: return H5Tcopy(H5T_STD_U16LE);
    case PW_U32: return H5Tcopy(H5T_STD_U32LE);
    case PW_I8: return H5Tcopy(H5T_STD_I8LE);
    case PW_I16: return H5Tcopy(H5T_STD_I16LE);
    case PW_I32: return H5Tcopy(H5T_STD_I32LE);
    case PW_I64: return H5Tcopy(H5T_STD_I64LE);
    case PW_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case PW_F64: return H5Tcopy(H5T_IEEE_F64LE);
    default: return H5Tcopy(H5T_STD_U64LE);
    }
}

static int list_shape(const struct pw_hdf5_dataset *dataset, const uint64_t space[3], uint64_t times, uint64_t channels,
                      hsize_t *out)
{
    int rank = 0;
    if (dataset->axes.has_time)
        out[rank++] = times;
    if (dataset->axes.has_channel)
        out[rank++] = channels;
    for (int i = 3 - dataset->axes.rank; i < 3; i++)
        out[rank++] = space[i];
    return rank;
}

/* Without the time at which it was made, so that the same voxels are the same bytes. */
static hid_t creation(const struct pw_hdf5_dataset *dataset)
{
    hsize_t chunk[RANK_MAX];
    int rank = list_shape(dataset, dataset->chunk, 1, 1, chunk);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (H5Pset_chunk(list, rank, chunk) < 0 || H5Pset_obj_track_times(list, 0) < 0)
        return list; /* and creating the dataset fails */
    if (dataset->codec.compression == PW_COMPRESS_DEFLATE)
        (void)H5Pset_deflate(list, (unsigned)dataset->codec.level);
    return list;
}

static int make_dataset(struct pw_hdf5_dataset *dataset)
{
    hsize_t shape[RANK_MAX];
    int rank = list_shape(dataset, dataset->shape, dataset->axes.times, dataset->axes.channels, shape);
    hid_t space = H5Screate_simple(rank, shape, NULL), made = creation(dataset), links = H5Pcreate(H5P_LINK_CREATE);
    hid_t type = stored_type(dataset->dtype);
    (void)H5Pset_create_intermediate_group(links, 1);
    dataset->dataset = H5Dcreate2(dataset->library_file, dataset->name, type, space, links, made, H5P_DEFAULT);
    (void)H5Tclose(type);
    (void)H5Pclose(links);
    (void)H5Pclose(made);
    (void)H5Sclose(space);
    return dataset->dataset >= 0 && put_letters(dataset) >= 0 && put_element_size(dataset) >= 0;
}

static int close_file(struct pw_hdf5_dataset *dataset)
{
    int closed = (dataset->dataset < 0 || H5Dclose(dataset->dataset) >= 0);
    closed &= (dataset->library_file < 0 || H5Fclose(dataset->library_file) >= 0);
    dataset->dataset = dataset->library_file = -1;
    return closed;
}

/* ---- start, chunks and end --------------------------------------------- */

enum pw_status pw_hdf5_dataset_start(struct pw_hdf5_dataset *dataset, int overwrite, struct pw_error *error)
{
    const char *path = dataset->path;
    enum pw_status status = pw_pending_open_named(&dataset->file, path, overwrite, error);
    if (status != PW_OK)
        return status;
    pw_hdf5_lock();
    dataset->library_file = H5Fcreate(dataset->file.hidden, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    int made = dataset->library_file >= 0 && make_dataset(dataset);
    pw_hdf5_unlock();
    return made ? PW_OK : pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot make dataset '%s'", path, dataset->name);
}

enum pw_status pw_hdf5_dataset_put(struct pw_hdf5_dataset *dataset, uint64_t time, uint64_t channel,
                                   const uint64_t start[3], const void *stored, size_t n, struct pw_error *error)
{
    hsize_t offset[RANK_MAX];
    (void)list_shape(dataset, start, time, channel, offset);
    pw_hdf5_lock();
    herr_t written = H5Dwrite_chunk(dataset->dataset, H5P_DEFAULT, 0, offset, n, stored);
    pw_hdf5_unlock();
    return written >= 0
               ? PW_OK
               : pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot write a chunk of %zu bytes", dataset->path, n);
}

void pw_hdf5_dataset_abort(struct pw_hdf5_dataset *dataset)
{
    pw_hdf5_lock();
    (void)close_file(dataset);
    pw_hdf5_unlock();
    pw_pending_abort(&dataset->file);
}

enum pw_status pw_hdf5_dataset_commit(struct pw_hdf5_dataset *dataset, struct pw_error *error)
{
    pw_hdf5_lock();
    int closed = close_file(dataset);
    pw_hdf5_unlock();
    if (!closed)
        return pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot finish the file", dataset->path);
    return pw_pending_commit(&dataset->file, error);
}

void pw_hdf5_dataset_release(struct pw_hdf5_dataset *dataset)
{
    pw_hdf5_dataset_abort(dataset);
    free(dataset->name);
    dataset->name = NULL;
}
