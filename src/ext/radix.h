/*
 * ext/radix - sorting records in memory.
 *
 * Method: radix sort, by the most significant digit into parts that fit the processor's cache, and these from
 * the least significant digit up.  Only the bits in which the records differ are digits, so that
 * small ids cost few passes however wide their words are.  The sort is stable: records with equal
 * keys keep their order.
 * Threads: no shared state.
 */
#ifndef PW_EXT_RADIX_H
#define PW_EXT_RADIX_H

#include <stdint.h>

/*
 * Sorts the n records in from, each of words words, by their first key_words words.
 * spare has room for as many.  The result is in one of the two; it is returned, and
 * the other's contents are lost.
 */
uint64_t *pw_radix_sort(uint64_t *from, uint64_t *spare, uint64_t n, int words, int key_words);

#endif
