/* Numbers and offsets follow the descriptions of both formats as tifffile reads them. */
#include "store/tiff_private.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "store/tiff_entries.h"
#include "sys/file.h"

enum {
    TAG_UIC1 = 33628,
    TAG_UIC2 = 33629,
    TAG_LSM = 34412,
    TYPE_LONG = 4,
    TYPE_RATIONAL = 5,
    LSM_BYTES_MIN = 128, /* up to the interval of time points */
    LSM_BYTES = 272,     /* up to positions and mosaic, which later versions have */
    UIC1_ENTRIES_MAX = 512,
    UIC2_PLANE_BYTES = 24
};

static uint32_t u32_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint16_t u16_at(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static double f64_at(const unsigned char *at)
{
    uint64_t bits = u32_at(at) | (uint64_t)u32_at(at + 4) << 32;
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) && value > 0 ? value : 0;
}

static double rational_at(const unsigned char *at)
{
    uint32_t denominator = u32_at(at + 4);
    return denominator != 0 ? (double)u32_at(at) / denominator : 0;
}

static enum pw_status read_at(const struct pw_tiff *handle, uint64_t offset, void *out, size_t n,
                              struct pw_error *error)
{
    return pw_file_read_exactly(handle->fd, out, n, offset, handle->path, error);
}

/* ---- Zeiss LSM ---- */

static uint64_t size_at(const unsigned char *at)
{
    uint32_t n = u32_at(at);
    return n > 0 && n <= INT32_MAX ? n : 1;
}

static void scan_type(struct pw_tiff_lsm *lsm, unsigned type)
{
    lsm->rows_are_z = type == 1 || type == 4 || type == 8 || type == 9;
    lsm->rows_are_times = type == 2 || type == 5 || type == 10;
}

static enum pw_status read_lsm(const struct pw_tiff *handle, const struct pw_tiff_entry *entry, struct pw_tiff_lsm *lsm,
                               struct pw_error *error)
{
    unsigned char raw[LSM_BYTES] = {0};
    if (entry->count < LSM_BYTES_MIN)
        return pw_fail(error, PW_E_FORMAT, "%s: its LSM header of %llu bytes is too short", handle->path,
                       (unsigned long long)entry->count);
    size_t n = (size_t)pw_min_u64(entry->count, LSM_BYTES);
    enum pw_status status = read_at(handle, entry->offset, raw, n, error);
    if (status != PW_OK)
        return status;
    lsm->x = size_at(raw + 8);
    lsm->y = size_at(raw + 12);
    lsm->z = size_at(raw + 16);
    lsm->channels = size_at(raw + 20);
    lsm->times = size_at(raw + 24);
    /* Metres. */
    lsm->x_um = 1e6 * f64_at(raw + 40);
    lsm->y_um = 1e6 * f64_at(raw + 48);
    lsm->z_um = 1e6 * f64_at(raw + 56);
    scan_type(lsm, u16_at(raw + 88));
    lsm->interval_s = f64_at(raw + 112);
    lsm->positions = size_at(raw + 264);
    lsm->mosaic = size_at(raw + 268);
    return PW_OK;
}

/* ---- MetaMorph STK ---- */

/* Distances and times of the planes; the first distance stands for all, as they are in a stack. */
static enum pw_status read_uic2(const struct pw_tiff *handle, const struct pw_tiff_entry *entry,
                                struct pw_tiff_stk *stk, struct pw_error *error)
{
    unsigned char raw[UIC2_PLANE_BYTES];
    uint32_t time_before = 0;
    stk->n_planes = entry->count;
    stk->times_differ = entry->count > 1;
    for (uint64_t i = 0; i < entry->count; i++) {
        enum pw_status status = read_at(handle, entry->offset + UIC2_PLANE_BYTES * i, raw, sizeof raw, error);
        if (status != PW_OK)
            return status;
        if (i == 0)
            stk->z_distance = rational_at(raw);
        else if (u32_at(raw + 12) == time_before)
            stk->times_differ = 0;
        time_before = u32_at(raw + 12);
    }
    return PW_OK;
}

/* A string with its length before it and a zero behind; left empty when there is none. */
static enum pw_status read_unit(const struct pw_tiff *handle, uint64_t offset, struct pw_tiff_stk *stk,
                                struct pw_error *error)
{
    unsigned char raw[4];
    enum pw_status status = read_at(handle, offset, raw, sizeof raw, error);
    uint32_t n = u32_at(raw);
    if (status != PW_OK || n == 0 || n >= sizeof stk->unit)
        return status;
    return read_at(handle, offset + 4, stk->unit, n, error);
}

/* Pairs of a number and a value or its offset; those of calibration are looked at. */
static enum pw_status read_uic1(const struct pw_tiff *handle, const struct pw_tiff_entry *entry,
                                struct pw_tiff_stk *stk, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; entry->type == TYPE_LONG && i < entry->count && i < UIC1_ENTRIES_MAX && status == PW_OK; i++) {
        unsigned char raw[8], value[8];
        status = read_at(handle, entry->offset + 8 * i, raw, sizeof raw, error);
        uint32_t id = u32_at(raw), offset = u32_at(raw + 4);
        if (status != PW_OK || id < 4 || id > 6 || offset < 8)
            continue;
        if (id == 6) {
            status = read_unit(handle, offset, stk, error);
            continue;
        }
        status = read_at(handle, offset, value, sizeof value, error);
        if (status == PW_OK)
            *(id == 4 ? &stk->x : &stk->y) = rational_at(value);
    }
    return status;
}

enum pw_status pw_tiff_private_read(struct pw_tiff *handle, struct pw_tiff_private *found, struct pw_error *error)
{
    struct pw_tiff_entry entry;
    enum pw_status status = PW_OK;
    memset(found, 0, sizeof *found);
    if (TIFFIsBigEndian(handle->tif) || TIFFIsBigTIFF(handle->tif))
        return PW_OK;
    int told = pw_tiff_entry_find(handle, TAG_LSM, &entry, error);
    if (told == 1)
        status = read_lsm(handle, &entry, &found->lsm, error);
    if (told != 0) {
        found->is_lsm = told == 1 && status == PW_OK;
        return told < 0 ? (enum pw_status)told : status;
    }
    told = pw_tiff_entry_find(handle, TAG_UIC2, &entry, error);
    if (told < 1 || entry.type != TYPE_RATIONAL)
        return told < 0 ? (enum pw_status)told : PW_OK;
    found->is_stk = 1;
    status = read_uic2(handle, &entry, &found->stk, error);
    told = status == PW_OK ? pw_tiff_entry_find(handle, TAG_UIC1, &entry, error) : 0;
    if (told == 1)
        status = read_uic1(handle, &entry, &found->stk, error);
    return told < 0 ? (enum pw_status)told : status;
}
