#include "png_file.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* libpng reports through these and longjmps; the text is kept until the caller knows the path. */
static void on_error(png_structp png, png_const_charp message)
{
    char *text = png_get_error_ptr(png);
    (void)snprintf(text, 200, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Returns 0 with text filled on failure.  No automatic variable is changed after setjmp. */
static int write_rows(FILE *file, uint32_t height, uint32_t width, pw_png_row make_row, const void *picture,
                      unsigned char *rgb, char *text)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, text, on_error, on_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        (void)snprintf(text, 200, "libpng could not start");
        return 0;
    }
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t row = 0; row < height; row++) {
        make_row(picture, row, rgb);
        png_write_row(png, rgb);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 1;
}

static enum pw_status fail(struct pw_error *error, enum pw_status status, const char *path, const char *why)
{
    error->status = status;
    (void)snprintf(error->message, sizeof error->message, "%s: %s", path, why);
    return status;
}

/* Writes to where; messages name path, the file that the user asked for. */
static enum pw_status write_file(const char *where, const char *path, uint32_t height, uint32_t width,
                                 pw_png_row make_row, const void *picture, unsigned char *rgb, struct pw_error *error)
{
    FILE *file = fopen(where, "wb");
    if (file == NULL)
        return fail(error, PW_E_IO, path, strerror(errno));
    char text[200] = "";
    errno = 0;
    int written = write_rows(file, height, width, make_row, picture, rgb, text);
    int write_errno = errno;
    if (fclose(file) == 0 && written)
        return PW_OK;
    write_errno = written ? errno : write_errno;
    return fail(error, PW_E_IO, path, write_errno != 0 ? strerror(write_errno) : text);
}

/* A device or a pipe is written to; renaming a file over it would replace it. */
static int is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

enum pw_status pw_png_check(const char *path, int overwrite, struct pw_error *error)
{
    struct stat info;
    size_t n = strlen(path);
    if (is_special(path))
        return PW_OK;
    if (n < 5 || strcasecmp(path + n - 4, ".png") != 0)
        return fail(error, PW_E_ARGUMENT, path, "the picture is a PNG; end its name in .png");
    if (lstat(path, &info) == 0 && !overwrite)
        return fail(error, PW_E_EXISTS, path, "exists already; --overwrite replaces it");
    return PW_OK;
}

enum pw_status pw_png_write(const char *path, uint32_t height, uint32_t width, pw_png_row make_row, const void *picture,
                            struct pw_error *error)
{
    unsigned char *rgb = malloc((size_t)width * 3);
    char *temporary = NULL;
    if (rgb == NULL || asprintf(&temporary, "%s.%ld.part", path, (long)getpid()) < 0) {
        free(rgb);
        return fail(error, PW_E_NOMEM, path, "out of memory");
    }
    enum pw_status status;
    if (is_special(path)) {
        status = write_file(path, path, height, width, make_row, picture, rgb, error);
        goto out;
    }
    status = write_file(temporary, path, height, width, make_row, picture, rgb, error);
    if (status == PW_OK && rename(temporary, path) != 0)
        status = fail(error, PW_E_IO, path, strerror(errno));
    if (status != PW_OK)
        (void)unlink(temporary);
out:
    free(temporary);
    free(rgb);
    return status;
}
