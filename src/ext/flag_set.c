#include "ext/flag_set.h"

#include <string.h>

enum pw_status pw_flag_set_init(struct pw_flag_set *set, uint64_t n, uint64_t memory_bytes, const char *scratch_dir,
                                struct pw_error *error)
{
    memset(set, 0, sizeof *set);
    set->file.fd = -1;
    set->in_file = n / 8 + 1 > memory_bytes;
    return set->in_file ? pw_scratch_open(&set->file, scratch_dir, "flags", error)
                        : pw_buffer_init(&set->memory, n / 8 + 1, "flags", error);
}

void pw_flag_set_destroy(struct pw_flag_set *set)
{
    if (set->in_file)
        pw_scratch_close(&set->file);
    pw_buffer_release(&set->memory);
    memset(set, 0, sizeof *set);
}

/* The byte that holds flag i. */
static enum pw_status get_byte(const struct pw_flag_set *set, uint64_t i, unsigned char *byte, struct pw_error *error)
{
    size_t got;
    *byte = 0;
    if (set->in_file) /* what was never written is beyond the end, or a hole */
        return pw_file_read(set->file.fd, byte, 1, i / 8, &got, set->file.name, error);
    *byte = ((const unsigned char *)set->memory.data)[i / 8];
    return PW_OK;
}

enum pw_status pw_flag_set_get(const struct pw_flag_set *set, uint64_t i, int *flag, struct pw_error *error)
{
    unsigned char byte;
    enum pw_status status = get_byte(set, i, &byte, error);
    *flag = byte >> i % 8 & 1;
    return status;
}

enum pw_status pw_flag_set_raise(struct pw_flag_set *set, uint64_t i, struct pw_error *error)
{
    unsigned char byte;
    enum pw_status status = get_byte(set, i, &byte, error);
    byte = (unsigned char)(byte | 1u << i % 8);
    if (status != PW_OK || set->in_file)
        return status == PW_OK ? pw_file_write(set->file.fd, &byte, 1, i / 8, set->file.name, error) : status;
    ((unsigned char *)set->memory.data)[i / 8] = byte;
    return PW_OK;
}
