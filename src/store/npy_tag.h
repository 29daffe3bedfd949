/*
 * store/npy_tag - which tile a frame of npy is, said in its header.
 *
 * The header of a .npy is a Python dictionary, and a comment may follow it: "{...}  # tile 7 of 64".  numpy and
 * whoever reads as far as the brace do not mind; a filter that hands headers on, hands the tile's number on.
 */
#ifndef PW_STORE_NPY_TAG_H
#define PW_STORE_NPY_TAG_H

#include <stddef.h>
#include <stdint.h>

/* Adds a tag to a header of n bytes from pw_npy_format(), which is version 1; returns the new length. */
size_t pw_npy_tag_add(char *header, size_t n, size_t capacity, uint64_t tile, uint64_t n_tiles);

/*
 * Finds it in the n bytes of text that pw_npy_prefix() points to: 1 and the numbers, or 0.  *text_bytes becomes the length
 * of the text without any comment.
 */
int pw_npy_tag_find(const char *text, size_t n, size_t *text_bytes, uint64_t *tile, uint64_t *n_tiles);

#endif
