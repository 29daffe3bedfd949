#include "store/npy_header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

int pw_npy_is(const unsigned char *head, size_t n)
{
    return n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

enum pw_status pw_npy_prefix(const unsigned char *prefix, const char *name, size_t *text_start, size_t *text_bytes,
                             struct pw_error *error)
{
    if (!pw_npy_is(prefix, PW_NPY_PREFIX_BYTES))
        return pw_fail(error, PW_E_FORMAT, "%s: does not begin as a .npy file", name);
    int version = prefix[6];
    uint32_t length = (uint32_t)prefix[8] | (uint32_t)prefix[9] << 8;
    *text_start = 10;
    if (version < 1 || version > 3)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: .npy format version %d.%d, 1 to 3 can be read", name, version,
                       prefix[7]);
    if (version > 1) {
        length |= (uint32_t)prefix[10] << 16 | (uint32_t)prefix[11] << 24;
        *text_start = 12;
    }
    if (length > PW_NPY_HEADER_BYTES_MAX)
        return pw_fail(error, PW_E_FORMAT, "%s: a .npy header of %u bytes", name, length);
    *text_bytes = length;
    return PW_OK;
}

/* A reader of the few Python literals that a header is made of. */
struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at))
        c->at++;
}

static int take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return 0;
    c->at++;
    return 1;
}

static int take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return 0;
    c->at += n;
    return 1;
}

/* A quoted string without escapes (type codes and keys have none). */
static int take_string(struct cursor *c, char *out, size_t capacity)
{
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return 0;
    char quote = *c->at++;
    size_t n = 0;
    for (; c->at < c->end && *c->at != quote; c->at++) {
        if (n + 1 >= capacity || *c->at == '\\')
            return 0;
        out[n++] = *c->at;
    }
    out[n] = '\0';
    return take(c, quote);
}

static int take_number(struct cursor *c, uint64_t *value)
{
    skip_blanks(c);
    const char *first = c->at;
    for (*value = 0; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
        if (!pw_mul_u64(*value, 10, value) || !pw_add_u64(*value, (uint64_t)(*c->at - '0'), value))
            return 0;
    if (c->at == first)
        return 0;
    if (c->at < c->end && *c->at == 'L') /* Python 2 wrote long integers so */
        c->at++;
    return 1;
}

/* (), (5,) or (2, 3); -1 when it is none of them, rank PW_MAX_RANK+1 when there are more axes. */
static int take_shape(struct cursor *c, uint64_t *shape)
{
    uint64_t value;
    int rank = 0;
    if (!take(c, '('))
        return -1;
    while (!take(c, ')')) {
        if (!take_number(c, &value))
            return -1;
        if (rank < PW_MAX_RANK)
            shape[rank] = value;
        rank += rank <= PW_MAX_RANK;
        if (!take(c, ',') && (c->at == c->end || *c->at != ')'))
            return -1;
    }
    return rank;
}

static enum pw_status parse_descr(struct cursor *c, const char *name, struct pw_npy_header *header,
                                  struct pw_error *error)
{
    char descr[64];
    skip_blanks(c);
    if (c->at < c->end && *c->at == '[')
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: a structured element type; save one field as a plain array", name);
    if (!take_string(c, descr, sizeof descr))
        return pw_fail(error, PW_E_FORMAT, "%s: the .npy header has no readable 'descr'", name);
    header->dtype = strchr("<>|=", descr[0]) != NULL ? pw_dtype_parse(descr) : PW_DTYPE_NONE;
    if (header->dtype == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: element type '%s'; bool, integers of 1 to 8 bytes and floats of 2 to 8 bytes can be read",
                       name, descr);
    header->big_endian = descr[0] == '>' || (descr[0] == '=' && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    return PW_OK;
}

static enum pw_status parse_shape(struct cursor *c, const char *name, struct pw_npy_header *header,
                                  struct pw_error *error)
{
    header->rank = take_shape(c, header->shape);
    if (header->rank < 0)
        return pw_fail(error, PW_E_FORMAT, "%s: the .npy header has no readable 'shape'", name);
    if (header->rank == 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: a single number (shape ()), not an image", name);
    if (header->rank > PW_MAX_RANK)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: more than %d axes", name, PW_MAX_RANK);
    return PW_OK;
}

/* Whether the order of the axes changes the bytes: more than one has more than one element. */
static int order_matters(const struct pw_npy_header *header)
{
    int long_axes = 0;
    for (int i = 0; i < header->rank; i++)
        long_axes += header->shape[i] != 1;
    return long_axes > 1;
}

enum pw_status pw_npy_parse(const char *text, size_t n, const char *name, struct pw_npy_header *header,
                            struct pw_error *error)
{
    struct cursor c = {text, text + n};
    enum {
        DESCR = 1,
        ORDER = 2,
        SHAPE = 4
    };
    unsigned seen = 0;
    char key[32];
    memset(header, 0, sizeof *header);
    if (!take(&c, '{'))
        return pw_fail(error, PW_E_FORMAT, "%s: the .npy header is not a dictionary", name);
    while (!take(&c, '}')) {
        enum pw_status status = PW_OK;
        if (!take_string(&c, key, sizeof key) || !take(&c, ':'))
            return pw_fail(error, PW_E_FORMAT, "%s: the .npy header is damaged at byte %zu", name,
                           (size_t)(c.at - text));
        if (strcmp(key, "descr") == 0) {
            seen |= DESCR;
            status = parse_descr(&c, name, header, error);
        } else if (strcmp(key, "shape") == 0) {
            seen |= SHAPE;
            status = parse_shape(&c, name, header, error);
        } else if (strcmp(key, "fortran_order") == 0 &&
                   ((header->fortran = take_word(&c, "True")) != 0 || take_word(&c, "False"))) {
            seen |= ORDER;
        } else {
            return pw_fail(error, PW_E_FORMAT, "%s: the .npy header has an unknown entry '%s'", name, key);
        }
        if (status != PW_OK)
            return status;
        (void)take(&c, ',');
    }
    if (seen != (DESCR | ORDER | SHAPE))
        return pw_fail(error, PW_E_FORMAT, "%s: the .npy header lacks one of descr, fortran_order, shape", name);
    header->fortran = header->fortran && order_matters(header);
    return PW_OK;
}

static const char *descr_of(enum pw_dtype dtype, char *out, size_t capacity)
{
    char order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? '>' : '<';
    size_t bytes = pw_dtype_bytes(dtype);
    char kind = dtype == PW_BOOL ? 'b' : pw_dtype_is_float(dtype) ? 'f' : pw_dtype_is_signed(dtype) ? 'i' : 'u';
    (void)snprintf(out, capacity, "%c%c%zu", bytes == 1 ? '|' : order, kind, bytes);
    return out;
}

size_t pw_npy_format(const struct pw_npy_header *header, char *out, size_t capacity)
{
    char descr[8], shape[256];
    size_t used = 0;
    for (int i = 0; i < header->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%llu", i ? ", " : "",
                                 (unsigned long long)header->shape[i]);
    int n = snprintf(out + 10, capacity - 10, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s%s), }",
                     descr_of(header->dtype, descr, sizeof descr), header->fortran ? "True" : "False", shape,
                     header->rank == 1 ? "," : "");
    /* Padded with blanks and one line feed, as numpy does, so that the data can be mapped aligned. */
    size_t end = 10 + (size_t)n;
    size_t total = (end + 1 + 63) / 64 * 64;
    memset(out + end, ' ', total - end);
    out[total - 1] = '\n';
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = (char)((total - 10) & 0xff);
    out[9] = (char)((total - 10) >> 8);
    return total;
}
