/* What is read before its turn: which pieces of an image, and whether a file's bytes were there when they were asked for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "run/band_ahead.h"
#include "sys/file.h"

/* ---- pieces ---- */

static void make_tasks(struct pw_source *source, struct pw_band_tasks *tasks, uint64_t stored_bytes)
{
    const uint64_t shape[3] = {20, 100, 70}, chunk[3] = {8, 32, 32}; /* 3 bands of 4 x 3 chunks */
    *source = (struct pw_source){.capabilities = PW_SOURCE_CHUNKED, .stored_bytes_max = stored_bytes};
    source->info.rank = 3;
    source->info.dtype = PW_U16;
    memcpy(source->info.shape, shape, sizeof shape);
    memcpy(source->info.chunk, chunk, sizeof chunk);
    *tasks = (struct pw_band_tasks){.source = source, .element_bytes = 2};
    cr_assert(pw_bands_choose(&source->info, 1, 8 * 100 * 70 * 2, &tasks->bands));
    cr_assert_eq(tasks->bands.count, 3);
}

/* From piece `from` on, in order, each once, never one that was taken, and all of them in the end. */
static void check_order(uint64_t stored_bytes, unsigned threads, uint64_t from)
{
    struct pw_source source;
    struct pw_band_tasks tasks;
    struct pw_band_ahead ahead;
    struct pw_band_task task;
    make_tasks(&source, &tasks, stored_bytes);
    pw_band_ahead_init(&ahead, &tasks, threads);
    uint64_t next = from, distance = ahead.distance;
    cr_assert(distance > threads || stored_bytes > 32 << 20);
    for (uint64_t taken = 1; taken <= 36; taken++) {
        pw_band_ahead_take(&ahead);
        if (taken < from) /* nobody has had to wait yet */
            continue;
        for (; pw_band_ahead_next(&ahead, &tasks, &task); next++) {
            cr_assert_eq(task.band * 12 + task.number, next);
            cr_assert_eq(task.region.start[0], task.band * 8);
            cr_assert(next >= taken && next < taken + distance);
        }
        cr_assert_eq(next, taken + distance < 36 ? taken + distance : 36);
    }
}

Test(band_ahead, announces_what_follows)
{
    for (unsigned threads = 1; threads <= 4; threads++)
        for (uint64_t from = 1; from <= 36; from += 7) {
            check_order((uint64_t)12 << 20, threads, from);
            check_order(1000, threads, from);
            check_order((uint64_t)1 << 40, threads, from);
        }
}

Test(band_ahead, nothing_where_nothing_is_decoded)
{
    struct pw_source source;
    struct pw_band_tasks tasks;
    struct pw_band_ahead ahead;
    struct pw_band_task task;
    make_tasks(&source, &tasks, 1000);
    source.capabilities |= PW_SOURCE_PLAIN;
    pw_band_ahead_init(&ahead, &tasks, 2);
    pw_band_ahead_take(&ahead);
    cr_assert_not(pw_band_ahead_next(&ahead, &tasks, &task));
}

/* ---- files ---- */

enum {
    BYTES = 3 << 20
};

struct file {
    int fd;
    unsigned char *bytes, *map;
};

static void make_file(struct file *file)
{
    char path[] = "./read_ahead.XXXXXX"; /* of the build's file system: one in memory would have its bytes always */
    file->fd = mkstemp(path);
    cr_assert(file->fd >= 0);
    cr_assert_eq(unlink(path), 0);
    file->bytes = malloc(BYTES);
    cr_assert_not_null(file->bytes);
    for (size_t i = 0; i < BYTES; i++)
        file->bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    cr_assert_eq(pw_file_write(file->fd, file->bytes, BYTES, 0, "file", NULL), PW_OK);
    cr_assert_eq(fsync(file->fd), 0);
    file->map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, file->fd, 0);
    cr_assert(file->map != MAP_FAILED);
}

static void release_file(struct file *file)
{
    (void)munmap(file->map, BYTES);
    free(file->bytes);
    (void)close(file->fd);
}

static size_t resident_pages(const struct file *file)
{
    static unsigned char is_there[BYTES / 4096];
    size_t n = 0;
    cr_assert_eq(mincore(file->map, BYTES, is_there), 0);
    for (size_t i = 0; i < sizeof is_there; i++)
        n += is_there[i] & 1;
    return n;
}

/* Out of memory; 0 where the system does not do that. */
static int forget(struct file *file)
{
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
    return resident_pages(file) == 0;
}

static int read_noting(const struct file *file, size_t n, uint64_t offset)
{
    unsigned char *got_bytes = malloc(BYTES + 100);
    int waited = 0;
    size_t got = 0, there = offset >= BYTES ? 0 : BYTES - (size_t)offset;
    cr_assert_not_null(got_bytes);
    cr_assert_eq(pw_file_read_noting(file->fd, got_bytes, n, offset, &got, &waited, "file", NULL), PW_OK);
    cr_assert_eq(got, n < there ? n : there);
    cr_assert(memcmp(got_bytes, file->bytes + (there > 0 ? offset : 0), got) == 0);
    free(got_bytes);
    return waited;
}

/* Whether the file system knows reading that does not wait. */
static int tells(const struct file *file)
{
    unsigned char byte;
    struct iovec one = {&byte, 1};
    return preadv2(file->fd, &one, 1, 0, RWF_NOWAIT) == 1 || errno == EAGAIN;
}

/* A page may be in somebody's hands for a moment, and memory is taken away from files: not so each time. */
static int reads_without_waiting(const struct file *file, size_t n, uint64_t offset)
{
    for (int i = 0; i < 100; i++)
        if (!read_noting(file, n, offset))
            return 1;
    return 0;
}

Test(file, says_whether_reading_had_to_wait)
{
    struct file file;
    make_file(&file);
    int forgets = forget(&file);
    int waited = read_noting(&file, BYTES, 0);
    cr_assert(waited || !forgets);
    if (tells(&file)) {
        cr_assert(reads_without_waiting(&file, BYTES, 0));
        cr_assert(reads_without_waiting(&file, 1000, 12345));
        cr_assert(reads_without_waiting(&file, BYTES + 100, 0), "the end of a file is nothing to wait for");
    }
    cr_assert_not(read_noting(&file, 100, BYTES));
    cr_assert_not(read_noting(&file, 0, 0));
    release_file(&file);
}

Test(file, begins_to_read_what_is_expected)
{
    struct file file;
    make_file(&file);
    int forgets = forget(&file);
    pw_file_expect(file.fd, 0, 0);
    const struct timespec moment = {0, 10000000};
    for (int i = 0; forgets && resident_pages(&file) == 0; i++) {
        cr_assert_lt(i, 1000, "ten seconds later no page of the file is in memory");
        (void)nanosleep(&moment, NULL);
    }
    (void)read_noting(&file, BYTES, 0);
    release_file(&file);
}
