#include "store/hdf5_library.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sys/dynlib.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_loaded; /* under lock */

/* ---- the library ---- */

#ifdef PW_HDF5_FILE

struct pw_hdf5_symbols pw_hdf5;

#define NAME(name) #name,
static const char *const names[] = {PW_HDF5_FUNCTIONS(NAME) PW_HDF5_VARIABLES(NAME)};
#undef NAME

/* With the lock held. */
static enum pw_status load(const char *path, struct pw_error *error)
{
    enum {
        COUNT = sizeof names / sizeof names[0]
    };
    static const char *const places[] = {PW_HDF5_FILE,
#ifdef PW_HDF5_ELSEWHERE
                                         PW_HDF5_ELSEWHERE,
#endif
                                         NULL};
    _Static_assert(sizeof pw_hdf5 == COUNT * sizeof(void *), "a name for each pointer");
    void *address[COUNT];
    struct pw_error why;
    if (pw_dynlib_symbols(places, names, COUNT, address, &why) != PW_OK)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: HDF5 needs its library: %s", path, why.message);
    memcpy(&pw_hdf5, address, sizeof address); /* of functions too: POSIX lets them be pointers as others are */
    return PW_OK;
}

#else

static enum pw_status load(const char *path, struct pw_error *error)
{
    (void)path;
    (void)error;
    return PW_OK;
}

#endif

enum pw_status pw_hdf5_load(const char *path, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    (void)pthread_mutex_lock(&lock);
    if (!is_loaded)
        status = load(path, error);
    is_loaded = is_loaded || status == PW_OK;
    (void)pthread_mutex_unlock(&lock);
    return status;
}

void pw_hdf5_version(char *out, size_t capacity)
{
    unsigned major = 0, minor = 0, release = 0;
    out[0] = '\0';
    if (pw_hdf5_load("", NULL) != PW_OK)
        return;
    pw_hdf5_lock();
    (void)H5get_libversion(&major, &minor, &release);
    pw_hdf5_unlock();
    (void)snprintf(out, capacity, "%u.%u.%u", major, minor, release);
}

void pw_hdf5_lock(void)
{
    (void)pthread_mutex_lock(&lock);
    if (is_loaded)
        (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void pw_hdf5_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- attributes ---- */

static hid_t open_attribute(hid_t object, const char *name)
{
    return H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
}

static size_t count_of(hid_t attribute)
{
    hid_t space = H5Aget_space(attribute);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    (void)H5Sclose(space);
    return n > 0 ? (size_t)n : 0;
}

static void copy_text(char *out, size_t capacity, const char *text, size_t n)
{
    n = n < capacity ? n : capacity - 1;
    n = strnlen(text, n);
    memcpy(out, text, n);
    out[n] = '\0';
}

/* Strings of variable length: text i is each[i]; given back afterwards. */
static int variable_texts(hid_t attribute, hid_t type, size_t n, char *out, size_t capacity, int max)
{
    char **each = calloc(n, sizeof *each);
    int found = 0;
    if (each == NULL)
        return 0;
    if (H5Aread(attribute, type, each) >= 0) {
        for (size_t i = 0; i < n && found < max; i++, found++)
            copy_text(out + (size_t)found * capacity, capacity, each[i] != NULL ? each[i] : "", SIZE_MAX / 2);
        hid_t space = H5Aget_space(attribute);
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, each);
        (void)H5Sclose(space);
    }
    free(each);
    return found;
}

static int fixed_texts(hid_t attribute, hid_t type, size_t n, char *out, size_t capacity, int max)
{
    size_t size = H5Tget_size(type);
    char *all = size > 0 && n <= ((size_t)1 << 24) / size ? calloc(n, size) : NULL;
    int found = 0;
    if (all != NULL && H5Aread(attribute, type, all) >= 0) {
        if (max == 1) { /* characters one by one, or one text */
            copy_text(out, capacity, all, n * size);
            found = 1;
        } else
            for (size_t i = 0; i < n && found < max; i++, found++)
                copy_text(out + (size_t)found * capacity, capacity, all + i * size, size);
    }
    free(all);
    return found;
}

int pw_hdf5_texts(hid_t object, const char *name, char *out, size_t capacity, int max)
{
    hid_t attribute = open_attribute(object, name);
    int found = 0;
    if (attribute < 0)
        return 0;
    hid_t type = H5Aget_type(attribute);
    size_t n = count_of(attribute);
    if (H5Tget_class(type) == H5T_STRING && n > 0)
        found = H5Tis_variable_str(type) > 0 ? variable_texts(attribute, type, n, out, capacity, max)
                                             : fixed_texts(attribute, type, n, out, capacity, max);
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return found;
}

/* The last part of the name of what is referred to. */
static void scale_name(hid_t dataset, const hvl_t *scales, char *out, size_t capacity)
{
    char name[512] = "";
    out[0] = '\0';
    hid_t scale = scales->len > 0 ? H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, scales->p) : -1;
    if (scale < 0)
        return;
    if (H5Iget_name(scale, name, sizeof name) > 0) {
        const char *slash = strrchr(name, '/');
        copy_text(out, capacity, slash != NULL ? slash + 1 : name, SIZE_MAX / 2);
    }
    (void)H5Oclose(scale);
}

int pw_hdf5_scale_names(hid_t dataset, char *out, size_t capacity, int max)
{
    hvl_t scales[H5S_MAX_RANK];
    hid_t attribute = open_attribute(dataset, "DIMENSION_LIST");
    int found = 0;
    if (attribute < 0)
        return 0;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute), base = H5Tget_super(type);
    size_t n = count_of(attribute);
    if (H5Tget_class(type) == H5T_VLEN && H5Tget_class(base) == H5T_REFERENCE &&
        H5Tget_size(base) == sizeof(hobj_ref_t) && n <= (size_t)max && n <= H5S_MAX_RANK &&
        H5Aread(attribute, type, scales) >= 0) {
        for (; (size_t)found < n; found++)
            scale_name(dataset, &scales[found], out + (size_t)found * capacity, capacity);
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, scales);
    }
    (void)H5Tclose(base);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return found;
}

int pw_hdf5_text(hid_t object, const char *name, char *out, size_t capacity)
{
    return pw_hdf5_texts(object, name, out, capacity, 1);
}

int pw_hdf5_numbers(hid_t object, const char *name, double *out, int max)
{
    double all[64];
    hid_t attribute = open_attribute(object, name);
    if (attribute < 0)
        return 0;
    hid_t type = H5Aget_type(attribute);
    H5T_class_t kind = H5Tget_class(type);
    size_t n = count_of(attribute);
    int found = 0;
    if ((kind == H5T_INTEGER || kind == H5T_FLOAT) && n <= sizeof all / sizeof all[0] &&
        H5Aread(attribute, H5T_NATIVE_DOUBLE, all) >= 0)
        for (; (size_t)found < n && found < max; found++)
            out[found] = all[found];
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return found;
}

int pw_hdf5_text_at(hid_t file, const char *path, const char *name, char *out, size_t capacity)
{
    hid_t object = pw_hdf5_exists(file, path) ? H5Oopen(file, path, H5P_DEFAULT) : -1;
    if (object < 0)
        return 0;
    int found = pw_hdf5_text(object, name, out, capacity);
    (void)H5Oclose(object);
    return found;
}

double pw_hdf5_number_at(hid_t file, const char *path, const char *name, double otherwise)
{
    char text[64], *end;
    hid_t object = pw_hdf5_exists(file, path) ? H5Oopen(file, path, H5P_DEFAULT) : -1;
    double value = otherwise;
    if (object < 0)
        return otherwise;
    if (!pw_hdf5_numbers(object, name, &value, 1) && pw_hdf5_text(object, name, text, sizeof text)) {
        value = strtod(text, &end);
        value = end != text ? value : otherwise;
    }
    (void)H5Oclose(object);
    return value;
}

enum pw_status pw_hdf5_cannot_open(const char *path, const char *name, struct pw_error *error)
{
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: %s cannot be opened by HDF5 %d.%d.%d (it may be broken, or of a later version)", path, name,
                   H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

int pw_hdf5_exists(hid_t file, const char *path)
{
    char part[4096];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return 0;
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        if (strcmp(part, "/") != 0 && H5Lexists(file, part, H5P_DEFAULT) <= 0)
            return 0;
        part[i] = path[i];
    }
    return H5Oexists_by_name(file, path, H5P_DEFAULT) > 0;
}

/* ---- element types ---- */

static int is_half(hid_t type)
{
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    return H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0 && sign == 15 &&
           exponent == 10 && exponent_bits == 5 && mantissa == 0 && mantissa_bits == 10;
}

static enum pw_dtype float_type(hid_t type)
{
    switch (H5Tget_size(type)) {
    case 2: return is_half(type) ? PW_F16 : PW_DTYPE_NONE;
    case 4: return PW_F32;
    case 8: return PW_F64;
    default: return PW_DTYPE_NONE;
    }
}

static enum pw_dtype integer_type(hid_t type)
{
    int is_signed = H5Tget_sign(type) == H5T_SGN_2;
    switch (H5Tget_size(type)) {
    case 1: return is_signed ? PW_I8 : PW_U8;
    case 2: return is_signed ? PW_I16 : PW_U16;
    case 4: return is_signed ? PW_I32 : PW_U32;
    case 8: return is_signed ? PW_I64 : PW_U64;
    default: return PW_DTYPE_NONE;
    }
}

/* PyTables writes booleans as bit fields of a byte; bits of another meaning may be in one, so they are numbers here. */
static enum pw_dtype bits_type(hid_t type)
{
    switch (H5Tget_size(type)) {
    case 1: return PW_U8;
    case 2: return PW_U16;
    case 4: return PW_U32;
    case 8: return PW_U64;
    default: return PW_DTYPE_NONE;
    }
}

/* h5py writes booleans as an enumeration of FALSE and TRUE. */
static enum pw_dtype enumeration_type(hid_t type)
{
    if (H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1 && H5Tget_member_index(type, "FALSE") >= 0 &&
        H5Tget_member_index(type, "TRUE") >= 0)
        return PW_BOOL;
    hid_t base = H5Tget_super(type);
    enum pw_dtype dtype = integer_type(base);
    (void)H5Tclose(base);
    return dtype;
}

int pw_hdf5_padding_bits(hid_t type)
{
    return H5Tget_class(type) == H5T_INTEGER ? (int)(8 * H5Tget_size(type) - H5Tget_precision(type)) : 0;
}

enum pw_dtype pw_hdf5_dtype(hid_t type, int *swap)
{
    H5T_class_t kind = H5Tget_class(type);
    H5T_order_t order = H5Tget_order(type), host = H5Tget_order(H5T_NATIVE_INT);
    *swap = H5Tget_size(type) > 1 && order != host;
    if (kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM && kind != H5T_BITFIELD)
        return PW_DTYPE_NONE;
    /* Bits that do not begin at the lowest one are not shifted by all releases of the library. */
    if (kind == H5T_INTEGER && H5Tget_offset(type) != 0)
        return PW_DTYPE_NONE;
    if (kind != H5T_INTEGER && kind != H5T_ENUM &&
        (H5Tget_precision(type) != 8 * H5Tget_size(type) || H5Tget_offset(type) != 0))
        return PW_DTYPE_NONE;
    return kind == H5T_FLOAT      ? float_type(type)
           : kind == H5T_ENUM     ? enumeration_type(type)
           : kind == H5T_BITFIELD ? bits_type(type)
                                  : integer_type(type);
}

int pw_hdf5_is_converted(hid_t type)
{
    int swap;
    return H5Tget_class(type) != H5T_BITFIELD && pw_hdf5_memory_type(pw_hdf5_dtype(type, &swap)) >= 0;
}

const char *pw_hdf5_class_name(hid_t type)
{
    switch (H5Tget_class(type)) {
    case H5T_COMPOUND: return "compounds (as complex numbers are); write the part that is the image as a dataset";
    case H5T_STRING: return "strings";
    case H5T_REFERENCE: return "references to other objects";
    case H5T_VLEN: return "lists of variable length";
    case H5T_ARRAY: return "arrays; give the dataset their axes";
    default: return "no integers, floats or booleans of 1 to 8 bytes";
    }
}

hid_t pw_hdf5_memory_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_U8: return H5T_NATIVE_UINT8;
    case PW_I8: return H5T_NATIVE_INT8;
    case PW_U16: return H5T_NATIVE_UINT16;
    case PW_I16: return H5T_NATIVE_INT16;
    case PW_U32: return H5T_NATIVE_UINT32;
    case PW_I32: return H5T_NATIVE_INT32;
    case PW_U64: return H5T_NATIVE_UINT64;
    case PW_I64: return H5T_NATIVE_INT64;
    case PW_F32: return H5T_NATIVE_FLOAT;
    case PW_F64: return H5T_NATIVE_DOUBLE;
    default: return -1; /* booleans and half floats are read as they are stored */
    }
}
