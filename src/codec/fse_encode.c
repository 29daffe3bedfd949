#include "codec/fse_encode.h"

#include <string.h>

static unsigned floor_log2(uint32_t value)
{
    return 31U - (unsigned)__builtin_clz(value);
}

unsigned pw_fse_table_log(uint32_t total, unsigned distinct, unsigned most)
{
    unsigned log = total > 1 ? floor_log2(total) : 0;
    log = log > 2 ? log - 2 : 0; /* finer than a quarter of a symbol is wasted on the description */
    unsigned least = floor_log2(distinct) + 1;
    if (log < least)
        log = least;
    if (log < PW_FSE_LOG_MIN)
        log = PW_FSE_LOG_MIN;
    return log < most ? log : most;
}

void pw_fse_normalise(const uint32_t *count, unsigned symbols, uint32_t total, unsigned log, int16_t *probability)
{
    int32_t left = 1 << log;
    unsigned largest = 0;
    for (unsigned s = 0; s < symbols; s++) {
        uint64_t scaled = (((uint64_t)count[s] << log) + total / 2) / total;
        if (scaled == 0 && count[s] != 0)
            scaled = 1;
        probability[s] = (int16_t)scaled;
        left -= (int32_t)scaled;
        if (count[s] > count[largest])
            largest = s;
    }
    /* Rounding is paid for by the most frequent symbols, which lose least by it. */
    while (left < 0 && probability[largest] + left < 1) {
        left += probability[largest] - 1;
        probability[largest] = 1;
        for (unsigned s = 0; s < symbols; s++)
            if (probability[s] > probability[largest])
                largest = s;
    }
    probability[largest] = (int16_t)(probability[largest] + left);
}

/* Bits of a forward stream, least significant first. */
struct bit_writer {
    unsigned char *at;
    uint64_t bits;
    unsigned n;
};

static void put(struct bit_writer *writer, uint32_t value, unsigned n)
{
    writer->bits |= (uint64_t)value << writer->n;
    writer->n += n;
    while (writer->n >= 8) {
        *writer->at++ = (unsigned char)writer->bits;
        writer->bits >>= 8;
        writer->n -= 8;
    }
}

/* After a probability 0: how many more zeros follow, two bits at a time, 3 meaning "and go on". */
static unsigned put_zero_run(struct bit_writer *writer, const int16_t *probability, unsigned symbols, unsigned s)
{
    unsigned zeros = 0;
    while (s + zeros < symbols && probability[s + zeros] == 0)
        zeros++;
    unsigned rest = zeros;
    for (; rest >= 3; rest -= 3)
        put(writer, 3, 2);
    put(writer, rest, 2);
    return s + zeros;
}

/*
 * A value is one of 0..left+1, the probability plus 1.  With the least number n of
 * bits that holds left+1, the spare codes make the smallest values one bit shorter.
 */
size_t pw_fse_write_counts(const int16_t *probability, unsigned symbols, unsigned log, unsigned char *out)
{
    struct bit_writer writer = {out, 0, 0};
    uint32_t left = 1U << log;
    put(&writer, log - PW_FSE_LOG_MIN, 4);
    for (unsigned s = 0; s < symbols && left > 0;) {
        uint32_t value = (uint32_t)(probability[s] + 1);
        unsigned n = floor_log2(left + 1) + 1;
        uint32_t spare = (1U << n) - 1 - (left + 1);
        uint32_t half = 1U << (n - 1);
        if (value < spare)
            put(&writer, value, n - 1);
        else
            put(&writer, value < half ? value : value + spare, n);
        left -= value == 0 ? 1 : value - 1; /* "less than 1" takes one */
        s++;
        if (value == 1)
            s = put_zero_run(&writer, probability, symbols, s);
    }
    if (writer.n > 0)
        put(&writer, 0, 8 - writer.n);
    return (size_t)(writer.at - out);
}

/* Which symbol each state decodes to: section 4.1.1, "less than 1" from the end, then the others spread. */
static void spread(const int16_t *probability, unsigned symbols, unsigned log, unsigned char *symbol_of)
{
    unsigned size = 1U << log;
    unsigned high = size - 1;
    for (unsigned s = 0; s < symbols; s++)
        if (probability[s] < 0)
            symbol_of[high--] = (unsigned char)s;
    unsigned step = (size >> 1) + (size >> 3) + 3;
    unsigned position = 0;
    for (unsigned s = 0; s < symbols; s++)
        for (int i = 0; i < probability[s]; i++) {
            symbol_of[position] = (unsigned char)s;
            do
                position = (position + step) & (size - 1);
            while (position > high);
        }
}

void pw_fse_table_init(struct pw_fse_table *table, const int16_t *probability, unsigned symbols, unsigned log)
{
    unsigned char symbol_of[1 << PW_FSE_LOG_MAX];
    uint16_t fill[PW_FSE_SYMBOLS_MAX];
    unsigned size = 1U << log;
    unsigned start = 0;
    table->log = log;
    spread(probability, symbols, log, symbol_of);
    for (unsigned s = 0; s < symbols; s++) {
        unsigned p = (unsigned)(probability[s] < 0 ? 1 : probability[s]);
        fill[s] = (uint16_t)start;
        table->delta_bits[s] = 0;
        table->delta_find[s] = 0;
        if (p == 0)
            continue;
        /* From state x, n or n-1 bits go out so that what is left lies in p..2p-1. */
        unsigned n = p == 1 ? log : log - floor_log2(p - 1);
        unsigned limit = p == 1 ? size : p << n;
        table->delta_bits[s] = p == 1 ? (log << 16) - size : (n << 16) - limit;
        table->delta_find[s] = (int32_t)start - (int32_t)p;
        start += p;
    }
    for (unsigned x = 0; x < size; x++)
        table->next[fill[symbol_of[x]]++] = (uint16_t)(size + x);
    for (unsigned s = 0; s < symbols; s++)
        if (probability[s] != 0)
            table->first[s] = table->next[fill[s] - 1];
}
