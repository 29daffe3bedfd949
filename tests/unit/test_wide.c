/* Whole numbers of many words, and numbers as text. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "label/wide.h"
#include "table/number_text.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33 ^ *state << 31;
}

static int same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

Test(wide, quotients_are_those_of_the_processor)
{
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        int64_t numerator = (int64_t)next_random(&state) >> (11 + i % 50);
        uint64_t divisor = (next_random(&state) >> (11 + i % 53)) + 1;
        uint64_t number[3] = {0};
        pw_wide_add(number, 3, (uint64_t *)&numerator, 1);
        double expected = (double)numerator / (double)divisor; /* both are exact */
        cr_assert(same(pw_wide_ratio(number, 3, 0, divisor), expected), "%lld / %llu", (long long)numerator,
                  (unsigned long long)divisor);
    }
}

/* Every double is its mantissa at its place, subnormal or not. */
Test(wide, doubles_come_back)
{
    uint64_t state = 2;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&state), number[35] = {0};
        double value;
        if (i % 10 == 0)
            bits &= 0x801fffffffffffffu; /* the smallest exponents */
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        unsigned e = bits >> 52 & 0x7ff;
        uint64_t fraction = bits & 0xfffffffffffffu;
        pw_wide_add_at(number, 35, e > 0 ? fraction | 0x10000000000000u : fraction, e > 0 ? e - 1 : 0, bits >> 63 != 0);
        cr_assert(same(pw_wide_ratio(number, 35, -1074, 1), value) || value == 0, "%a", value);
    }
}

Test(wide, halves_round_to_even)
{
    uint64_t number[3] = {0};
    number[0] = ((uint64_t)1 << 53) + 1;
    cr_assert_eq(pw_wide_ratio(number, 3, 0, 1), 9007199254740992.0);
    number[0] = ((uint64_t)1 << 53) + 3;
    cr_assert_eq(pw_wide_ratio(number, 3, 0, 1), 9007199254740996.0);
    number[0] = 3; /* 1.5 times the smallest subnormal, and one that is half of it */
    cr_assert_eq(pw_wide_ratio(number, 3, -1074, 2), 2 * 0x1p-1074);
    number[0] = 1;
    cr_assert_eq(pw_wide_ratio(number, 3, -1074, 2), 0);
    cr_assert_eq(pw_wide_ratio(number, 3, -1074, 1), 0x1p-1074);
    number[2] = 1;
    cr_assert(isinf(pw_wide_ratio(number, 3, 1000, 1)));
}

/* Additions in any order, with signs that change, end in the same words. */
Test(wide, order_does_not_matter)
{
    uint64_t state = 3, mantissa[200];
    unsigned position[200];
    uint64_t forward[12] = {0}, backward[12] = {0}, parts[2][12] = {{0}};
    for (int i = 0; i < 200; i++) {
        mantissa[i] = next_random(&state) >> (i % 64);
        position[i] = (unsigned)(next_random(&state) % 600);
    }
    for (int i = 0; i < 200; i++) {
        pw_wide_add_at(forward, 12, mantissa[i], position[i], i % 3 == 0);
        pw_wide_add_at(backward, 12, mantissa[199 - i], position[199 - i], (199 - i) % 3 == 0);
        pw_wide_add_at(parts[i % 2], 12, mantissa[i], position[i], i % 3 == 0);
    }
    pw_wide_add(parts[0], 12, parts[1], 12);
    cr_assert_arr_eq(forward, backward, sizeof forward);
    cr_assert_arr_eq(forward, parts[0], sizeof forward);
}

Test(wide, deviations)
{
    uint64_t state = 4;
    for (int trial = 0; trial < 3000; trial++) {
        int n = 2 + trial % 40;
        uint64_t sum[2] = {0}, squares[3] = {0};
        int64_t value[42];
        long double mean = 0, variance = 0;
        for (int i = 0; i < n; i++) {
            value[i] = (int64_t)(next_random(&state) % 1000) - 300;
            uint64_t square = (uint64_t)(value[i] * value[i]);
            pw_wide_add(sum, 2, (uint64_t *)&value[i], 1);
            pw_wide_add_unsigned(squares, 3, &square, 1);
            mean += (long double)value[i] / n;
        }
        for (int i = 0; i < n; i++)
            variance += ((long double)value[i] - mean) * ((long double)value[i] - mean) / n;
        double expected = (double)sqrtl(variance);
        double got = pw_wide_deviation(sum, 2, squares, 3, 0, (uint64_t)n);
        cr_assert(fabs(got - expected) <= expected * 0x1p-52, "%.17g for %.17g", got, expected);
    }
}

/* Values that differ in their last bit only: what a sum of squares in doubles loses. */
Test(wide, tiny_deviations)
{
    uint64_t sum[2] = {0}, squares[3] = {0}, value[2] = {(uint64_t)1 << 52, ((uint64_t)1 << 52) + 1};
    for (int i = 0; i < 2; i++) {
        pw_u128 square = (pw_u128)value[i] * value[i];
        uint64_t part[2] = {(uint64_t)square, (uint64_t)(square >> 64)};
        pw_wide_add(sum, 2, &value[i], 1);
        pw_wide_add_unsigned(squares, 3, part, 2);
    }
    cr_assert_eq(pw_wide_deviation(sum, 2, squares, 3, 0, 2), 0.5);
    cr_assert_eq(pw_wide_deviation(sum, 2, squares, 3, -52, 2), 0x1p-53);
    uint64_t one[2] = {7, 0}, square_of_one[3] = {49, 0, 0};
    cr_assert_eq(pw_wide_deviation(one, 2, square_of_one, 3, 0, 1), 0);
}

Test(wide, decimals)
{
    char text[PW_WIDE_DECIMAL_BYTES];
    uint64_t number[3] = {0, 0, 1};
    pw_wide_decimal(number, 3, text);
    cr_assert_str_eq(text, "340282366920938463463374607431768211456");
    uint64_t minus[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    pw_wide_decimal(minus, 3, text);
    cr_assert_str_eq(text, "-1");
    uint64_t zero[3] = {0};
    pw_wide_decimal(zero, 3, text);
    cr_assert_str_eq(text, "0");
}

/* As the shortest of %.15g, %.16g and %.17g that reads back, when it has no exponent. */
Test(number_text, shortest_that_reads_back)
{
    uint64_t state = 5;
    char text[PW_NUMBER_BYTES], expected[PW_NUMBER_BYTES];
    for (int i = 0; i < 300000; i++) {
        uint64_t bits = next_random(&state);
        double value;
        if (i % 3 != 0) /* numbers as they occur in tables */
            value = ldexp((double)(next_random(&state) >> 11), -53 + (int)(next_random(&state) % 64) - 14);
        else
            memcpy(&value, &bits, sizeof value);
        if (i % 3 == 2)
            value = (double)(next_random(&state) % 1000000) / 1000;
        size_t n = pw_text_of_double(value, text);
        cr_assert_eq(n, strlen(text));
        if (isnan(value))
            continue;
        cr_assert(same(strtod(text, NULL), value) || value == 0, "%a became %s", value, text);
        for (int precision = 15; precision <= 17; precision++) {
            (void)snprintf(expected, sizeof expected, "%.*g", precision, value);
            if (same(strtod(expected, NULL), value))
                break;
        }
        if (strchr(expected, 'e') == NULL)
            cr_assert_eq(strlen(text), strlen(expected), "%s is longer than %s", text, expected);
    }
}

Test(number_text, special)
{
    static const struct {
        double value;
        const char *text;
    } known[] = {{0, "0"},
                 {-0.0, "0"},
                 {1, "1"},
                 {-2, "-2"},
                 {0.1, "0.1"},
                 {0.0001, "0.0001"},
                 {1e15, "1000000000000000"},
                 {1e22, "1e+22"},
                 {-1.5, "-1.5"},
                 {2.5e-7, "2.5e-07"},
                 {(double)INFINITY, "inf"},
                 {-(double)INFINITY, "-inf"},
                 {(double)NAN, "nan"},
                 {1.0 / 3, "0.3333333333333333"}};
    char text[PW_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        (void)pw_text_of_double(known[i].value, text);
        cr_assert_str_eq(text, known[i].text);
    }
    cr_assert_eq(pw_text_of_u64(UINT64_MAX, text), 20);
    cr_assert_str_eq(text, "18446744073709551615");
}
