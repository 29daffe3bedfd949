#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/io.h"

/* Every engine against what was written: offsets that are nothing's multiple, files shorter than asked for. */
enum {
    FILE_BYTES = 300001,
    DEPTH = 4,
    MANY = 97
};

static char directory[64], path[96];
static unsigned char content[FILE_BYTES], buffer[FILE_BYTES + 64];

static const enum pw_io_engine engines[] = {PW_IO_SYNC, PW_IO_MMAP, PW_IO_URING, PW_IO_AUTO};
enum {
    N_ENGINES = sizeof engines / sizeof engines[0]
};

static void make_file(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/pw-io-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof path, "%s/bytes", directory);
    uint32_t state = 1;
    for (size_t i = 0; i < FILE_BYTES; i++) {
        state = state * 1664525u + 1013904223u;
        content[i] = (unsigned char)(state >> 24);
    }
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(content, 1, FILE_BYTES, file) == FILE_BYTES);
    cr_assert(fclose(file) == 0);
}

static void remove_file(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

/* The engine, or NULL where the kernel grants no ring. */
static struct pw_io *open_engine(enum pw_io_engine engine)
{
    struct pw_io *io = NULL;
    struct pw_error error = {0};
    enum pw_status status = pw_io_open(engine, DEPTH, &io, &error);
    if (engine == PW_IO_URING && !pw_io_uring_works()) {
        cr_assert(status == PW_E_UNSUPPORTED && error.message[0] != '\0');
        return NULL;
    }
    cr_assert(status == PW_OK, "%s", error.message);
    return io;
}

static struct pw_read *read_one(struct pw_io *io, struct pw_read *read)
{
    pw_io_submit(io, read);
    struct pw_read *done = pw_io_wait(io);
    cr_assert(done == read);
    cr_assert(pw_io_wait(io) == NULL, "nothing else is under way");
    return done;
}

static int count_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert(dir != NULL);
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n;
}

TestSuite(io, .init = make_file, .fini = remove_file);

Test(io, a_descriptor_is_read_at_any_offset)
{
    static const size_t offset[] = {0, 1, 511, 4095, 4096, 4097, 65537, FILE_BYTES - 1};
    static const size_t length[] = {1, 7, 4096, 100003};
    int fd = open(path, O_RDONLY);
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        for (size_t o = 0; io != NULL && o < sizeof offset / sizeof offset[0]; o++)
            for (size_t l = 0; l < sizeof length / sizeof length[0]; l++) {
                size_t there = FILE_BYTES - offset[o] < length[l] ? FILE_BYTES - offset[o] : length[l];
                struct pw_read read = {.fd = fd, .offset = offset[o], .length = length[l], .buffer = buffer};
                (void)read_one(io, &read);
                cr_assert(read.sys_errno == 0 && read.got == there, "%s: %zu of %zu at %zu", pw_io_name(io), read.got,
                          there, offset[o]);
                cr_assert(memcmp(read.data, content + offset[o], there) == 0, "%s at %zu", pw_io_name(io), offset[o]);
                pw_io_done(io, &read);
            }
        pw_io_close(io);
    }
    (void)close(fd);
}

Test(io, reading_behind_the_end_gets_nothing)
{
    int fd = open(path, O_RDONLY);
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        if (io == NULL)
            continue;
        struct pw_read by_fd = {.fd = fd, .offset = FILE_BYTES, .length = 10, .buffer = buffer};
        struct pw_read by_path = {.fd = -1, .path = path, .offset = FILE_BYTES + 5, .length = 10, .buffer = buffer};
        (void)read_one(io, &by_fd);
        cr_assert(by_fd.sys_errno == 0 && by_fd.got == 0);
        pw_io_done(io, &by_fd);
        (void)read_one(io, &by_path);
        cr_assert(by_path.sys_errno == 0 && by_path.got == 0);
        pw_io_done(io, &by_path);
        pw_io_close(io);
    }
    (void)close(fd);
}

Test(io, a_path_is_read_as_far_as_it_goes)
{
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        if (io == NULL)
            continue;
        struct pw_read read = {.fd = -1, .path = path, .length = sizeof buffer, .buffer = buffer};
        (void)read_one(io, &read);
        cr_assert(read.sys_errno == 0 && read.got == FILE_BYTES);
        cr_assert(memcmp(read.data, content, FILE_BYTES) == 0);
        cr_assert(read.fd == -1, "what was opened for the read is closed with it");
        pw_io_done(io, &read);
        pw_io_close(io);
    }
}

Test(io, what_cannot_be_read_says_why)
{
    char missing[128];
    (void)snprintf(missing, sizeof missing, "%s/missing", directory);
    int descriptors = count_descriptors();
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        if (io == NULL)
            continue;
        struct pw_read nothing = {.fd = -1, .path = missing, .length = 10, .buffer = buffer};
        struct pw_read folder = {.fd = -1, .path = directory, .length = 10, .buffer = buffer};
        struct pw_read device = {.fd = -1, .path = "/dev/zero", .length = 10, .buffer = buffer};
        cr_assert(read_one(io, &nothing)->sys_errno == ENOENT);
        cr_assert(read_one(io, &folder)->sys_errno == EISDIR);
        cr_assert(read_one(io, &device)->sys_errno == EINVAL, "a chunk is a file; a device may never end");
        pw_io_done(io, &nothing);
        pw_io_done(io, &folder);
        pw_io_done(io, &device);
        pw_io_close(io);
    }
    cr_assert(count_descriptors() == descriptors);
}

/* More than the engine's depth, each by a path that its caller forgets at once, as the chunk loader does. */
Test(io, many_reads_complete_once_each_and_leave_no_descriptor)
{
    static unsigned char out[MANY][5000];
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        if (io == NULL)
            continue;
        int descriptors = count_descriptors(), seen[MANY] = {0};
        struct pw_read read[MANY];
        for (size_t i = 0; i < MANY; i++) {
            char forgotten[sizeof path];
            memcpy(forgotten, path, sizeof path);
            read[i] = (struct pw_read){
                .fd = -1, .path = forgotten, .offset = 3001 * i, .length = 5000, .buffer = out[i], .tag = &seen[i]};
            pw_io_submit(io, &read[i]);
            memset(forgotten, 'x', sizeof forgotten);
            read[i].path = NULL;
        }
        for (size_t i = 0; i < MANY; i++) {
            struct pw_read *done = pw_io_wait(io);
            cr_assert(done != NULL);
            ++*(int *)done->tag;
            size_t rest = FILE_BYTES - done->offset, there = rest < 5000 ? rest : 5000;
            cr_assert(done->sys_errno == 0 && done->got == there);
            cr_assert(memcmp(done->data, content + done->offset, there) == 0);
            pw_io_done(io, done);
        }
        cr_assert(pw_io_wait(io) == NULL);
        for (size_t i = 0; i < MANY; i++)
            cr_assert(seen[i] == 1);
        cr_assert(count_descriptors() == descriptors, "%s leaves files open", pw_io_name(io));
        pw_io_close(io);
    }
}

Test(io, a_lent_mapping_is_given_back)
{
    struct pw_io *io = open_engine(PW_IO_MMAP);
    struct pw_read read = {.fd = -1, .path = path, .offset = 4097, .length = 9000, .buffer = buffer};
    memset(buffer, 0, sizeof buffer);
    (void)read_one(io, &read);
    cr_assert(read.data != read.buffer && memcmp(read.data, content + 4097, 9000) == 0);
    cr_assert(buffer[0] == 0 && buffer[8999] == 0, "the caller's buffer is not touched");
    cr_assert(read.mapping != NULL);
    pw_io_done(io, &read);
    cr_assert(read.mapping == NULL && read.data == NULL);
    pw_io_done(io, &read); /* once more does no harm */
    pw_io_close(io);
}

Test(io, closing_waits_for_what_is_under_way)
{
    for (int e = 0; e < N_ENGINES; e++) {
        struct pw_io *io = open_engine(engines[e]);
        if (io == NULL)
            continue;
        int descriptors = count_descriptors();
        struct pw_read read[DEPTH];
        memset(buffer, 0, sizeof buffer);
        for (size_t i = 0; i < DEPTH; i++) {
            read[i] = (struct pw_read){
                .fd = -1, .path = path, .offset = 1000 * i, .length = 1000, .buffer = buffer + 1000 * i};
            pw_io_submit(io, &read[i]);
        }
        pw_io_close(io);
        cr_assert(count_descriptors() <= descriptors);
        if (engines[e] != PW_IO_MMAP)
            cr_assert(memcmp(buffer, content, 1000 * DEPTH) == 0);
    }
}
