#include "table/number_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "label/wide.h"

size_t pw_text_of_u64(uint64_t value, char out[PW_NUMBER_BYTES])
{
    char digit[24];
    size_t n = 0, used = 0;
    do {
        digit[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (n > 0)
        out[used++] = digit[--n];
    out[used] = '\0';
    return used;
}

static size_t of_any_double(double value, char out[PW_NUMBER_BYTES])
{
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(out, PW_NUMBER_BYTES, "%.*g", precision, value);
        char *end;
        double back = strtod(out, &end);
        if (back >= value && back <= value)
            break;
    }
    return strlen(out);
}

/* Multiple of step nearest to value / 2^shift; ties may go either way, as both are as near. */
static uint64_t nearest(pw_u128 value, int shift, uint64_t step)
{
    pw_u128 unit = (pw_u128)step << shift;
    pw_u128 n = value / unit, rest = value - n * unit;
    return (uint64_t)(n + (rest > unit - rest)) * step;
}

static uint64_t power_of_10(int n)
{
    uint64_t value = 1;
    while (n-- > 0)
        value *= 10;
    return value;
}

/* digits * 10^-decimals. */
static size_t put_fixed(uint64_t digits, int decimals, char out[PW_NUMBER_BYTES])
{
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        decimals--;
    }
    char text[PW_NUMBER_BYTES];
    size_t n = pw_text_of_u64(digits, text), used = 0;
    size_t whole = n > (size_t)decimals ? n - (size_t)decimals : 0;
    if (whole == 0)
        out[used++] = '0';
    memcpy(out + used, text, whole);
    used += whole;
    if (decimals > 0) {
        out[used++] = '.';
        for (size_t i = n; i < (size_t)decimals; i++)
            out[used++] = '0';
        memcpy(out + used, text + whole, n - whole);
        used += n - whole;
    }
    out[used] = '\0';
    return used;
}

/*
 * value in [1e-4, 1e15), that is m * 2^e: exactly in 128 bits, scaled to 17 digits; all decimals between the middles to the
 * neighbouring doubles read back as value.
 */
static size_t of_usual_double(double value, char out[PW_NUMBER_BYTES])
{
    int e;
    uint64_t m = (uint64_t)ldexp(frexp(value, &e), 53);
    int decimals = 16 - (int)floor(log10(value)); /* one off near a power of 10 does no harm */
    int shift = 54 - e;                           /* value is 2 m / 2^shift */
    pw_u128 scale =
        (pw_u128)power_of_10(decimals > 19 ? 19 : decimals) * power_of_10(decimals > 19 ? decimals - 19 : 0);
    pw_u128 middle = scale * (2 * m), low = middle - scale, high = middle + scale;
    if (m == (uint64_t)1 << 52) /* the neighbour below is half as far */
        low = middle - scale / 2;
    for (uint64_t step = 100; step >= 1; step /= 10) {
        uint64_t digits = nearest(middle, shift, step);
        pw_u128 at = (pw_u128)digits << shift;
        if (step == 1 || (at > low && at < high))
            return put_fixed(digits, decimals, out);
    }
    return 0;
}

size_t pw_text_of_double(double value, char out[PW_NUMBER_BYTES])
{
    size_t sign = signbit(value) && !isnan(value) && (value < 0 || value > 0);
    double size = fabs(value);
    if (isnan(value) || isinf(value)) {
        (void)snprintf(out, PW_NUMBER_BYTES, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return strlen(out);
    }
    if (sign)
        out[0] = '-';
    if (size < 9007199254740992.0 && size >= floor(size) && size <= floor(size))
        return sign + pw_text_of_u64((uint64_t)size, out + sign);
    if (size >= 1e-4 && size < 1e15)
        return sign + of_usual_double(size, out + sign);
    return of_any_double(value, out);
}
