/*
 * Lends the page cache itself: a read is a mapping of its range, given back by
 * pw_io_done().  The kernel is told to bring the range in at once; the worker
 * that decodes it then faults pages that are there.
 *
 * A file that another process truncates meanwhile raises SIGBUS: the price of
 * mapping, and why this is not the automatic choice for chunk files.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "io/engine.h"

static enum pw_status mmap_open(unsigned depth, void **state, struct pw_error *error)
{
    (void)depth;
    (void)error;
    *state = NULL;
    return PW_OK;
}

static void mmap_close(void *state)
{
    (void)state;
}

static int mmap_start(void *state, struct pw_read *read)
{
    (void)state;
    struct stat st;
    if (fstat(read->fd, &st) != 0) {
        read->sys_errno = errno;
        return 1;
    }
    uint64_t size = (uint64_t)st.st_size;
    if (read->offset >= size)
        return 1;
    size_t length = (size_t)pw_min_u64(read->length, size - read->offset);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t start = read->offset / page * page;
    size_t lead = (size_t)(read->offset - start);
    void *mapping = mmap(NULL, length + lead, PROT_READ, MAP_SHARED, read->fd, (off_t)start);
    if (mapping == MAP_FAILED) {
        read->sys_errno = errno;
        return 1;
    }
    (void)madvise(mapping, length + lead, MADV_WILLNEED);
    read->mapping = mapping;
    read->mapping_bytes = length + lead;
    read->data = (const char *)mapping + lead;
    read->got = length;
    return 1;
}

static size_t mmap_memory_bytes(unsigned depth)
{
    (void)depth;
    return 0; /* the mapped pages stand in for the caller's buffers, which stay untouched */
}

const struct pw_io_engine_ops pw_io_mmap_ops = {
    .name = "mmap",
    .open = mmap_open,
    .close = mmap_close,
    .start = mmap_start,
    .memory_bytes = mmap_memory_bytes,
};
