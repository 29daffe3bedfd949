#include "store/tiff_cursor.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

static void close_file(struct pw_tiff_cursor *cursor)
{
    pw_tiff_close(cursor->handle);
    if (cursor->handle != NULL && cursor->shared_fd < 0)
        (void)close(cursor->own_fd);
    cursor->handle = NULL;
    cursor->page_is_chosen = 0;
}

static enum pw_status open_file(struct pw_tiff_cursor *cursor, const char *path, struct pw_error *error)
{
    cursor->own_fd = -1;
    enum pw_status status = cursor->shared_fd < 0 ? pw_file_open_read(path, &cursor->own_fd, error) : PW_OK;
    if (status != PW_OK)
        return status;
    status = pw_tiff_open(cursor->shared_fd < 0 ? cursor->own_fd : cursor->shared_fd, path, &cursor->handle, error);
    if (status != PW_OK && cursor->own_fd >= 0)
        (void)close(cursor->own_fd);
    return status;
}

enum pw_status pw_tiff_cursor_seek(struct pw_tiff_cursor *cursor, const struct pw_tiff_index *index, uint64_t page,
                                   struct pw_error *error)
{
    const struct pw_tiff_page *wanted = &index->page[page];
    enum pw_status status = PW_OK;
    if (cursor->page_is_chosen && cursor->page == page)
        return PW_OK;
    cursor->page_is_chosen = 0;
    if (cursor->handle != NULL && cursor->file != wanted->file)
        close_file(cursor);
    if (cursor->handle == NULL)
        status = open_file(cursor, index->file[wanted->file].path, error);
    cursor->file = wanted->file;
    if (status == PW_OK)
        status = pw_tiff_select(cursor->handle, index, wanted, error);
    cursor->page = page;
    cursor->page_is_chosen = status == PW_OK;
    return status;
}

void pw_tiff_cursor_release(struct pw_tiff_cursor *cursor)
{
    close_file(cursor);
}
