/* Opening an HDF5 image: how its datasets are stored, and so how it is read.  All but the last with the lock held. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/hdf5_format.h"
#include "store/hdf5_source.h"
#include "store/linear_source.h"
#include "sys/file.h"

enum {
    TABLE_CHUNKS_MAX = 1024, /* of all datasets together: the table takes time in their square */
    ROWS_BYTES = 1 << 20
};

static void set_codec(struct pw_hdf5_source *hdf5, const char *text)
{
    (void)snprintf(hdf5->base.info.codec, sizeof hdf5->base.info.codec, "%s", text);
}

/* The filters; known only when all are. */
static void read_filters(struct pw_hdf5_source *hdf5, hid_t plist)
{
    struct pw_hdf5_filters *filters = &hdf5->filters;
    char names[sizeof filters->names] = "";
    int n = H5Pget_nfilters(plist);
    filters->element_bytes = pw_dtype_bytes(hdf5->stored);
    for (int i = 0; i < n; i++) {
        unsigned flags, values[32] = {0};
        size_t n_values = sizeof values / sizeof values[0], used = strlen(names);
        char name[64] = "";
        H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &n_values, values, sizeof name, name, NULL);
        const char *known = pw_hdf5_filter_name(id);
        (void)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? " " : "", known != NULL ? known : name);
        if (known == NULL || !pw_hdf5_filters_add(filters, id, values, n_values))
            hdf5->by_library = 1;
    }
    set_codec(hdf5, n > 0 ? names : "none");
}

/* Filters that the library must undo and cannot. */
static enum pw_status check_available(struct pw_hdf5_source *hdf5, hid_t plist, struct pw_error *error)
{
    for (int i = 0; i < H5Pget_nfilters(plist); i++) {
        unsigned flags;
        size_t n_values = 0;
        char name[64] = "";
        H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &n_values, NULL, sizeof name, name, NULL);
        if (pw_hdf5_filter_name(id) == NULL && H5Zfilter_avail(id) <= 0)
            return pw_fail(
                error, PW_E_UNSUPPORTED,
                "%s: filter %d (%s) is not read, and no plugin of the HDF5 library has it (HDF5_PLUGIN_PATH)",
                hdf5->base.path, id, name[0] != '\0' ? name : "without a name");
        /* One that we know, among others that only the library does. */
        if (hdf5->by_library && H5Zfilter_avail(id) <= 0)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: filter %d (%s) together with others is not read",
                           hdf5->base.path, id, name);
    }
    return PW_OK;
}

static enum pw_status set_chunks(struct pw_hdf5_source *hdf5, const hsize_t *chunk, struct pw_error *error)
{
    struct pw_image_info *info = &hdf5->base.info;
    uint64_t bytes = pw_dtype_bytes(info->dtype), total = 1;
    hdf5->chunks_per_dataset = 1;
    for (int i = 0; i < info->rank; i++) {
        info->chunk[i] = info->shard[i] = i < hdf5->n_lead ? 1 : chunk[i - hdf5->n_lead];
        hdf5->grid[i] = pw_ceil_div(info->shape[i], info->chunk[i]);
        if (!pw_mul_u64(bytes, info->chunk[i], &bytes) || bytes > INT32_MAX ||
            !pw_mul_u64(total, hdf5->grid[i], &total))
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: chunks of more than 2 GB are not read", hdf5->base.path);
        if (i >= hdf5->n_lead)
            hdf5->chunks_per_dataset *= hdf5->grid[i];
    }
    hdf5->base.capabilities = PW_SOURCE_CHUNKED;
    hdf5->base.ops = &pw_hdf5_chunk_ops;
    hdf5->base.stored_bytes_max = pw_hdf5_filtered_max((size_t)bytes);
    return PW_OK;
}

/* Asks for every chunk of a dataset where it is. */
static enum pw_status fill_table(struct pw_hdf5_source *hdf5, uint64_t number, struct pw_error *error)
{
    const struct pw_image_info *info = &hdf5->base.info;
    hsize_t n = 0, first[H5S_MAX_RANK], size;
    unsigned skipped;
    haddr_t address;
    enum pw_status status = pw_hdf5_open_dataset(hdf5, number, error);
    if (status != PW_OK)
        return status;
    hid_t space = H5Dget_space(hdf5->dataset[number]);
    (void)H5Dget_num_chunks(hdf5->dataset[number], space, &n);
    for (hsize_t i = 0; i < n && status == PW_OK; i++) {
        if (H5Dget_chunk_info(hdf5->dataset[number], space, i, first, &skipped, &address, &size) < 0) {
            status = pw_fail(error, PW_E_FORMAT, "%s: %s: chunk %llu cannot be found", hdf5->base.path,
                             hdf5->image.datasets.name[number], (unsigned long long)i);
            break;
        }
        uint64_t at = 0;
        int inside = address != HADDR_UNDEF;
        for (int a = hdf5->n_lead; a < info->rank && inside; a++) {
            uint64_t k = first[a - hdf5->n_lead] / info->chunk[a];
            inside = k < hdf5->grid[a]; /* padding beyond the true size */
            at = at * hdf5->grid[a] + k;
        }
        if (inside)
            hdf5->place[number * hdf5->chunks_per_dataset + at] = (struct pw_hdf5_chunk){address, size, skipped};
    }
    (void)H5Sclose(space);
    return status;
}

static enum pw_status make_table(struct pw_hdf5_source *hdf5, struct pw_error *error)
{
    uint64_t n = (uint64_t)hdf5->image.datasets.n, total;
    if (hdf5->by_library || !pw_mul_u64(n, hdf5->chunks_per_dataset, &total) || total > TABLE_CHUNKS_MAX)
        return PW_OK;
    hdf5->place = pw_alloc(total, sizeof *hdf5->place, error);
    enum pw_status status = hdf5->place != NULL ? PW_OK : PW_E_NOMEM;
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        status = fill_table(hdf5, i, error);
    return status;
}

/* Stored in one piece, as elements: like a raw file. */
static enum pw_status use_contiguous(struct pw_hdf5_source *hdf5, uint64_t offset, struct pw_error *error)
{
    struct pw_source *base = &hdf5->base;
    struct pw_axis axis[PW_MAX_RANK];
    double scale[PW_MAX_RANK];
    uint64_t file_bytes = (uint64_t)lseek(hdf5->fd, 0, SEEK_END);
    memcpy(axis, base->info.axis, sizeof axis);
    memcpy(scale, base->info.level_scale[0], sizeof scale);
    enum pw_status status = pw_linear_layout(base, offset, hdf5->swap, error);
    memcpy(base->info.axis, axis, sizeof axis);
    memcpy(base->info.level_scale[0], scale, sizeof scale);
    if (status == PW_OK && base->linear.file_bytes > file_bytes)
        return pw_fail(error, PW_E_TRUNCATED, "%s: the elements end at byte %llu, the file at %llu", base->path,
                       (unsigned long long)base->linear.file_bytes, (unsigned long long)file_bytes);
    base->linear.fd = hdf5->fd;
    base->capabilities = PW_SOURCE_LINEAR;
    base->ops = &pw_hdf5_linear_ops;
    return status;
}

/* Rows that make about 1 MiB: of what is not chunked and not one piece of the file. */
static enum pw_status use_rows(struct pw_hdf5_source *hdf5, struct pw_error *error)
{
    const struct pw_image_info *info = &hdf5->base.info;
    hsize_t chunk[PW_MAX_RANK];
    int rank = info->rank - hdf5->n_lead;
    uint64_t row = info->shape[info->rank - 1] * pw_dtype_bytes(info->dtype);
    for (int i = 0; i < rank; i++)
        chunk[i] = 1;
    chunk[rank - 1] = info->shape[info->rank - 1];
    if (rank > 1)
        chunk[rank - 2] = pw_min_u64(pw_max_u64(ROWS_BYTES / row, 1), info->shape[info->rank - 2]);
    hdf5->by_library = 1;
    set_codec(hdf5, "none");
    return set_chunks(hdf5, chunk, error);
}

static void read_fill(struct pw_hdf5_source *hdf5, hid_t plist, hid_t type)
{
    unsigned char bits[8] = {0};
    size_t n = pw_dtype_bytes(hdf5->stored);
    H5D_fill_value_t defined;
    if (H5Pfill_value_defined(plist, &defined) < 0 || defined == H5D_FILL_VALUE_UNDEFINED ||
        H5Pget_fill_value(plist, type, bits) < 0)
        return;
    if (hdf5->swap)
        pw_swap_bytes(bits, 1, n);
    memcpy(&hdf5->base.fill, bits, n);
}

static int has_user_block(hid_t file)
{
    hsize_t bytes = 0;
    hid_t plist = H5Fget_create_plist(file);
    (void)H5Pget_userblock(plist, &bytes);
    (void)H5Pclose(plist);
    return bytes > 0;
}

static enum pw_status choose_way(struct pw_hdf5_source *hdf5, hid_t type, hid_t plist, struct pw_error *error)
{
    hsize_t chunk[H5S_MAX_RANK];
    H5D_layout_t layout = H5Pget_layout(plist);
    int plain_file = !has_user_block(hdf5->file) && H5Pget_external_count(plist) <= 0;
    /* Fewer bits than their bytes have: the library widens them. */
    hdf5->padding_bits = pw_hdf5_padding_bits(type);
    hdf5->by_library = hdf5->padding_bits > 0;
    if (layout == H5D_CHUNKED) {
        read_filters(hdf5, plist);
        enum pw_status status = check_available(hdf5, plist, error);
        if (status == PW_OK && H5Pget_chunk(plist, H5S_MAX_RANK, chunk) > 0)
            status = set_chunks(hdf5, chunk, error);
        if (status == PW_OK && has_user_block(hdf5->file)) /* addresses do not count it */
            return PW_OK;
        return status == PW_OK ? make_table(hdf5, error) : status;
    }
    haddr_t offset = layout == H5D_CONTIGUOUS && plain_file && hdf5->n_lead == 0 && !hdf5->by_library
                         ? H5Dget_offset(hdf5->dataset[0])
                         : HADDR_UNDEF;
    return offset != HADDR_UNDEF ? use_contiguous(hdf5, offset, error) : use_rows(hdf5, error);
}

/* All datasets of the image must be stored as the first is. */
static enum pw_status check_alike(struct pw_hdf5_source *hdf5, hid_t type, hid_t plist, struct pw_error *error)
{
    hsize_t chunk[H5S_MAX_RANK] = {0}, other[H5S_MAX_RANK] = {0}, extent[H5S_MAX_RANK] = {0};
    int is_chunked = H5Pget_layout(plist) == H5D_CHUNKED, rank = hdf5->base.info.rank - hdf5->n_lead;
    if (is_chunked)
        (void)H5Pget_chunk(plist, H5S_MAX_RANK, chunk);
    for (int i = 1; i < hdf5->image.datasets.n; i++) {
        enum pw_status status = pw_hdf5_open_dataset(hdf5, (uint64_t)i, error);
        if (status != PW_OK)
            return status;
        hid_t its_type = H5Dget_type(hdf5->dataset[i]), its_plist = H5Dget_create_plist(hdf5->dataset[i]);
        hid_t space = H5Dget_space(hdf5->dataset[i]);
        int alike = H5Tequal(type, its_type) > 0 && H5Pget_layout(its_plist) == H5Pget_layout(plist) &&
                    H5Sget_simple_extent_ndims(space) == rank;
        if (alike && is_chunked)
            alike = H5Pget_chunk(its_plist, H5S_MAX_RANK, other) > 0 && memcmp(chunk, other, sizeof chunk) == 0 &&
                    H5Pget_nfilters(plist) == H5Pget_nfilters(its_plist);
        if (alike && H5Sget_simple_extent_dims(space, extent, NULL) > 0)
            for (int a = 0; a < rank; a++)
                alike = alike && extent[a] >= hdf5->base.info.shape[hdf5->n_lead + a];
        (void)H5Sclose(space);
        (void)H5Pclose(its_plist);
        (void)H5Tclose(its_type);
        if (!alike)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: %s is not stored as %s is", hdf5->base.path,
                           hdf5->image.datasets.name[i], hdf5->image.datasets.name[0]);
    }
    return PW_OK;
}

static enum pw_status describe(struct pw_hdf5_source *hdf5, int level)
{
    struct pw_image_info *info = &hdf5->base.info;
    *info = hdf5->image.info;
    info->level = level;
    memcpy(info->shape, info->level_shape[level], sizeof info->shape);
    for (int i = 0; i < info->rank; i++) {
        info->axis[i].scale = info->level_scale[level][i];
        info->axis[i].translation = info->level_translation[level][i];
    }
    (void)snprintf(info->format, sizeof info->format, "hdf5");
    hdf5->n_lead = hdf5->image.n_lead;
    hdf5->base.channel_names = hdf5->image.channels;
    memset(&hdf5->image.channels, 0, sizeof hdf5->image.channels);
    return PW_OK;
}

static enum pw_status set_up(struct pw_hdf5_source *hdf5, const char *path, const char *dataset, int level,
                             struct pw_error *error)
{
    hdf5->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (hdf5->file < 0)
        return pw_file_is_locked(path) /* as the library does with what it writes */
                   ? pw_fail(error, PW_E_IO, "%s: another program has it open for writing; close it there", path)
                   : pw_fail(error, PW_E_FORMAT, "%s: cannot be read as an HDF5 file", path);
    enum pw_status status = pw_hdf5_image_find(hdf5->file, path, dataset, level, &hdf5->image, error);
    if (status != PW_OK)
        return status;
    if (level >= hdf5->image.info.n_levels || level < 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: has only level 0; there is no level %d", path, level);
    (void)describe(hdf5, level);
    hdf5->dataset = pw_alloc((uint64_t)hdf5->image.datasets.n, sizeof *hdf5->dataset, error);
    if (hdf5->dataset == NULL)
        return PW_E_NOMEM;
    for (int i = 0; i < hdf5->image.datasets.n; i++)
        hdf5->dataset[i] = -1;
    status = pw_hdf5_open_dataset(hdf5, 0, error);
    if (status != PW_OK)
        return status;
    hid_t type = H5Dget_type(hdf5->dataset[0]), plist = H5Dget_create_plist(hdf5->dataset[0]);
    hdf5->stored = pw_hdf5_dtype(type, &hdf5->swap);
    hdf5->is_converted = pw_hdf5_is_converted(type);
    read_fill(hdf5, plist, type);
    status = check_alike(hdf5, type, plist, error);
    if (status == PW_OK)
        status = choose_way(hdf5, type, plist, error);
    (void)H5Pclose(plist);
    (void)H5Tclose(type);
    return status;
}

enum pw_status pw_hdf5_open(const char *path, const char *dataset, const struct pw_open_options *options,
                            struct pw_source **source, struct pw_error *error)
{
    struct pw_hdf5_source *hdf5 = pw_alloc(1, sizeof *hdf5, error);
    uint64_t file_bytes;
    if (hdf5 == NULL)
        return PW_E_NOMEM;
    hdf5->file = -1;
    hdf5->base.linear.fd = -1;
    hdf5->base.ops = &pw_hdf5_linear_ops;
    (void)snprintf(hdf5->base.path, sizeof hdf5->base.path, "%s", path);
    enum pw_status status = pw_input_open(path, &hdf5->fd, &file_bytes, error);
    if (status == PW_OK)
        status = pw_hdf5_load(path, error);
    if (status == PW_OK) {
        pw_hdf5_lock();
        status = set_up(hdf5, path, dataset, options != NULL ? options->level : 0, error);
        pw_hdf5_unlock();
    }
    if (status != PW_OK) {
        pw_names_release(&hdf5->base.channel_names);
        pw_hdf5_close(&hdf5->base);
        return status;
    }
    *source = &hdf5->base;
    return PW_OK;
}
