#include "merge/id_map.h"

#include <stdlib.h>
#include <string.h>

uint64_t pw_id_map_memory_bytes(uint64_t n_tiles)
{
    return (n_tiles + 1) * sizeof(uint64_t);
}

void pw_id_map_release(struct pw_id_map *map)
{
    if (map->offset == NULL)
        return;
    pw_scratch_close(&map->file);
    free(map->offset);
    memset(map, 0, sizeof *map);
    map->file.fd = -1;
}

enum pw_status pw_id_map_read(const struct pw_id_map *map, uint64_t tile, uint64_t *id, uint64_t n,
                              struct pw_error *error)
{
    uint64_t at = map->offset[tile] * map->id_bytes;
    if (map->id_bytes == sizeof *id)
        return pw_file_read_exactly(map->file.fd, id, (size_t)n * sizeof *id, at, map->file.name, error);
    /* Read into the upper half, then widened from the front: the narrow ids are always ahead of the wide ones. */
    uint32_t *narrow = (uint32_t *)(void *)id + n;
    enum pw_status status =
        pw_file_read_exactly(map->file.fd, narrow, (size_t)n * sizeof *narrow, at, map->file.name, error);
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        uint32_t value;
        memcpy(&value, narrow + i, sizeof value);
        id[i] = value;
    }
    return status;
}
