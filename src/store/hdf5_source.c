/* Reading chunks of an HDF5 image. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/hdf5_source.h"

enum {
    TOKEN_BYTES = 8 /* read in place of chunks that the library fetches */
};

struct pw_decoder {
    struct pw_codec_state state;
    unsigned char *scratch; /* for the filters */
    unsigned char *fetched; /* stored bytes that the library fetched */
};

static struct pw_hdf5_source *of(struct pw_source *source)
{
    return (struct pw_hdf5_source *)source;
}

static uint64_t chunk_bytes(const struct pw_hdf5_source *hdf5)
{
    return pw_source_chunk_bytes(&hdf5->base);
}

/* ------------------------------------------------------------------------ *
 * Which dataset and chunk
 * ------------------------------------------------------------------------ */

static uint64_t dataset_of(const struct pw_hdf5_source *hdf5, const uint64_t *chunk_index)
{
    uint64_t number = 0;
    for (int i = 0; i < hdf5->n_lead; i++)
        number = number * hdf5->base.info.shape[i] + chunk_index[i];
    return number;
}

/* Of a dataset: which chunk, and its first element. */
static uint64_t chunk_in_dataset(const struct pw_hdf5_source *hdf5, const uint64_t *chunk_index, hsize_t *first)
{
    const struct pw_image_info *info = &hdf5->base.info;
    uint64_t number = 0;
    for (int i = hdf5->n_lead; i < info->rank; i++) {
        first[i - hdf5->n_lead] = chunk_index[i] * info->chunk[i];
        number = number * hdf5->grid[i] + chunk_index[i];
    }
    return number;
}

/* With the lock held. */
enum pw_status pw_hdf5_open_dataset(struct pw_hdf5_source *hdf5, uint64_t number, struct pw_error *error)
{
    const char *name = hdf5->image.datasets.name[number];
    if (hdf5->dataset[number] >= 0)
        return PW_OK;
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    /* Chunks are read whole and once. */
    (void)H5Pset_chunk_cache(access, 0, 0, 1);
    hdf5->dataset[number] = H5Dopen2(hdf5->file, name, access);
    (void)H5Pclose(access);
    return hdf5->dataset[number] >= 0 ? PW_OK : pw_hdf5_cannot_open(hdf5->base.path, name, error);
}

/* ------------------------------------------------------------------------ *
 * Reading
 * ------------------------------------------------------------------------ */

static enum pw_status locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                             struct pw_error *error)
{
    struct pw_hdf5_source *hdf5 = of(source);
    hsize_t first[PW_MAX_RANK];
    (void)error;
    extent->fd = hdf5->fd;
    extent->path[0] = '\0';
    extent->offset = 0;
    extent->length = TOKEN_BYTES;
    if (hdf5->place == NULL)
        return PW_OK;
    const struct pw_hdf5_chunk *place = &hdf5->place[dataset_of(hdf5, chunk_index) * hdf5->chunks_per_dataset +
                                                     chunk_in_dataset(hdf5, chunk_index, first)];
    extent->offset = place->offset;
    extent->length = place->length;
    return place->length > 0 ? PW_OK : PW_EMPTY;
}

#define EXTEND(type)                                                                                                   \
    do {                                                                                                               \
        type *at = voxels;                                                                                             \
        for (size_t i = 0; i < n; i++)                                                                                 \
            at[i] = (type)((type)((type)(at[i] & (type)low) ^ (type)sign) - (type)sign);                               \
    } while (0)

/* The sign into the bits above it, which HDF5 1.10 forgets in numbers of the other byte order; twice does no harm. */
static void extend_sign(const struct pw_hdf5_source *hdf5, void *voxels)
{
    size_t bytes = pw_dtype_bytes(hdf5->stored), n = (size_t)chunk_bytes(hdf5) / bytes;
    uint64_t sign = (uint64_t)1 << (8 * (int)bytes - hdf5->padding_bits - 1), low = 2 * sign - 1;
    if (hdf5->padding_bits == 0 || !pw_dtype_is_signed(hdf5->stored))
        return;
    switch (bytes) {
    case 1: EXTEND(uint8_t); break;
    case 2: EXTEND(uint16_t); break;
    case 4: EXTEND(uint32_t); break;
    default: EXTEND(uint64_t); break;
    }
}

/* The part of the chunk inside the dataset, by H5Dread(), into its place in the whole chunk.  With the lock held. */
static enum pw_status read_by_library(struct pw_hdf5_source *hdf5, uint64_t number, const hsize_t *first, void *voxels,
                                      struct pw_error *error)
{
    const struct pw_image_info *info = &hdf5->base.info;
    hsize_t extent[H5S_MAX_RANK], chunk[PW_MAX_RANK], count[PW_MAX_RANK], zero[PW_MAX_RANK] = {0};
    int rank = info->rank - hdf5->n_lead;
    hid_t dataset = hdf5->dataset[number], stored = H5Dget_space(dataset), own = -1;
    (void)H5Sget_simple_extent_dims(stored, extent, NULL);
    for (int i = 0; i < rank; i++) {
        chunk[i] = info->chunk[hdf5->n_lead + i];
        count[i] = pw_min_u64(chunk[i], extent[i] > first[i] ? extent[i] - first[i] : 0);
    }
    own = H5Screate_simple(rank, chunk, NULL);
    hid_t type = hdf5->is_converted ? pw_hdf5_memory_type(hdf5->stored) : H5Dget_type(dataset);
    int failed = H5Sselect_hyperslab(stored, H5S_SELECT_SET, first, NULL, count, NULL) < 0 ||
                 H5Sselect_hyperslab(own, H5S_SELECT_SET, zero, NULL, count, NULL) < 0 ||
                 H5Dread(dataset, type, own, stored, H5P_DEFAULT, voxels) < 0;
    if (!hdf5->is_converted)
        (void)H5Tclose(type);
    (void)H5Sclose(own);
    (void)H5Sclose(stored);
    extend_sign(hdf5, voxels);
    if (failed)
        return pw_fail(error, PW_E_FORMAT, "%s: %s: the chunk at element %llu.. cannot be read", hdf5->base.path,
                       hdf5->image.datasets.name[number], (unsigned long long)first[0]);
    return PW_OK;
}

/*
 * The stored bytes of one of many chunks.  PW_EMPTY: it is not stored, or cannot be found, which HDF5 1.10 does not
 * tell apart here; H5Dread() does.  With the lock held.
 */
static enum pw_status fetch(struct pw_hdf5_source *hdf5, uint64_t number, const hsize_t *first, unsigned char *bytes,
                            size_t *n, uint32_t *skipped, struct pw_error *error)
{
    hsize_t stored = 0;
    hid_t dataset = hdf5->dataset[number];
    if (H5Dget_chunk_storage_size(dataset, first, &stored) < 0 || stored == 0)
        return PW_EMPTY;
    if (stored > pw_hdf5_filtered_max((size_t)chunk_bytes(hdf5)))
        return pw_fail(error, PW_E_FORMAT, "%s: %s: a chunk of %llu stored bytes", hdf5->base.path,
                       hdf5->image.datasets.name[number], (unsigned long long)stored);
    if (H5Dread_chunk(dataset, H5P_DEFAULT, first, skipped, bytes) < 0)
        return pw_fail(error, PW_E_IO, "%s: %s: a chunk of %llu bytes cannot be read", hdf5->base.path,
                       hdf5->image.datasets.name[number], (unsigned long long)stored);
    *n = (size_t)stored;
    return PW_OK;
}

static void to_native(const struct pw_hdf5_source *hdf5, void *voxels)
{
    size_t element = pw_dtype_bytes(hdf5->base.info.dtype);
    if (hdf5->swap && element > 1)
        pw_swap_bytes(voxels, (size_t)(chunk_bytes(hdf5) / element), element);
}

/*
 * One of many chunks: its stored bytes, *stored and *n; or, of what only the library can make, the voxels themselves,
 * *made being set.
 */
static enum pw_status take_from_library(struct pw_hdf5_source *hdf5, struct pw_decoder *decoder, uint64_t number,
                                        const hsize_t *first, size_t *n, uint32_t *skipped, void *voxels, int *made,
                                        struct pw_error *error)
{
    pw_hdf5_lock();
    enum pw_status status = pw_hdf5_open_dataset(hdf5, number, error);
    *made = hdf5->by_library;
    if (status == PW_OK && !*made) {
        status = fetch(hdf5, number, first, decoder->fetched, n, skipped, error);
        *made = status == PW_EMPTY;
    }
    if (*made && status >= 0)
        status = read_by_library(hdf5, number, first, voxels, error);
    pw_hdf5_unlock();
    return status;
}

static enum pw_status unfilter(struct pw_hdf5_source *hdf5, struct pw_decoder *decoder, const uint64_t *chunk_index,
                               uint32_t skipped, const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    hsize_t first[PW_MAX_RANK];
    struct pw_error why = {0};
    enum pw_status status = pw_hdf5_unfilter(&hdf5->filters, skipped, &decoder->state, stored, n, voxels,
                                             (size_t)chunk_bytes(hdf5), decoder->scratch, &why);
    if (status == PW_OK)
        return PW_OK;
    return pw_fail(error, status, "%s: %s: chunk %llu: %s", hdf5->base.path,
                   hdf5->image.datasets.name[dataset_of(hdf5, chunk_index)],
                   (unsigned long long)chunk_in_dataset(hdf5, chunk_index, first), why.message);
}

static enum pw_status decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                             const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    struct pw_hdf5_source *hdf5 = of(source);
    hsize_t first[PW_MAX_RANK];
    uint64_t number = dataset_of(hdf5, chunk_index), chunk = chunk_in_dataset(hdf5, chunk_index, first);
    uint32_t skipped = 0;
    int made = 0;
    enum pw_status status = PW_OK;
    if (hdf5->place != NULL)
        skipped = hdf5->place[number * hdf5->chunks_per_dataset + chunk].skipped;
    else {
        status = take_from_library(hdf5, decoder, number, first, &n, &skipped, voxels, &made, error);
        stored = decoder->fetched;
    }
    if (status == PW_OK && !made)
        status = unfilter(hdf5, decoder, chunk_index, skipped, stored, n, voxels, error);
    /* The library converts, but for booleans, half floats and bits. */
    if (status == PW_OK && (!made || !hdf5->is_converted))
        to_native(hdf5, voxels);
    return status;
}

static size_t scratch_bytes(const struct pw_hdf5_source *hdf5)
{
    return hdf5->by_library ? 0 : 2 * pw_hdf5_filtered_max((size_t)chunk_bytes(hdf5));
}

static size_t fetched_bytes(const struct pw_hdf5_source *hdf5)
{
    return hdf5->by_library || hdf5->place != NULL ? 0 : pw_hdf5_filtered_max((size_t)chunk_bytes(hdf5));
}

static size_t decoder_memory_bytes(const struct pw_source *source)
{
    const struct pw_hdf5_source *hdf5 = (const struct pw_hdf5_source *)source;
    /* What the library itself needs to undo its filters: a chunk before and after. */
    size_t library = hdf5->by_library ? 2 * (size_t)chunk_bytes(hdf5) : 0;
    return sizeof(struct pw_decoder) + pw_codec_decode_memory_bytes() + scratch_bytes(hdf5) + fetched_bytes(hdf5) +
           library + pw_hdf5_filters_memory_bytes(&hdf5->filters, (size_t)chunk_bytes(hdf5));
}

static void decoder_free(struct pw_decoder *decoder)
{
    if (decoder == NULL)
        return;
    pw_codec_state_release(&decoder->state);
    free(decoder->scratch);
    free(decoder->fetched);
    free(decoder);
}

static enum pw_status decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    const struct pw_hdf5_source *hdf5 = of(source);
    struct pw_decoder *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    if ((scratch_bytes(hdf5) > 0 && (made->scratch = pw_alloc(scratch_bytes(hdf5), 1, error)) == NULL) ||
        (fetched_bytes(hdf5) > 0 && (made->fetched = pw_alloc(fetched_bytes(hdf5), 1, error)) == NULL)) {
        decoder_free(made);
        return PW_E_NOMEM;
    }
    *decoder = made;
    return PW_OK;
}

void pw_hdf5_close(struct pw_source *source)
{
    struct pw_hdf5_source *hdf5 = of(source);
    pw_hdf5_lock();
    for (int i = 0; hdf5->dataset != NULL && i < hdf5->image.datasets.n; i++)
        if (hdf5->dataset[i] >= 0)
            (void)H5Dclose(hdf5->dataset[i]);
    if (hdf5->file >= 0)
        (void)H5Fclose(hdf5->file);
    pw_hdf5_unlock();
    if (hdf5->fd >= 0)
        (void)close(hdf5->fd);
    pw_hdf5_image_release(&hdf5->image);
    free(hdf5->dataset);
    free(hdf5->place);
    free(hdf5);
}

const struct pw_source_ops pw_hdf5_linear_ops = {.format = "hdf5", .close = pw_hdf5_close};
const struct pw_source_ops pw_hdf5_chunk_ops = {
    .format = "hdf5",
    .locate = locate,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_memory_bytes = decoder_memory_bytes,
    .decode = decode,
    .close = pw_hdf5_close,
};
