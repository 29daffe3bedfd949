/* MetaImage (.mhd, .mha): lines of "key = value", the array raw, as zlib or as text, behind them or in another file. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "store/text_header.h"

enum {
    VALUE_MAX = 4096
};

struct mhd {
    struct pw_text_header header;
    const char *path;
    int rank;                   /* without the channels */
    uint64_t size[PW_MAX_RANK]; /* fastest first, as everything in the file */
    double spacing[PW_MAX_RANK], element_size[PW_MAX_RANK], offset[PW_MAX_RANK];
    uint64_t channels;
    char unit[32];
    int has_data, compressed, text;
};

static int is_true(const char *value)
{
    return value[0] == 'T' || value[0] == 't' || value[0] == '1' || value[0] == 'Y' || value[0] == 'y';
}

static enum pw_dtype dtype_of(const char *text)
{
    static const struct {
        const char *name;
        enum pw_dtype dtype;
    } names[] = {{"MET_CHAR", PW_I8},   {"MET_UCHAR", PW_U8},   {"MET_SHORT", PW_I16},     {"MET_USHORT", PW_U16},
                 {"MET_INT", PW_I32},   {"MET_UINT", PW_U32},   {"MET_LONG_LONG", PW_I64}, {"MET_ULONG_LONG", PW_U64},
                 {"MET_FLOAT", PW_F32}, {"MET_DOUBLE", PW_F64}, {"MET_LONG", PW_I32},      {"MET_ULONG", PW_U32}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].dtype;
    return PW_DTYPE_NONE;
}

static void numbers(const char *value, double out[PW_MAX_RANK])
{
    char word[64];
    for (int i = 0; i < PW_MAX_RANK && pw_text_word(&value, word, sizeof word); i++)
        out[i] = strtod(word, NULL);
}

static enum pw_status take_sizes(struct mhd *mhd, const char *value, struct pw_error *error)
{
    char word[32], *end;
    mhd->rank = 0;
    while (pw_text_word(&value, word, sizeof word)) {
        unsigned long long number = strtoull(word, &end, 10);
        if (mhd->rank == PW_MAX_RANK - 1 || *end != '\0' || word[0] == '-' || number == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: DimSize: \"%s\" after %d axes", mhd->path, word, mhd->rank);
        mhd->size[mhd->rank++] = number;
    }
    return PW_OK;
}

static enum pw_status take_data_file(struct mhd *mhd, const char *value, size_t behind, struct pw_error *error)
{
    mhd->has_data = 1;
    if (strcasecmp(value, "LOCAL") == 0) {
        mhd->header.data_offset = behind;
        return PW_OK;
    }
    if (pw_text_parts_are(value))
        return pw_text_parts_begin(&mhd->header, mhd->path, value, error);
    pw_text_header_beside(mhd->path, value, mhd->header.data_file, sizeof mhd->header.data_file);
    return PW_OK;
}

static enum pw_status take_key(struct mhd *mhd, const char *key, const char *value, size_t behind,
                               struct pw_error *error)
{
    struct pw_text_header *header = &mhd->header;
    if (strcasecmp(key, "DimSize") == 0)
        return take_sizes(mhd, value, error);
    if (strcasecmp(key, "ElementDataFile") == 0)
        return take_data_file(mhd, value, behind, error);
    if (strcasecmp(key, "ElementType") == 0) {
        header->dtype = dtype_of(value);
        if (header->dtype == PW_DTYPE_NONE)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: elements of type %s are not read", mhd->path, value);
    } else if (strcasecmp(key, "ElementNumberOfChannels") == 0)
        mhd->channels = strtoull(value, NULL, 10);
    else if (strcasecmp(key, "ElementByteOrderMSB") == 0 || strcasecmp(key, "BinaryDataByteOrderMSB") == 0)
        header->big_endian = is_true(value);
    else if (strcasecmp(key, "CompressedData") == 0)
        mhd->compressed = is_true(value);
    else if (strcasecmp(key, "BinaryData") == 0)
        mhd->text = !is_true(value);
    else if (strcasecmp(key, "HeaderSize") == 0 && strcmp(value, "-1") == 0)
        header->from_end = 1;
    else if (strcasecmp(key, "HeaderSize") == 0)
        header->byte_skip = strtoull(value, NULL, 10);
    else if (strcasecmp(key, "ElementSpacing") == 0)
        numbers(value, mhd->spacing);
    else if (strcasecmp(key, "ElementSize") == 0)
        numbers(value, mhd->element_size);
    else if (strcasecmp(key, "Offset") == 0 || strcasecmp(key, "Position") == 0 || strcasecmp(key, "Origin") == 0)
        numbers(value, mhd->offset);
    else if (strcasecmp(key, "DistanceUnits") == 0) {
        const char *at = value;
        (void)pw_text_word(&at, mhd->unit, sizeof mhd->unit);
    }
    return PW_OK;
}

/* behind: where the next line begins, or the array after ElementDataFile = LOCAL. */
static enum pw_status take_line(struct mhd *mhd, const char *line, size_t n, size_t behind, struct pw_error *error)
{
    char text[VALUE_MAX];
    if (n >= sizeof text)
        return pw_fail(error, PW_E_FORMAT, "%s: a header line of %zu bytes", mhd->path, n);
    memcpy(text, line, n);
    text[n] = '\0';
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return PW_OK;
    char *end = equals;
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    char *value = equals + 1;
    while (isspace((unsigned char)*value))
        value++;
    for (size_t m = strlen(value); m > 0 && isspace((unsigned char)value[m - 1]); m--)
        value[m - 1] = '\0';
    return take_key(mhd, text + strspn(text, " \t"), value, behind, error);
}

static enum pw_status finish(struct mhd *mhd, struct pw_error *error)
{
    struct pw_text_header *header = &mhd->header;
    if (mhd->rank == 0 || header->dtype == PW_DTYPE_NONE || !mhd->has_data)
        return pw_fail(error, PW_E_FORMAT, "%s: the header lacks %s", mhd->path,
                       mhd->rank == 0                   ? "DimSize"
                       : header->dtype == PW_DTYPE_NONE ? "ElementType"
                                                        : "ElementDataFile");
    header->rank = mhd->rank;
    header->encoded = mhd->compressed || mhd->text;
    header->encoding = mhd->compressed ? PW_ENCODED_DEFLATE : PW_ENCODED_TEXT;
    if (header->encoded && header->from_end)
        return pw_fail(error, PW_E_FORMAT, "%s: HeaderSize -1 of data that are not bare", mhd->path);
    if (header->encoded) { /* its header is before the stream, not in it */
        header->data_offset += header->byte_skip;
        header->byte_skip = 0;
    }
    for (int i = 0; i < mhd->rank; i++) {
        struct pw_axis *axis = &header->axis[mhd->rank - 1 - i];
        header->shape[mhd->rank - 1 - i] = mhd->size[i];
        pw_text_axis(axis, "xyzt"[i < 4 ? i : 4], mhd -> spacing[i] > 0 ? mhd -> spacing[i] : mhd -> element_size[i],
                     mhd -> unit);
        axis->translation = isfinite(mhd->offset[i]) ? mhd->offset[i] : 0;
    }
    /* The channels of a voxel lie side by side. */
    if (mhd->channels > 1) {
        header->shape[header->rank] = mhd->channels;
        pw_text_axis(&header->axis[header->rank++], 'c', 0, "");
        header->part_rank += header->part_rank > 0;
    }
    return PW_OK;
}

static enum pw_status mhd_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                               struct pw_error *error)
{
    struct mhd mhd = {.header.format = "mhd", .path = path};
    char *text;
    size_t n = 0;
    (void)options;
    enum pw_status status = pw_text_header_read(path, &text, &n, error);
    for (size_t at = 0; status == PW_OK && at < n && (!mhd.has_data || mhd.header.part_lines_follow);) {
        size_t length = strcspn(text + at, "\n");
        status = mhd.has_data ? pw_text_parts_add(&mhd.header, path, text + at, length, error)
                              : take_line(&mhd, text + at, length, at + length + 1, error);
        at += length + 1;
    }
    free(text);
    if (status == PW_OK)
        status = finish(&mhd, error);
    if (status == PW_OK)
        status = pw_text_header_open(&mhd.header, path, source, error);
    pw_names_release(&mhd.header.part);
    return status;
}

static int has_key(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at != NULL && (at == text || at[-1] == '\n') && strchr(" =\t", at[strlen(key)]) != NULL;
}

/* The keys that every header begins with, in the text of the first lines. */
static int mhd_recognise(const char *path, const unsigned char *head, size_t n)
{
    char text[513];
    (void)path;
    n = n < sizeof text - 1 ? n : sizeof text - 1;
    if (n == 0 || !isalpha(head[0]))
        return 0;
    memcpy(text, head, n);
    text[n] = '\0';
    return has_key(text, "NDims") && (has_key(text, "ObjectType") || has_key(text, "DimSize"));
}

const struct pw_format pw_format_mhd = {.name = "MetaImage", .recognise = mhd_recognise, .open = mhd_open};
