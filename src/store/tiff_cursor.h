/*
 * store/tiff_cursor - one thread's place in the pages of one or several TIFF files.
 *
 *     struct pw_tiff_cursor cursor = {.shared_fd = fd};       -1: files are opened by their paths
 *     pw_tiff_cursor_seek(&cursor, index, page, error)        page is then cursor.handle's current one
 *     pw_tiff_cursor_release(&cursor);
 *
 * A cursor has one file open at a time.  Threads: a cursor belongs to one at a time.
 */
#ifndef PW_STORE_TIFF_CURSOR_H
#define PW_STORE_TIFF_CURSOR_H

#include "store/tiff_index.h"

struct pw_tiff_cursor {
    int shared_fd;          /* of the only file, not owned; or -1 */
    int own_fd;             /* of the open file, when shared_fd is -1 */
    struct pw_tiff *handle; /* NULL: nothing is open */
    uint32_t file;
    uint64_t page;      /* index of the current page */
    int page_is_chosen; /* page says something */
};

/* Errors: those of opening and of pw_tiff_select(). */
enum pw_status pw_tiff_cursor_seek(struct pw_tiff_cursor *cursor, const struct pw_tiff_index *index, uint64_t page,
                                   struct pw_error *error);
void pw_tiff_cursor_release(struct pw_tiff_cursor *cursor); /* safe on a zeroed one */

#endif
