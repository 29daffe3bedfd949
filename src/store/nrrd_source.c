/* NRRD: an attached or detached header (teem.sourceforge.net/nrrd/format.html), the array raw, compressed or in characters. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "store/text_header.h"

enum {
    VALUE_MAX = 1024
};

struct nrrd {
    struct pw_text_header header;
    const char *path;
    double scale[PW_MAX_RANK]; /* fastest first, as everything in the file; 0: not told */
    double origin[PW_MAX_RANK];
    char unit[PW_MAX_RANK][32], kind[PW_MAX_RANK][32], label[PW_MAX_RANK][32];
    char space_unit[32];
    int directed;                /* there are space directions */
    int undirected[PW_MAX_RANK]; /* and the axis has none: its elements are side by side in a voxel */
    char encoding[32];
};

/* The word in quotes, or without, at *at. */
static int quoted(const char **at, char *word, size_t capacity)
{
    *at += strspn(*at, " \t");
    if (**at != '"')
        return pw_text_word(at, word, capacity);
    size_t n = strcspn(*at + 1, "\"\r\n");
    if ((*at)[n + 1] != '"' || n >= capacity)
        return 0;
    memcpy(word, *at + 1, n);
    word[n] = '\0';
    *at += n + 2;
    return 1;
}

static void words(const char *value, char out[][32])
{
    for (int i = 0; i < PW_MAX_RANK && quoted(&value, out[i], 32); i++)
        continue;
}

static enum pw_dtype dtype_of(const char *text)
{
    static const struct {
        const char *name;
        enum pw_dtype dtype;
    } names[] = {{"signed char", PW_I8},
                 {"int8", PW_I8},
                 {"int8_t", PW_I8},
                 {"uchar", PW_U8},
                 {"unsigned char", PW_U8},
                 {"uint8", PW_U8},
                 {"uint8_t", PW_U8},
                 {"short", PW_I16},
                 {"short int", PW_I16},
                 {"signed short", PW_I16},
                 {"signed short int", PW_I16},
                 {"int16", PW_I16},
                 {"int16_t", PW_I16},
                 {"ushort", PW_U16},
                 {"unsigned short", PW_U16},
                 {"unsigned short int", PW_U16},
                 {"uint16", PW_U16},
                 {"uint16_t", PW_U16},
                 {"int", PW_I32},
                 {"signed int", PW_I32},
                 {"int32", PW_I32},
                 {"int32_t", PW_I32},
                 {"uint", PW_U32},
                 {"unsigned int", PW_U32},
                 {"uint32", PW_U32},
                 {"uint32_t", PW_U32},
                 {"longlong", PW_I64},
                 {"long long", PW_I64},
                 {"long long int", PW_I64},
                 {"signed long long", PW_I64},
                 {"signed long long int", PW_I64},
                 {"int64", PW_I64},
                 {"int64_t", PW_I64},
                 {"ulonglong", PW_U64},
                 {"unsigned long long", PW_U64},
                 {"unsigned long long int", PW_U64},
                 {"uint64", PW_U64},
                 {"uint64_t", PW_U64},
                 {"float", PW_F32},
                 {"double", PW_F64}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].dtype;
    return PW_DTYPE_NONE;
}

static enum pw_status take_sizes(struct nrrd *nrrd, const char *value, struct pw_error *error)
{
    uint64_t size[PW_MAX_RANK];
    int n = 0;
    char word[32], *end;
    while (pw_text_word(&value, word, sizeof word)) {
        unsigned long long number = strtoull(word, &end, 10);
        if (n == PW_MAX_RANK || *end != '\0' || word[0] == '-' || number == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: sizes: \"%s\" after %d axes", nrrd->path, word, n);
        size[n++] = number;
    }
    nrrd->header.rank = n;
    for (int i = 0; i < n; i++)
        nrrd->header.shape[i] = size[n - 1 - i];
    return PW_OK;
}

/* "(0.5,0,0) (0,0.5,0) none": the length of each vector. */
static void take_directions(struct nrrd *nrrd, const char *value)
{
    nrrd->directed = 1;
    for (int i = 0; i < PW_MAX_RANK; i++) {
        value += strspn(value, " \t");
        if (*value != '(') {
            char word[32];
            if (!pw_text_word(&value, word, sizeof word))
                return;
            nrrd->undirected[i] = 1;
            continue;
        }
        double sum = 0;
        char *end;
        for (value++; *value != ')' && *value != '\0' && *value != '\n'; value = end) {
            double part = strtod(value, &end);
            if (end == value)
                return;
            sum += part * part;
            end += strspn(end, " ,");
        }
        nrrd->scale[i] = sqrt(sum);
        value += *value == ')';
    }
}

static void take_numbers(const char *value, double out[PW_MAX_RANK])
{
    char word[64];
    for (int i = 0; i < PW_MAX_RANK && pw_text_word(&value, word, sizeof word); i++)
        out[i] = strtod(word, NULL);
}

static enum pw_status take_data_file(struct nrrd *nrrd, const char *value, struct pw_error *error)
{
    if (pw_text_parts_are(value))
        return pw_text_parts_begin(&nrrd->header, nrrd->path, value, error);
    pw_text_header_beside(nrrd->path, value, nrrd->header.data_file, sizeof nrrd->header.data_file);
    return PW_OK;
}

static enum pw_status take_skip(struct nrrd *nrrd, const char *value, int bytes, struct pw_error *error)
{
    char *end;
    long long number = strtoll(value, &end, 10);
    if (end == value || number < (bytes ? -1 : 0))
        return pw_fail(error, PW_E_FORMAT, "%s: %s skip: %s", nrrd->path, bytes ? "byte" : "line", value);
    if (number == -1)
        nrrd->header.from_end = 1;
    else if (bytes)
        nrrd->header.byte_skip = (uint64_t)number;
    else
        nrrd->header.line_skip = (uint64_t)number;
    return PW_OK;
}

/* One "field: value". */
static enum pw_status take_field(struct nrrd *nrrd, const char *field, const char *value, struct pw_error *error)
{
    struct pw_text_header *header = &nrrd->header;
    if (strcasecmp(field, "type") == 0) {
        header->dtype = dtype_of(value);
        if (header->dtype == PW_DTYPE_NONE)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: elements of type %s are not read", nrrd->path, value);
    } else if (strcasecmp(field, "sizes") == 0)
        return take_sizes(nrrd, value, error);
    else if (strcasecmp(field, "encoding") == 0)
        (void)snprintf(nrrd->encoding, sizeof nrrd->encoding, "%s", value);
    else if (strcasecmp(field, "endian") == 0)
        header->big_endian = strcasecmp(value, "big") == 0;
    else if (strcasecmp(field, "data file") == 0 || strcasecmp(field, "datafile") == 0)
        return take_data_file(nrrd, value, error);
    else if (strcasecmp(field, "line skip") == 0 || strcasecmp(field, "lineskip") == 0)
        return take_skip(nrrd, value, 0, error);
    else if (strcasecmp(field, "byte skip") == 0 || strcasecmp(field, "byteskip") == 0)
        return take_skip(nrrd, value, 1, error);
    else if (strcasecmp(field, "spacings") == 0)
        take_numbers(value, nrrd->scale);
    else if (strcasecmp(field, "axis mins") == 0 || strcasecmp(field, "axismins") == 0)
        take_numbers(value, nrrd->origin);
    else if (strcasecmp(field, "space directions") == 0)
        take_directions(nrrd, value);
    else if (strcasecmp(field, "units") == 0)
        words(value, nrrd->unit);
    else if (strcasecmp(field, "space units") == 0)
        (void)quoted(&value, nrrd->space_unit, sizeof nrrd->space_unit);
    else if (strcasecmp(field, "kinds") == 0)
        words(value, nrrd->kind);
    else if (strcasecmp(field, "labels") == 0)
        words(value, nrrd->label);
    return PW_OK;
}

/* Takes the line apart; lines of "key:=value" and comments say nothing of the array. */
static enum pw_status take_line(struct nrrd *nrrd, const char *line, size_t n, struct pw_error *error)
{
    char text[VALUE_MAX];
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n == 0 || line[0] == '#' || n >= sizeof text)
        return PW_OK;
    memcpy(text, line, n);
    text[n] = '\0';
    char *colon = strchr(text, ':');
    if (colon == NULL || colon[1] == '=')
        return PW_OK;
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    for (size_t end = strlen(value); end > 0 && isspace((unsigned char)value[end - 1]); end--)
        value[end - 1] = '\0';
    return take_field(nrrd, text, value, error);
}

static char letter_of(const struct nrrd *nrrd, int i, int *n_space)
{
    static const char *const channels[] = {"list",    "vector",   "RGB-color", "RGBA-color", "HSV-color", "XYZ-color",
                                           "complex", "2-vector", "3-color",   "3-vector",   "4-color",   "4-vector"};
    const char *kind = nrrd->kind[i], *label = nrrd->label[i];
    if (strcasecmp(kind, "time") == 0)
        return 't';
    for (size_t k = 0; k < sizeof channels / sizeof channels[0]; k++)
        if (strcasecmp(kind, channels[k]) == 0)
            return 'c';
    if (nrrd->undirected[i])
        return 'c';
    if (strlen(label) == 1 && strchr("tczyxTCZYX", label[0]) != NULL)
        return (char)(label[0] | 0x20);
    return *n_space < 3 ? "xyz"[(*n_space)++] : '\0';
}

static enum pw_status take_encoding(struct nrrd *nrrd, struct pw_error *error)
{
    static const struct {
        const char *name;
        enum pw_stream_encoding encoding;
    } known[] = {{"gzip", PW_ENCODED_DEFLATE}, {"gz", PW_ENCODED_DEFLATE}, {"bzip2", PW_ENCODED_BZIP2},
                 {"bz2", PW_ENCODED_BZIP2},    {"hex", PW_ENCODED_HEX},    {"text", PW_ENCODED_TEXT},
                 {"txt", PW_ENCODED_TEXT},     {"ascii", PW_ENCODED_TEXT}};
    struct pw_text_header *header = &nrrd->header;
    if (strcasecmp(nrrd->encoding, "raw") == 0)
        return PW_OK;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(nrrd->encoding, known[i].name) == 0) {
            header->encoded = 1;
            header->encoding = known[i].encoding;
        }
    if (!header->encoded)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: encoding %s is not read (raw, gzip, bzip2, hex and text are)",
                       nrrd->path, nrrd->encoding);
    if (header->from_end)
        return pw_fail(error, PW_E_FORMAT, "%s: byte skip -1 of encoded data", nrrd->path);
    return PW_OK;
}

static enum pw_status finish(struct nrrd *nrrd, struct pw_error *error)
{
    struct pw_text_header *header = &nrrd->header;
    int n_space = 0;
    if (header->rank == 0 || header->dtype == PW_DTYPE_NONE || nrrd->encoding[0] == '\0')
        return pw_fail(error, PW_E_FORMAT, "%s: the header lacks %s", nrrd->path,
                       header->rank == 0                ? "sizes"
                       : header->dtype == PW_DTYPE_NONE ? "type"
                                                        : "encoding");
    enum pw_status status = take_encoding(nrrd, error);
    if (status != PW_OK)
        return status;
    for (int i = 0; i < header->rank; i++) {
        const char *unit = nrrd->unit[i][0] != '\0' ? nrrd->unit[i] : nrrd->directed ? nrrd->space_unit : "";
        struct pw_axis *axis = &header->axis[header->rank - 1 - i];
        pw_text_axis(axis, letter_of(nrrd, i, &n_space), nrrd->scale[i], unit);
        axis->translation = isfinite(nrrd->origin[i]) ? nrrd->origin[i] : 0;
    }
    return PW_OK;
}

static enum pw_status parse(struct nrrd *nrrd, const char *text, size_t n, struct pw_error *error)
{
    size_t at = strcspn(text, "\n") + 1;
    enum pw_status status = PW_OK;
    while (at < n && status == PW_OK) {
        size_t length = strcspn(text + at, "\n");
        /* An empty line ends an attached header. */
        if (length == 0 || (length == 1 && text[at] == '\r')) {
            at += length + 1;
            break;
        }
        status = nrrd->header.part_lines_follow ? pw_text_parts_add(&nrrd->header, nrrd->path, text + at, length, error)
                                                : take_line(nrrd, text + at, length, error);
        at += length + 1;
    }
    if (nrrd->header.data_file[0] == '\0' && nrrd->header.part.n == 0)
        nrrd->header.data_offset = at;
    return status == PW_OK ? finish(nrrd, error) : status;
}

static enum pw_status nrrd_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    struct nrrd nrrd = {.header.format = "nrrd", .path = path};
    char *text;
    size_t n = 0;
    (void)options;
    enum pw_status status = pw_text_header_read(path, &text, &n, error);
    if (status == PW_OK)
        status = parse(&nrrd, text, n, error);
    free(text);
    if (status == PW_OK)
        status = pw_text_header_open(&nrrd.header, path, source, error);
    pw_names_release(&nrrd.header.part);
    return status;
}

static int nrrd_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)path;
    return n >= 8 && memcmp(head, "NRRD000", 7) == 0;
}

const struct pw_format pw_format_nrrd = {.name = "NRRD", .recognise = nrrd_recognise, .open = nrrd_open};
