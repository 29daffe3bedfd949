#include "label/value_runs.h"

#include "label/changes.h"

#define ROW(name, type)                                                                                                \
    static uint64_t row_##name(const type *voxels, uint64_t width, struct pw_run *run, uint64_t *value)                \
    {                                                                                                                  \
        pw_changes_fn changes = pw_changes(sizeof *voxels);                                                            \
        uint64_t n = 0;                                                                                                \
        type now = 0;                                                                                                  \
        for (uint64_t w = 0; 64 * w < width; w++) {                                                                    \
            uint64_t change = pw_changes_word(changes, (const unsigned char *)voxels, sizeof *voxels, width, w);       \
            for (; change; change &= change - 1) {                                                                     \
                uint64_t x = 64 * w + (uint64_t)__builtin_ctzll(change);                                               \
                if (now)                                                                                               \
                    run[n++].end = (uint32_t)x;                                                                        \
                now = voxels[x];                                                                                       \
                run[n].start = (uint32_t)x;                                                                            \
                value[n] = (uint64_t)now;                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        if (now)                                                                                                       \
            run[n++].end = (uint32_t)width;                                                                            \
        return n;                                                                                                      \
    }

ROW(u8, uint8_t)
ROW(i8, int8_t)
ROW(u16, uint16_t)
ROW(i16, int16_t)
ROW(u32, uint32_t)
ROW(i32, int32_t)
ROW(u64, uint64_t)
ROW(i64, int64_t)

uint64_t pw_value_runs(const void *voxels, enum pw_dtype dtype, uint64_t width, struct pw_run *run, uint64_t *value)
{
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: return row_u8(voxels, width, run, value);
    case PW_I8: return row_i8(voxels, width, run, value);
    case PW_U16: return row_u16(voxels, width, run, value);
    case PW_I16: return row_i16(voxels, width, run, value);
    case PW_U32: return row_u32(voxels, width, run, value);
    case PW_I32: return row_i32(voxels, width, run, value);
    case PW_U64: return row_u64(voxels, width, run, value);
    case PW_I64: return row_i64(voxels, width, run, value);
    default: return 0;
    }
}
