/* Messages of a bounded length: what of a long command line is kept. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"

Test(error, a_text_that_fits_is_not_shortened)
{
    char out[8];
    pw_shorten(out, sizeof out, "1234567");
    cr_assert_str_eq(out, "1234567");
    pw_shorten(out, sizeof out, "");
    cr_assert_str_eq(out, "");
}

Test(error, of_a_long_text_begin_and_end_are_kept)
{
    char out[16];
    pw_shorten(out, sizeof out, "python3 /a/long/path/segment.py");
    cr_assert_str_eq(out, "pyth...gment.py");
    pw_shorten(out, 8, "python3 /a/long/path/segment.py");
    cr_assert_str_eq(out, "p....py");
}

Test(error, characters_are_not_cut)
{
    /* e with an acute accent has two bytes: wherever the cuts would fall, whole ones remain. */
    for (size_t lead = 0; lead < 3; lead++)
        for (size_t capacity = 8; capacity < 30; capacity++) {
            char text[80] = "", out[32];
            memset(text, 'a', lead);
            for (int i = 0; i < 20; i++)
                strcat(text, "\xC3\xA9");
            pw_shorten(out, capacity, text);
            cr_assert_lt(strlen(out), capacity);
            for (size_t i = 0; out[i] != '\0'; i++)
                if ((unsigned char)out[i] == 0xC3)
                    cr_assert_eq((unsigned char)out[++i], 0xA9, "capacity %zu: \"%s\"", capacity, out);
                else
                    cr_assert_neq((unsigned char)out[i], 0xA9, "capacity %zu: \"%s\"", capacity, out);
        }
}
