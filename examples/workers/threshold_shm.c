/*
 * A worker of pw-stream in C, without any library: doc/WORKERS.md has the protocol.
 *
 *     cc -O2 -o threshold_shm examples/workers/threshold_shm.c
 *     pw-stream run image.tif --fn 'exec:./threshold_shm 300' -o labels.zarr
 *
 * Voxels above the threshold that touch in a face are one label.  The worker asks for float32, so that it takes images of
 * any type, and says that its labels are connected components, so that pw-stream joins them where they touch.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char hello[] =
    "{\"pw\":1,\"op\":\"hello\",\"name\":\"threshold\",\"in_dtype\":\"<f4\",\"out_dtype\":\"<u4\","
    "\"components\":true,\"connectivity\":1,\"bytes_per_voxel\":8}\n";

/* What follows "key": in line.  Every number that is needed here is in "id", "in" or "out", in this order. */
static const char *find(const char *line, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (at == NULL) {
        fprintf(stderr, "threshold_shm: no %s in %s", quoted, line);
        exit(1);
    }
    return at + strlen(quoted);
}

/* All shared memory: it has its size from the first tile on. */
static char *map_all(void)
{
    struct stat st;
    int fd = atoi(getenv("PW_SHM_FD"));
    char *memory =
        fstat(fd, &st) == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    return memory != MAP_FAILED ? memory : NULL;
}

/* Connected components of voxels above threshold, in at most 3 dimensions; 0 when there is no memory. */
static int label(const float *voxels, const long shape[3], float threshold, uint32_t *labels)
{
    long rows = shape[1], columns = shape[2], plane = rows * columns, n = shape[0] * plane;
    size_t *stack = malloc((size_t)n * sizeof *stack);
    uint32_t count = 0;
    if (stack == NULL)
        return 0;
    for (long i = 0; i < n; i++)
        labels[i] = voxels[i] > threshold ? UINT32_MAX : 0; /* to be labelled, or background */
    for (long first = 0; first < n; first++) {
        size_t depth = 0;
        if (labels[first] != UINT32_MAX)
            continue;
        labels[first] = ++count;
        stack[depth++] = (size_t)first;
        while (depth > 0) {
            long at = (long)stack[--depth], x = at % columns, y = at / columns % rows, z = at / plane;
            const long step[6] = {x > 0 ? -1 : 0,       x + 1 < columns ? 1 : 0,
                                  y > 0 ? -columns : 0, y + 1 < rows ? columns : 0,
                                  z > 0 ? -plane : 0,   z + 1 < shape[0] ? plane : 0};
            for (int i = 0; i < 6; i++)
                if (step[i] != 0 && labels[at + step[i]] == UINT32_MAX) {
                    labels[at + step[i]] = count;
                    stack[depth++] = (size_t)(at + step[i]);
                }
        }
    }
    free(stack);
    return 1;
}

static void answer(FILE *control, char *memory, const char *line, float threshold)
{
    long shape[3];
    const char *in = find(line, "in"), *out = find(line, "out");
    long long id = atoll(find(line, "id"));
    int found = sscanf(find(in, "shape"), "[%ld,%ld,%ld]", &shape[0], &shape[1], &shape[2]) == 3;
    if (found && label((const float *)(memory + atoll(find(in, "off"))), shape, threshold,
                       (uint32_t *)(memory + atoll(find(out, "off")))))
        fprintf(control, "{\"id\":%lld,\"ok\":true}\n", id);
    else
        fprintf(control, "{\"id\":%lld,\"error\":\"out of memory\",\"oom\":true}\n", id);
}

int main(int argc, char **argv)
{
    static char line[65536 + 1];
    char *memory = NULL;
    if (argc != 2 || getenv("PW_CTL_FD") == NULL) {
        fputs("usage: pw-stream run IMAGE --fn 'exec:threshold_shm THRESHOLD'\n", stderr);
        return 1;
    }
    /* Two streams: between reading and writing, one would have to be positioned, and a socket has no positions. */
    int fd = atoi(getenv("PW_CTL_FD"));
    FILE *requests = fdopen(fd, "r"), *answers = fdopen(fd, "w");
    fputs(hello, answers);
    fflush(answers);
    while (fgets(line, sizeof line, requests) != NULL && strstr(line, "\"op\":\"tile\"") != NULL) {
        if (memory == NULL && (memory = map_all()) == NULL) {
            perror("threshold_shm: shared memory");
            return 1;
        }
        answer(answers, memory, line, strtof(argv[1], NULL));
        fflush(answers);
    }
    return 0; /* "bye", or pw-stream has gone */
}
