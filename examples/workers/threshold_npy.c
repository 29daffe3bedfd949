/*
 * A filter for --worker-io npy, and for pw-stream tiles | filter | pw-stream collect: one .npy after the other from
 * standard input, for each one .npy of labels to standard output.
 *
 *     cc -O2 -o threshold_npy examples/workers/threshold_npy.c
 *     pw-stream run image.tif --fn 'exec:./threshold_npy 300' --worker-io npy --merge touch -o labels.zarr
 *
 * Voxels above the threshold that touch in a face are one label.  It takes uint8 and uint16, a plane or a volume.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One frame: its header says its type and its shape. */
struct frame {
    int bytes; /* of a voxel */
    long shape[3];
    int rank;
};

static int fail(const char *text)
{
    fprintf(stderr, "threshold_npy: %s\n", text);
    return 1;
}

/* "\x93NUMPY", version 1.0, the length of the header in two bytes, and the header, a Python dictionary. */
static int read_header(struct frame *frame)
{
    unsigned char head[10];
    char text[4096] = "";
    size_t got = fread(head, 1, sizeof head, stdin);
    if (got == 0)
        return 0; /* the end: no more tiles */
    size_t n = (size_t)head[8] | (size_t)head[9] << 8;
    if (got < sizeof head || memcmp(head, "\x93NUMPY\x01", 7) != 0 || n >= sizeof text || fread(text, 1, n, stdin) != n)
        return -1;
    const char *type = strstr(text, "'descr': '"), *shape = strstr(text, "'shape': (");
    if (type == NULL || shape == NULL || strchr("u", type[11]) == NULL)
        return -1;
    frame->bytes = atoi(type + 12);
    shape += strlen("'shape': (");
    for (frame->rank = 0; frame->rank < 3 && *shape != ')'; frame->rank++) {
        char *end;
        frame->shape[frame->rank] = strtol(shape, &end, 10);
        shape = end + strspn(end, ", ");
    }
    return frame->bytes == 1 || frame->bytes == 2 ? 1 : -1;
}

static int write_frame(const struct frame *frame, const uint32_t *labels, size_t n)
{
    char shape[80] = "", text[246];
    for (int i = 0; i < frame->rank; i++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%ld, ", frame->shape[i]);
    int used = snprintf(text, sizeof text, "{'descr': '<u4', 'fortran_order': False, 'shape': (%s), }", shape);
    memset(text + used, ' ', sizeof text - (size_t)used);
    text[sizeof text - 1] = '\n';
    fwrite("\x93NUMPY\x01\x00\xf6\x00", 1, 10, stdout); /* 0xf6: 246 bytes follow */
    fwrite(text, 1, sizeof text, stdout);
    fwrite(labels, sizeof *labels, n, stdout);
    return fflush(stdout) == 0; /* pw-stream waits for it */
}

/* Labels of the voxels above threshold: a voxel that has none yet floods what it is connected with. */
static void label(const struct frame *frame, const unsigned char *voxels, long threshold, uint32_t *labels,
                  size_t *stack)
{
    long planes = frame->rank == 3 ? frame->shape[0] : 1;
    long rows = frame->shape[frame->rank - 2], columns = frame->shape[frame->rank - 1];
    size_t n = (size_t)(planes * rows * columns);
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        long value = frame->bytes == 1 ? voxels[i] : voxels[2 * i] | voxels[2 * i + 1] << 8;
        labels[i] = value > threshold ? UINT32_MAX : 0; /* to be labelled, or background */
    }
    for (size_t first = 0; first < n; first++) {
        size_t depth = 0;
        if (labels[first] != UINT32_MAX)
            continue;
        labels[first] = ++count;
        stack[depth++] = first;
        while (depth > 0) {
            size_t at = stack[--depth];
            long x = (long)at % columns, y = (long)at / columns % rows, z = (long)at / columns / rows;
            size_t next[6], found = 0;
            if (x > 0)
                next[found++] = at - 1;
            if (x + 1 < columns)
                next[found++] = at + 1;
            if (y > 0)
                next[found++] = at - (size_t)columns;
            if (y + 1 < rows)
                next[found++] = at + (size_t)columns;
            if (z > 0)
                next[found++] = at - (size_t)(columns * rows);
            if (z + 1 < planes)
                next[found++] = at + (size_t)(columns * rows);
            for (size_t i = 0; i < found; i++)
                if (labels[next[i]] == UINT32_MAX) {
                    labels[next[i]] = count;
                    stack[depth++] = next[i];
                }
        }
    }
}

static int segment(const struct frame *frame, long threshold)
{
    size_t n = 1;
    for (int i = 0; i < frame->rank; i++)
        n *= (size_t)frame->shape[i];
    unsigned char *voxels = malloc(n * (size_t)frame->bytes);
    uint32_t *labels = malloc(n * sizeof *labels);
    size_t *stack = malloc(n * sizeof *stack);
    int done = voxels != NULL && labels != NULL && stack != NULL && fread(voxels, (size_t)frame->bytes, n, stdin) == n;
    if (done) {
        label(frame, voxels, threshold, labels, stack);
        done = write_frame(frame, labels, n);
    }
    free(voxels);
    free(labels);
    free(stack);
    return done;
}

int main(int argc, char **argv)
{
    struct frame frame;
    int more;
    if (argc != 2)
        return fail("usage: threshold_npy THRESHOLD");
    while ((more = read_header(&frame)) > 0)
        if (!segment(&frame, atol(argv[1])))
            return fail("a frame is not whole");
    return more == 0 ? 0 : fail("no .npy, version 1, of uint8 or uint16");
}
