/*
 * Labels as a dataset of an HDF5 file: chunks of gzip, compressed by all threads and handed to the library as they are
 * (H5Dwrite_chunk), in turn, so that the file is the same whoever was first.  Chunks without a label are not stored: 0 is the
 * fill value.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/length_unit.h"
#include "base/memory.h"
#include "store/hdf5_library.h"
#include "store/output_codec.h"
#include "store/pending_file.h"
#include "store/sink.h"
#include "sys/turn.h"

enum {
    LIBRARY_BYTES = 8 << 20, /* its cache of metadata, and what it writes on closing */
    RANK_MAX = 4
};

static const struct pw_output_codec usual_codec = {PW_COMPRESS_GZIP, 3};

struct hdf5_sink {
    struct pw_sink base;
    int rank, has_time, overwrite;
    struct pw_axis axis[3];
    char *dataset_name;
    enum pw_dtype dtype; /* dtype_hint until start */
    struct pw_output_codec codec;
    struct pw_pending_file file;
    hid_t library_file, dataset; /* under the library's lock */
    struct pw_turn turn;
    _Atomic int stopped; /* the status of a unit that has failed */
};

struct pw_writer {
    struct pw_codec_state codec;
    struct pw_buffer voxels; /* a chunk */
    unsigned char *stored;
};

static struct hdf5_sink *of(struct pw_sink *sink)
{
    return (struct hdf5_sink *)sink;
}

/* ---- writers ----------------------------------------------------------- */

static size_t chunk_bytes(const struct hdf5_sink *hdf5)
{
    const uint64_t *chunk = hdf5->base.chunk;
    return (size_t)(chunk[0] * chunk[1] * chunk[2] * pw_dtype_bytes(hdf5->dtype));
}

static size_t hdf5_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct hdf5_sink *hdf5 = (const struct hdf5_sink *)sink;
    size_t bytes = chunk_bytes(hdf5);
    return sizeof(struct pw_writer) + bytes + ((size_t)2 << 20) + pw_output_codec_bound(&hdf5->codec, bytes) +
           pw_output_codec_memory_bytes(&hdf5->codec, bytes);
}

static void hdf5_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    pw_codec_state_release(&writer->codec);
    pw_buffer_release(&writer->voxels);
    free(writer->stored);
    free(writer);
}

static enum pw_status hdf5_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    const struct hdf5_sink *hdf5 = of(sink);
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_buffer_init(&made->voxels, chunk_bytes(hdf5), "a chunk", error);
    made->stored = pw_alloc(pw_output_codec_bound(&hdf5->codec, chunk_bytes(hdf5)), 1, error);
    if (status != PW_OK || made->stored == NULL) {
        hdf5_writer_free(made);
        return PW_E_NOMEM;
    }
    *writer = made;
    return PW_OK;
}

/* ---- units: one chunk each --------------------------------------------- */

/* The block as a whole chunk, beyond the volume 0. */
static void paint(const struct hdf5_sink *hdf5, const struct pw_label_block *block, unsigned char *voxels)
{
    const uint64_t *chunk = hdf5->base.chunk;
    size_t row_bytes = (size_t)chunk[2] * pw_dtype_bytes(hdf5->dtype);
    memset(voxels, 0, chunk_bytes(hdf5));
    for (uint64_t row = 0; row < block->shape[0] * block->shape[1]; row++) {
        uint64_t z = row / block->shape[1], y = row % block->shape[1], first = block->row[row];
        pw_paint_row(hdf5->dtype, voxels + (z * chunk[1] + y) * row_bytes, block->shape[2], block->run + first,
                     block->value + first, block->row[row + 1] - first);
    }
}

static enum pw_status hand_over(struct hdf5_sink *hdf5, const struct pw_writer *writer, const struct pw_box *box,
                                size_t n, struct pw_error *error)
{
    hsize_t offset[RANK_MAX];
    int rank = 0;
    if (hdf5->has_time)
        offset[rank++] = box->start[0] / hdf5->base.volume[0];
    if (hdf5->rank == 3)
        offset[rank++] = box->start[0] % hdf5->base.volume[0];
    offset[rank++] = box->start[1];
    offset[rank] = box->start[2];
    pw_hdf5_lock();
    herr_t written = H5Dwrite_chunk(hdf5->dataset, H5P_DEFAULT, 0, offset, n, writer->stored);
    pw_hdf5_unlock();
    hdf5->base.bytes_written += n;
    return written >= 0
               ? PW_OK
               : pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot write a chunk of %zu bytes", hdf5->base.path, n);
}

static enum pw_status stop(struct hdf5_sink *hdf5, enum pw_status status)
{
    atomic_store(&hdf5->stopped, (int)status);
    return status;
}

static enum pw_status hdf5_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                      const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error)
{
    struct hdf5_sink *hdf5 = of(sink);
    struct pw_label_block block;
    size_t n = pw_output_codec_bound(&hdf5->codec, chunk_bytes(hdf5));
    enum pw_status status = pull(context, box, &block, error);
    if (status == PW_OK && block.n_runs > 0) {
        paint(hdf5, &block, writer->voxels.data);
        status = pw_output_codec_encode(&hdf5->codec, &writer->codec, pw_dtype_bytes(hdf5->dtype), writer->voxels.data,
                                        chunk_bytes(hdf5), writer->stored, &n, error);
    }
    if (status != PW_OK)
        return stop(hdf5, status);
    if (!pw_turn_await(&hdf5->turn, unit_index, &hdf5->stopped))
        return pw_fail(error, (enum pw_status)atomic_load(&hdf5->stopped), "%s: writing ended at an earlier failure",
                       sink->path);
    if (block.n_runs > 0)
        status = hand_over(hdf5, writer, box, n, error);
    if (status != PW_OK)
        return stop(hdf5, status);
    pw_turn_end(&hdf5->turn);
    return PW_OK;
}

/* ---- the file, with the library's lock held ---------------------------- */

/* The size of voxels in micrometers, z y x, by the name that ilastik and Fiji know; nothing when it is not known. */
static herr_t put_element_size(const struct hdf5_sink *hdf5)
{
    double size[3] = {1, 1, 1};
    const hsize_t three = 3;
    for (int i = 3 - hdf5->rank; i < 3; i++) {
        size[i] = hdf5->axis[i].scale * pw_micrometers_in(hdf5->axis[i].unit);
        if (!(size[i] > 0 && size[i] < 1e300))
            return 0;
    }
    hid_t space = H5Screate_simple(1, &three, NULL);
    hid_t attribute = H5Acreate2(hdf5->dataset, "element_size_um", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = attribute >= 0 ? H5Awrite(attribute, H5T_NATIVE_DOUBLE, size) : -1;
    (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    return written;
}

/* The letters of the axes, as dimension scales have them (h5py: dims[i].label). */
static herr_t put_letters(const struct hdf5_sink *hdf5)
{
    const char *letter[RANK_MAX] = {0};
    int rank = 0;
    if (hdf5->has_time)
        letter[rank++] = "t";
    for (int i = 3 - hdf5->rank; i < 3; i++)
        letter[rank++] = i == 0 ? "z" : i == 1 ? "y" : "x";
    const hsize_t n = (hsize_t)rank;
    hid_t space = H5Screate_simple(1, &n, NULL), type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, H5T_VARIABLE);
    hid_t attribute = H5Acreate2(hdf5->dataset, "DIMENSION_LABELS", type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = attribute >= 0 ? H5Awrite(attribute, type, letter) : -1;
    (void)H5Aclose(attribute);
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    return written;
}

static hid_t stored_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_U8: return H5T_STD_U8LE;
    case PW_U16: return H5T_STD_U16LE;
    case PW_U32: return H5T_STD_U32LE;
    default: return H5T_STD_U64LE;
    }
}

static int list_shape(const struct hdf5_sink *hdf5, const uint64_t space[3], uint64_t times, hsize_t *out)
{
    int rank = 0;
    if (hdf5->has_time)
        out[rank++] = times;
    for (int i = 3 - hdf5->rank; i < 3; i++)
        out[rank++] = space[i];
    return rank;
}

/* Without the time at which it was made, so that the same labels are the same bytes. */
static hid_t creation(const struct hdf5_sink *hdf5)
{
    hsize_t chunk[RANK_MAX];
    int rank = list_shape(hdf5, hdf5->base.chunk, 1, chunk);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (H5Pset_chunk(list, rank, chunk) < 0 || H5Pset_obj_track_times(list, 0) < 0)
        return list; /* and creating the dataset fails */
    if (hdf5->codec.compression == PW_COMPRESS_DEFLATE)
        (void)H5Pset_deflate(list, (unsigned)hdf5->codec.level);
    return list;
}

static int make_dataset(struct hdf5_sink *hdf5)
{
    hsize_t shape[RANK_MAX];
    int rank = list_shape(hdf5, hdf5->base.volume, hdf5->base.times, shape);
    hid_t space = H5Screate_simple(rank, shape, NULL), made = creation(hdf5), links = H5Pcreate(H5P_LINK_CREATE);
    (void)H5Pset_create_intermediate_group(links, 1);
    hdf5->dataset =
        H5Dcreate2(hdf5->library_file, hdf5->dataset_name, stored_type(hdf5->dtype), space, links, made, H5P_DEFAULT);
    (void)H5Pclose(links);
    (void)H5Pclose(made);
    (void)H5Sclose(space);
    return hdf5->dataset >= 0 && put_letters(hdf5) >= 0 && put_element_size(hdf5) >= 0;
}

static int close_file(struct hdf5_sink *hdf5)
{
    int closed = (hdf5->dataset < 0 || H5Dclose(hdf5->dataset) >= 0);
    closed &= (hdf5->library_file < 0 || H5Fclose(hdf5->library_file) >= 0);
    hdf5->dataset = hdf5->library_file = -1;
    return closed;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status hdf5_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error)
{
    struct hdf5_sink *hdf5 = of(sink);
    (void)n_objects;
    hdf5->dtype = dtype;
    enum pw_status status = pw_pending_open_named(&hdf5->file, sink->path, hdf5->overwrite, error);
    if (status != PW_OK)
        return status;
    pw_hdf5_lock();
    hdf5->library_file = H5Fcreate(hdf5->file.hidden, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    int made = hdf5->library_file >= 0 && make_dataset(hdf5);
    pw_hdf5_unlock();
    return made ? PW_OK
                : pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot make dataset '%s'", sink->path,
                          hdf5->dataset_name);
}

static void hdf5_abort(struct pw_sink *sink)
{
    pw_hdf5_lock();
    (void)close_file(of(sink));
    pw_hdf5_unlock();
    pw_pending_abort(&of(sink)->file);
}

static enum pw_status hdf5_commit(struct pw_sink *sink, struct pw_error *error)
{
    pw_hdf5_lock();
    int closed = close_file(of(sink));
    pw_hdf5_unlock();
    if (!closed)
        return pw_fail(error, PW_E_IO, "%s: the HDF5 library cannot finish the file", sink->path);
    return pw_pending_commit(&of(sink)->file, error);
}

static void hdf5_close(struct pw_sink *sink)
{
    struct hdf5_sink *hdf5 = of(sink);
    hdf5_abort(sink);
    pw_turn_destroy(&hdf5->turn);
    free(hdf5->dataset_name);
    free(hdf5);
}

static const struct pw_sink_ops ops = {
    .format = "hdf5",
    .start = hdf5_start,
    .writer_new = hdf5_writer_new,
    .writer_free = hdf5_writer_free,
    .writer_memory_bytes = hdf5_writer_memory_bytes,
    .write_unit = hdf5_write_unit,
    .commit = hdf5_commit,
    .abort = hdf5_abort,
    .close = hdf5_close,
};

/* ---- opening ----------------------------------------------------------- */

static const char *name_of(const struct pw_sink_request *request)
{
    return request->label_name != NULL ? request->label_name : "labels";
}

/* gzip is what HDF5 calls its deflate filter, of which blocks are wrapped as zlib does it. */
static enum pw_status choose_codec(struct hdf5_sink *hdf5, const char *spec, struct pw_error *error)
{
    const unsigned offered = 1u << PW_COMPRESS_NONE | 1u << PW_COMPRESS_GZIP;
    enum pw_status status = pw_output_codec_choose(spec, offered, &usual_codec, &hdf5->codec, "HDF5", error);
    if (status == PW_OK && hdf5->codec.compression == PW_COMPRESS_GZIP)
        hdf5->codec.compression = PW_COMPRESS_DEFLATE;
    return status;
}

static enum pw_status choose_chunk(struct hdf5_sink *hdf5, const struct pw_sink_request *request,
                                   struct pw_error *error)
{
    static const uint64_t usual[2][3] = {{1, 512, 512}, {16, 128, 128}};
    struct pw_sink *base = &hdf5->base;
    uint64_t voxels;
    for (int i = 0; i < 3; i++) {
        base->volume[i] = request->shape[i];
        base->chunk[i] = request->chunk[i] != 0 ? request->chunk[i] : usual[request->rank == 3][i];
        base->chunk[i] = pw_min_u64(base->chunk[i], request->shape[i]);
        base->unit[i] = base->pull[i] = base->chunk[i];
    }
    if (!pw_product_u64(base->chunk, 3, &voxels) || voxels > (UINT32_MAX >> 1) / sizeof(uint64_t))
        return pw_fail(error, PW_E_RANGE, "%s: chunks of 2 GiB or more; HDF5 has none above 4 GiB, choose smaller ones",
                       request->path);
    return PW_OK;
}

static enum pw_status check(const struct pw_sink_request *request, struct pw_error *error)
{
    const char *name = name_of(request);
    size_t n = strlen(name);
    if (request->shard[0] != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: an HDF5 file has no shards", request->path);
    if (n == 0 || name[n - 1] == '/' || strcmp(name, ".") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: '%s' is no name of a dataset", request->path, name);
    return pw_pending_check(request->path, request->overwrite, error);
}

enum pw_status pw_hdf5_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    enum pw_status status = check(request, error);
    struct hdf5_sink *hdf5 = status == PW_OK ? pw_alloc(1, sizeof *hdf5, error) : NULL;
    if (hdf5 == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    hdf5->base.ops = &ops;
    hdf5->base.capabilities = PW_SINK_SEQUENTIAL;
    hdf5->base.shared_bytes = LIBRARY_BYTES;
    (void)snprintf(hdf5->base.path, sizeof hdf5->base.path, "%s", request->path);
    hdf5->rank = request->rank;
    hdf5->has_time = request->has_time;
    hdf5->overwrite = request->overwrite;
    memcpy(hdf5->axis, request->axis, sizeof hdf5->axis);
    hdf5->dtype = request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32;
    hdf5->file.fd = -1;
    hdf5->library_file = hdf5->dataset = -1;
    pw_turn_init(&hdf5->turn);
    status = choose_codec(hdf5, request->codec, error);
    if (status == PW_OK)
        status = choose_chunk(hdf5, request, error);
    hdf5->dataset_name = pw_strdup(name_of(request), error);
    if (status == PW_OK && hdf5->dataset_name == NULL)
        status = PW_E_NOMEM;
    if (status != PW_OK) {
        hdf5_close(&hdf5->base);
        return status;
    }
    *sink = &hdf5->base;
    return PW_OK;
}
