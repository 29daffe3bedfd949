/*
 * table/number_text - numbers as decimal text that reads back as the same number.
 */
#ifndef PW_TABLE_NUMBER_TEXT_H
#define PW_TABLE_NUMBER_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
    PW_NUMBER_BYTES = 64
};

/* Each writes to out, ends it with a zero, and returns the length. */
size_t pw_text_of_u64(uint64_t value, char out[PW_NUMBER_BYTES]);

/* The shortest of 15, 16 and 17 digits that reads back as value; "nan", "inf", "-inf". */
size_t pw_text_of_double(double value, char out[PW_NUMBER_BYTES]);

#endif
