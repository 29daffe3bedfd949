#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/error.h"

#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

enum pw_status pw_buffer_init(struct pw_buffer *buffer, uint64_t bytes, const char *what, struct pw_error *error)
{
    uint64_t page = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : 4096;
    uint64_t rounded;
    size_t size;
    memset(buffer, 0, sizeof *buffer);
    if (!pw_add_u64(bytes, page, &rounded) || !pw_to_size(rounded, &size))
        return pw_fail(error, PW_E_NOMEM, "%s: %llu bytes do not fit an address space", what,
                       (unsigned long long)bytes);
    size = (size_t)(pw_ceil_div(bytes, page) * page);
    if (size == 0)
        size = 4096;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        return pw_fail_errno(error, PW_E_NOMEM, errno, "%s: cannot reserve %llu bytes", what,
                             (unsigned long long)bytes);
    if (page == HUGE_PAGE_BYTES)
        (void)madvise(data, size, MADV_HUGEPAGE);
    buffer->data = data;
    buffer->bytes = size;
    return PW_OK;
}

void pw_buffer_release(struct pw_buffer *buffer)
{
    if (buffer->data != NULL)
        (void)munmap(buffer->data, buffer->bytes);
    memset(buffer, 0, sizeof *buffer);
}

void *pw_alloc(uint64_t count, size_t element_bytes, struct pw_error *error)
{
    uint64_t bytes;
    size_t size;
    void *p = NULL;
    if (pw_mul_u64(count, element_bytes, &bytes) && pw_to_size(bytes, &size))
        p = calloc(count ? (size_t)count : 1, element_bytes);
    if (p == NULL)
        (void)pw_fail(error, PW_E_NOMEM, "out of memory: %llu elements of %zu bytes", (unsigned long long)count,
                      element_bytes);
    return p;
}

char *pw_strdup(const char *text, struct pw_error *error)
{
    char *copy = strdup(text);
    if (copy == NULL)
        (void)pw_fail(error, PW_E_NOMEM, "out of memory");
    return copy;
}
