/*
 * label/changes - where the elements of a row differ from the one before.
 *
 * Cutting a row into stretches of one value looks at every element and finds
 * little: with vectors it runs at the speed of memory, and the few places
 * found are all that is left to look at.
 *
 * Internal to label.  Elements are compared as bits.
 */
#ifndef PW_LABEL_CHANGES_H
#define PW_LABEL_CHANGES_H

#include <stddef.h>
#include <stdint.h>

/* Compares the 64 elements at p each with the one before it; p[-1] is read. */
typedef uint64_t (*pw_changes_fn)(const unsigned char *p);

/* The variant for elements of 1, 2, 4 or 8 bytes on this processor. */
pw_changes_fn pw_changes(size_t element_bytes);

/*
 * Word w of the changes of a row: bit i is set when element 64*w+i is in the row and
 * differs from the one before it, or is the first.
 */
uint64_t pw_changes_word(pw_changes_fn changes, const unsigned char *row, size_t element_bytes, uint64_t width,
                         uint64_t w);

#endif
