/*
 * store/channel_colour - the colours that channels are shown in: one channel white, several in turn.
 */
#ifndef PW_STORE_CHANNEL_COLOUR_H
#define PW_STORE_CHANNEL_COLOUR_H

#include <stdint.h>

/* 0xRRGGBB of channel c of so many. */
static inline uint32_t pw_channel_colour(uint64_t c, uint64_t channels)
{
    static const uint32_t turn[] = {0x00FF00, 0xFF00FF, 0x00FFFF, 0xFFFF00, 0xFF0000, 0x0000FF};
    return channels > 1 ? turn[c % (sizeof turn / sizeof turn[0])] : 0xFFFFFF;
}

#endif
