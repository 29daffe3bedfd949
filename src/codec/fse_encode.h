/*
 * codec/fse_encode - finite state entropy tables for writing zstd sequences.
 *
 * Method: RFC 8878, section 4.1 (FSE), and J. Duda, Asymmetric numeral systems
 * (2013).  A table is made from counts in four steps:
 *
 *     log = pw_fse_table_log(total, distinct, most);
 *     pw_fse_normalise(counts, symbols, total, log, probability);
 *     n = pw_fse_write_counts(probability, symbols, log, out);
 *     pw_fse_table_init(&table, probability, symbols, log);
 *
 * and then read symbol by symbol from the last to the first: pw_fse_begin() gives
 * the state of the last symbol, pw_fse_step() each earlier one and the bits to write.
 *
 * Memory: everything is the caller's.  Errors: none.  Threads: pure functions;
 * integer arithmetic only, so that the tables are the same on every machine.
 */
#ifndef PW_CODEC_FSE_ENCODE_H
#define PW_CODEC_FSE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

enum {
    PW_FSE_LOG_MIN = 5,
    PW_FSE_LOG_MAX = 9,
    PW_FSE_SYMBOLS_MAX = 64,
    PW_FSE_COUNTS_BYTES_MAX = 96 /* of a written table: 53 symbols of at most 10 bits, and repeats */
};

/* An encoding table.  States are 1<<log .. (2<<log)-1. */
struct pw_fse_table {
    unsigned log;
    uint16_t next[1 << PW_FSE_LOG_MAX]; /* states, by symbol and then in ascending order */
    uint32_t delta_bits[PW_FSE_SYMBOLS_MAX];
    int32_t delta_find[PW_FSE_SYMBOLS_MAX];
    uint16_t first[PW_FSE_SYMBOLS_MAX]; /* a state that stands for the symbol */
};

/* The accuracy for total symbols of distinct kinds, at most most. */
unsigned pw_fse_table_log(uint32_t total, unsigned distinct, unsigned most);

/*
 * Probabilities in 1/(1<<log) that sum to 1<<log: at least 1 for every symbol
 * that occurs, 0 for the others.  total is the sum of count, at least two symbols occur.
 */
void pw_fse_normalise(const uint32_t *count, unsigned symbols, uint32_t total, unsigned log, int16_t *probability);

/* Writes the table description (RFC 8878, 4.1.1); returns its bytes. */
size_t pw_fse_write_counts(const int16_t *probability, unsigned symbols, unsigned log, unsigned char *out);

/* Probabilities may be -1 ("less than 1"), as in the predefined tables. */
void pw_fse_table_init(struct pw_fse_table *table, const int16_t *probability, unsigned symbols, unsigned log);

static inline uint32_t pw_fse_begin(const struct pw_fse_table *table, unsigned symbol)
{
    return table->first[symbol];
}

/* Goes to symbol from *state; the low bits of the old state, the return value many, are to be written. */
static inline unsigned pw_fse_step(const struct pw_fse_table *table, uint32_t *state, unsigned symbol, uint32_t *bits)
{
    unsigned n = (*state + table->delta_bits[symbol]) >> 16;
    *bits = *state & ((1U << n) - 1);
    *state = table->next[(int32_t)(*state >> n) + table->delta_find[symbol]];
    return n;
}

#endif
