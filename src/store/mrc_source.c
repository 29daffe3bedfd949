/*
 * MRC2014 (Cheng et al. 2015, doi:10.1016/j.jsb.2015.04.002) and what IMOD writes: a header of 1024 bytes,
 * an extended one, and the array.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/linear_source.h"
#include "store/text_header.h"
#include "sys/file.h"

enum {
    HEADER_BYTES = 1024,
    AT_SIZE = 0, /* nx, ny, nz */
    AT_MODE = 12,
    AT_INTERVALS = 28, /* mx, my, mz */
    AT_CELL = 40,      /* x, y, z in Angstrom */
    AT_MAP_AXES = 64,  /* which of X, Y, Z columns, rows and sections are */
    AT_SPACE_GROUP = 88,
    AT_EXTENDED = 92,
    AT_DELTAVISION = 96,
    DELTAVISION = -16224,
    SIZE_MAX_OLD = 1 << 20,
    AT_IMOD_STAMP = 152,
    AT_IMOD_FLAGS = 156,
    AT_MAP = 208,
    AT_MACHINE = 212
};
#define IMOD_STAMP 1146047817

struct mrc {
    const char *path;
    unsigned char header[HEADER_BYTES];
    int big_endian;
};

static int32_t word_at(const struct mrc *mrc, int at)
{
    const unsigned char *p = mrc->header + at;
    uint32_t value = mrc->big_endian ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                                     : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
    return (int32_t)value;
}

static double real_at(const struct mrc *mrc, int at)
{
    int32_t bits = word_at(mrc, at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* The machine stamp; old and careless writers leave it out, and then only one order makes a mode of the mode. */
static void find_order(struct mrc *mrc)
{
    unsigned char stamp = mrc->header[AT_MACHINE];
    mrc->big_endian = stamp == 0x11;
    if (stamp != 0x11 && stamp != 0x44)
        mrc->big_endian = word_at(mrc, AT_MODE) < 0 || word_at(mrc, AT_MODE) > 1000;
}

static enum pw_status element_type(const struct mrc *mrc, enum pw_dtype *dtype, int *samples, struct pw_error *error)
{
    int32_t mode = word_at(mrc, AT_MODE);
    /* IMOD's bytes are unsigned unless its flag says otherwise; those of MRC2014 are signed. */
    int imod = word_at(mrc, AT_IMOD_STAMP) == IMOD_STAMP;
    int is_signed = !imod || (word_at(mrc, AT_IMOD_FLAGS) & 1) != 0;
    *samples = mode == 16 ? 3 : 1;
    *dtype = PW_DTYPE_NONE;
    switch (mode) {
    case 0: *dtype = is_signed ? PW_I8 : PW_U8; break;
    case 1: *dtype = PW_I16; break;
    case 2: *dtype = PW_F32; break;
    case 6: *dtype = PW_U16; break;
    case 12: *dtype = PW_F16; break;
    case 16: *dtype = PW_U8; break;
    default: break;
    }
    if (*dtype == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: mode %d (%s) is not read", mrc->path, mode,
                       mode == 3 || mode == 4 ? "complex"
                       : mode == 101          ? "4 bits"
                                              : "unknown");
    return PW_OK;
}

/* Whether the map axes are 1, 2 and 3 in some order; anything else, like the zeros of careless writers, says nothing. */
static int is_permutation(const struct mrc *mrc)
{
    unsigned seen = 0;
    for (int i = 0; i < 3; i++) {
        int32_t axis = word_at(mrc, AT_MAP_AXES + 4 * i);
        seen |= axis >= 1 && axis <= 3 ? 1u << axis : 0;
    }
    return seen == 0xe;
}

/* Columns, rows and sections are x, y and z, or as the header permutes them; then what a voxel measures. */
static void describe(const struct mrc *mrc, struct pw_image_info *info, int samples)
{
    int first = info->rank - 3 - (samples > 1);
    int permuted = is_permutation(mrc);
    for (int i = 0; i < 3; i++) {
        int axis = permuted ? word_at(mrc, AT_MAP_AXES + 4 * i) - 1 : i;
        int32_t intervals = word_at(mrc, AT_INTERVALS + 4 * axis);
        double cell = real_at(mrc, AT_CELL + 4 * axis);
        pw_text_axis(&info->axis[first + 2 - i], "xyz"[axis], intervals > 0 ? cell / intervals : 0, "angstrom");
    }
    if (samples > 1)
        pw_text_axis(&info->axis[info->rank - 1], 'c', 0, "");
    if (first > 0)
        pw_text_axis(&info->axis[0], '\0', 0, "");
    for (int i = 0; i < info->rank; i++)
        info->level_scale[0][i] = info->axis[i].scale;
}

static enum pw_status shape_of(const struct mrc *mrc, struct pw_image_info *info, int samples, struct pw_error *error)
{
    int32_t size[3], group = word_at(mrc, AT_SPACE_GROUP), sections = word_at(mrc, AT_INTERVALS + 8);
    for (int i = 0; i < 3; i++) {
        size[i] = word_at(mrc, AT_SIZE + 4 * i);
        if (size[i] <= 0)
            return pw_fail(error, PW_E_FORMAT, "%s: %d x %d x %d voxels", mrc->path, word_at(mrc, AT_SIZE + 8),
                           word_at(mrc, AT_SIZE + 4), word_at(mrc, AT_SIZE));
    }
    /* Space groups from 401 on are stacks of volumes. */
    int volumes = group >= 401 && group <= 630 && sections > 0 && size[2] % sections == 0 && size[2] > sections;
    info->rank = 0;
    if (volumes)
        info->shape[info->rank++] = (uint64_t)(size[2] / sections);
    info->shape[info->rank++] = (uint64_t)(volumes ? sections : size[2]);
    info->shape[info->rank++] = (uint64_t)size[1];
    info->shape[info->rank++] = (uint64_t)size[0];
    if (samples > 1)
        info->shape[info->rank++] = (uint64_t)samples;
    return PW_OK;
}

static const struct pw_source_ops ops = {.format = "mrc", .close = pw_linear_close};

static enum pw_status fill(const struct mrc *mrc, struct pw_source *made, uint64_t file_bytes, struct pw_error *error)
{
    int samples;
    int32_t extended = word_at(mrc, AT_EXTENDED);
    enum pw_status status = element_type(mrc, &made->info.dtype, &samples, error);
    if (status == PW_OK)
        status = shape_of(mrc, &made->info, samples, error);
    if (status == PW_OK && extended < 0)
        status = pw_fail(error, PW_E_FORMAT, "%s: an extended header of %d bytes", mrc->path, extended);
    if (status == PW_OK)
        status = pw_linear_layout(made, HEADER_BYTES + (uint64_t)extended,
                                  mrc->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__), error);
    if (status == PW_OK && made->linear.file_bytes > file_bytes)
        status = pw_fail(error, PW_E_TRUNCATED, "%s: the voxels end at byte %llu, the file at %llu", mrc->path,
                         (unsigned long long)made->linear.file_bytes, (unsigned long long)file_bytes);
    if (status == PW_OK)
        describe(mrc, &made->info, samples);
    return status;
}

static enum pw_status mrc_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                               struct pw_error *error)
{
    struct mrc mrc = {.path = path};
    struct pw_source *made;
    uint64_t file_bytes;
    int fd;
    (void)options;
    enum pw_status status = pw_input_open(path, &fd, &file_bytes, error);
    if (status != PW_OK)
        return status;
    status = pw_file_read_exactly(fd, mrc.header, sizeof mrc.header, 0, path, error);
    if (status != PW_OK) {
        (void)close(fd);
        return status;
    }
    find_order(&mrc);
    status = pw_linear_source_new(path, &ops, fd, &made, error);
    if (status != PW_OK)
        return status;
    status = fill(&mrc, made, file_bytes, error);
    if (status != PW_OK) {
        pw_linear_close(made);
        return status;
    }
    *source = made;
    return PW_OK;
}

/* Before 2000 nothing said that a file is MRC but its name: numbers must be those of one, then. */
static int is_old(const char *path, const unsigned char *head)
{
    static const char *const suffixes[] = {".mrc", ".rec", ".st", ".ali", ".preali", ".map", ".mrcs"};
    static const int32_t modes[] = {0, 1, 2, 3, 4, 6, 16};
    struct mrc mrc = {.path = path};
    const char *dot = strrchr(path, '.');
    int named = 0, known = 0;
    for (size_t i = 0; dot != NULL && i < sizeof suffixes / sizeof suffixes[0]; i++)
        named |= strcasecmp(dot, suffixes[i]) == 0;
    memcpy(mrc.header, head, AT_MACHINE + 4);
    find_order(&mrc);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        known |= word_at(&mrc, AT_MODE) == modes[i];
    for (int i = 0; i < 3; i++)
        known &= word_at(&mrc, AT_SIZE + 4 * i) > 0 && word_at(&mrc, AT_SIZE + 4 * i) <= SIZE_MAX_OLD;
    return named && known && word_at(&mrc, AT_EXTENDED) >= 0;
}

static int mrc_recognise(const char *path, const unsigned char *head, size_t n)
{
    int16_t mark;
    if (n < AT_MACHINE + 4)
        return 0;
    memcpy(&mark, head + AT_DELTAVISION, sizeof mark);
    if (mark == DELTAVISION || mark == (int16_t)__builtin_bswap16((uint16_t)DELTAVISION))
        return 0; /* which has other sizes in the same header */
    return (memcmp(head + AT_MAP, "MAP", 3) == 0 && (head[AT_MAP + 3] == ' ' || head[AT_MAP + 3] == '\0')) ||
           is_old(path, head);
}

const struct pw_format pw_format_mrc = {.name = "MRC", .recognise = mrc_recognise, .open = mrc_open};
