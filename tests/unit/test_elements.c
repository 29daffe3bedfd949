#include <criterion/criterion.h>
#include <string.h>

#include "store/elements.h"

/* The value of the element at z, y, x of an array of 3 x 5 x 4. */
static unsigned char value_at(uint64_t z, uint64_t y, uint64_t x)
{
    return (unsigned char)(z * 20 + y * 4 + x + 1);
}

/* Elements of any size lie where they lie: behind a checksum of 4 bytes, or at any byte of a file that is mapped. */
Test(elements, are_transposed_from_any_byte)
{
    static const uint64_t shape[3] = {3, 5, 4};
    static const int order[3] = {2, 0, 1};
    for (size_t bytes = 1; bytes <= 8; bytes *= 2)
        for (size_t shift = 0; shift < 8; shift++) {
            unsigned char source[60 * 8 + 8], target[60 * 8 + 8];
            for (uint64_t i = 0; i < 60; i++) /* axes x z y */
                memset(source + shift + i * bytes, value_at(i / 5 % 3, i % 5, i / 15), bytes);
            pw_elements_transpose(3, shape, order, source + shift, target + shift, bytes);
            for (uint64_t i = 0; i < 60 * bytes; i++)
                cr_assert_eq(target[shift + i], (unsigned char)(i / bytes + 1), "element of %zu bytes at byte %zu",
                             bytes, shift);
        }
}
