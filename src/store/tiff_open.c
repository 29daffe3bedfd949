/* One TIFF file, or the set of files that the OME-XML in it, or in a companion file, speaks of. */
#include "store/tiff_open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/linear_source.h"
#include "store/tiff_levels.h"
#include "store/tiff_ome.h"
#include "sys/file.h"

enum {
    OME_BYTES_MAX = 64 << 20 /* of a companion file */
};

/* ------------------------------------------------------------------------ *
 * Files
 * ------------------------------------------------------------------------ */

/* An open file, for as long as the source is set up. */
struct opened {
    int fd;
    struct pw_tiff *handle;
};

static enum pw_status open_file(const char *path, struct opened *opened, struct pw_error *error)
{
    uint64_t file_bytes;
    *opened = (struct opened){.fd = -1};
    enum pw_status status = pw_input_open(path, &opened->fd, &file_bytes, error);
    return status == PW_OK ? pw_tiff_open(opened->fd, path, &opened->handle, error) : status;
}

static void close_file(struct opened *opened)
{
    pw_tiff_close(opened->handle);
    if (opened->fd >= 0)
        (void)close(opened->fd);
    *opened = (struct opened){.fd = -1};
}

enum pw_status pw_tiff_add_file(struct pw_tiff_source *tiff, const char *path, uint32_t reference, int keep_fd,
                                struct pw_error *error)
{
    struct opened opened;
    enum pw_status status = open_file(path, &opened, error);
    if (status == PW_OK)
        status = pw_tiff_index_add(opened.handle, reference, &tiff->index, error);
    if (status == PW_OK && keep_fd) {
        tiff->fd = opened.fd;
        pw_tiff_close(opened.handle);
        return PW_OK;
    }
    close_file(&opened);
    return status;
}

/* ------------------------------------------------------------------------ *
 * Descriptions without OME-XML
 * ------------------------------------------------------------------------ */

enum pw_status pw_tiff_repeat_page(struct pw_tiff_source *tiff, const char *path, uint64_t n, struct pw_error *error)
{
    struct opened opened;
    enum pw_status status = open_file(path, &opened, error);
    if (status == PW_OK)
        status = pw_tiff_index_repeat(opened.handle, &tiff->index, n, error);
    close_file(&opened);
    return status;
}

/* 1: OME-XML of this file alone arranges its pages; 0: there is none, or it does not agree. */
static int arrange_ome(const struct pw_tiff_index *index, const char *path, struct pw_tiff_stack *stack,
                       struct pw_error *error)
{
    struct pw_ome ome = {0};
    struct pw_tiff_ome_set set = {0};
    int told = index->description != NULL ? pw_ome_parse(index->description, NULL, &ome, error) : 0;
    if (told == 1)
        told = pw_tiff_ome_files(&ome, path, 1, &set, NULL) == PW_OK && set.n == 1 && strcmp(set.path[0], path) == 0;
    if (told == 1)
        told = pw_tiff_ome_stack(stack, index, &ome, &set, error);
    pw_tiff_ome_set_release(&set);
    pw_ome_release(&ome);
    return told;
}

enum pw_status pw_tiff_arrange(struct pw_tiff_source *tiff, const char *path, struct pw_tiff_stack *stack,
                               struct pw_error *error)
{
    struct pw_tiff_index *index = &tiff->index;
    struct opened opened;
    memset(stack, 0, sizeof *stack);
    int told = arrange_ome(index, path, stack, error);
    if (told != 0)
        return told > 0 ? PW_OK : (enum pw_status)told;
    pw_tiff_stack_init(stack, index);
    enum pw_status status = pw_tiff_stk_check(index, stack, path, error);
    if (status != PW_OK)
        return status;
    if (stack->one_page)
        return pw_tiff_repeat_page(tiff, path, stack->n_planes, error);
    if (!stack->plain_pages || !index->has_below)
        return PW_OK;
    /* Nobody said how the pages are arranged: those below others count as pages too. */
    status = open_file(path, &opened, error);
    if (status == PW_OK)
        status = pw_tiff_index_subdirectories(opened.handle, index, error);
    close_file(&opened);
    pw_tiff_stack_plain(stack, index->n_pages);
    return status;
}

/* ------------------------------------------------------------------------ *
 * OME-XML
 * ------------------------------------------------------------------------ */

/* Opens the files of the set one after the other.  A file that cannot be found is named together with who wants it. */
static enum pw_status add_set(struct pw_tiff_source *tiff, const char *path, const struct pw_tiff_ome_set *set,
                              struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint32_t i = 0; i < set->n && status == PW_OK; i++) {
        if (access(set->path[i], F_OK) != 0)
            return pw_fail(error, errno == ENOENT ? PW_E_NOT_FOUND : PW_E_IO,
                           "%s: is missing; the OME-XML of %s says that planes are in it", set->path[i], path);
        status = pw_tiff_add_file(tiff, set->path[i], set->first_ifd[i], set->n == 1, error);
    }
    return status;
}

/* Drops what the description made believe, so that the file can be read as it is. */
static void start_again(struct pw_tiff_source *tiff)
{
    pw_tiff_stack_release(&tiff->stack);
    pw_tiff_index_release(&tiff->index);
    if (tiff->fd >= 0)
        (void)close(tiff->fd);
    tiff->fd = -1;
}

/* The names of channels, and of the images when there are several. */
static void take_names(struct pw_tiff_source *tiff, struct pw_ome *ome)
{
    tiff->base.channel_names = ome->channels;
    memset(&ome->channels, 0, sizeof ome->channels);
    tiff->base.channel_shows = ome->channel_shows;
    memset(&ome->channel_shows, 0, sizeof ome->channel_shows);
    tiff->series = ome->image;
    if (ome->images.n < 2)
        return;
    tiff->base.series_names = ome->images;
    memset(&ome->images, 0, sizeof ome->images);
}

/* 1: the source has its pages and their arrangement; 0: the description is not believed; negative: a status. */
static int use_ome(struct pw_tiff_source *tiff, const char *path, const char *text, int has_planes, const char *series,
                   struct pw_error *error)
{
    struct pw_ome ome = {0};
    struct pw_tiff_ome_set set = {0};
    int told = pw_ome_parse(text, series, &ome, error), parsed = told == 1;
    if (told == 1) {
        enum pw_status status = pw_tiff_ome_files(&ome, path, has_planes, &set, error);
        if (status == PW_OK)
            status = add_set(tiff, path, &set, error);
        told = status != PW_OK ? (int)status
               : set.n == 0    ? 0
                               : pw_tiff_ome_stack(&tiff->stack, &tiff->index, &ome, &set, error);
        if (told == 0 && (set.n > 1 || !has_planes))
            told = (int)pw_fail(error, PW_E_FORMAT,
                                "%s: its OME-XML does not agree with the pages of the files it names", path);
    }
    if (told == 1)
        take_names(tiff, &ome);
    tiff->ome_is_wrong = parsed && told == 0;
    pw_tiff_ome_set_release(&set);
    pw_ome_release(&ome);
    return told;
}

static const char *series_of(const struct pw_open_options *options)
{
    return options != NULL ? options->series : NULL;
}

static int names_several_files(const char *text, const char *path)
{
    struct pw_ome ome = {0};
    struct pw_tiff_ome_set set = {0};
    int several =
        pw_ome_parse(text, NULL, &ome, NULL) == 1 && pw_tiff_ome_files(&ome, path, 1, &set, NULL) == PW_OK && set.n > 1;
    pw_tiff_ome_set_release(&set);
    pw_ome_release(&ome);
    return several;
}

/* ------------------------------------------------------------------------ *
 * Opening
 * ------------------------------------------------------------------------ */

enum pw_status pw_tiff_finish(struct pw_tiff_source *tiff, const struct pw_open_options *options,
                              struct pw_error *error)
{
    pw_tiff_describe(&tiff->index, &tiff->stack, &tiff->axes, &tiff->base.info);
    tiff->base.info.series = tiff->series;
    enum pw_status status = pw_tiff_levels(tiff, options != NULL ? options->level : 0, error);
    if (status == PW_OK)
        pw_tiff_warn(tiff);
    return status == PW_OK ? pw_tiff_source_finish(tiff, error) : status;
}

static enum pw_status read_description(const char *path, char **text, struct pw_error *error)
{
    struct opened opened;
    char *found = NULL;
    enum pw_status status = open_file(path, &opened, error);
    *text = NULL;
    if (status == PW_OK && TIFFGetField(opened.handle->tif, TIFFTAG_IMAGEDESCRIPTION, &found) && found != NULL &&
        (*text = pw_strdup(found, error)) == NULL)
        status = PW_E_NOMEM;
    close_file(&opened);
    return status;
}

/* Pages of one kind; what the first describes are those that are like it. */
static enum pw_status use_pages(struct pw_tiff_source *tiff, const char *path, const char *series,
                                struct pw_error *error)
{
    start_again(tiff);
    struct pw_names *names = &tiff->base.series_names;
    enum pw_status status = pw_tiff_add_file(tiff, path, 0, 1, error);
    if (status == PW_OK)
        status = pw_tiff_kinds_names(&tiff->index.kinds, &tiff->index.form, names, error);
    if (status == PW_OK)
        status = pw_tiff_kinds_choose(names, path, series, &tiff->series, error);
    if (status != PW_OK)
        return status;
    tiff->n_kinds = names->n;
    tiff->larger_kind = series == NULL && pw_tiff_kinds_have_larger(&tiff->index.kinds, &tiff->index.form);
    if (names->n == 1)
        pw_names_release(names);
    if (tiff->series == 0)
        return pw_tiff_arrange(tiff, path, &tiff->stack, error);
    uint32_t first = tiff->index.kinds.other[tiff->series - 1].number;
    start_again(tiff);
    status = pw_tiff_add_file(tiff, path, first, 1, error);
    pw_tiff_stack_plain(&tiff->stack, tiff->index.n_pages);
    return status;
}

static enum pw_status set_up(struct pw_tiff_source *tiff, const char *path, const struct pw_open_options *options,
                             struct pw_error *error)
{
    char *text;
    enum pw_status status = read_description(path, &text, error);
    if (status != PW_OK)
        return status;
    int told = text != NULL ? use_ome(tiff, path, text, 1, series_of(options), error) : 0;
    free(text);
    if (told < 0)
        return (enum pw_status)told;
    if (told == 0)
        status = use_pages(tiff, path, series_of(options), error);
    return status == PW_OK ? pw_tiff_finish(tiff, options, error) : status;
}

static enum pw_status hand_out(struct pw_tiff_source *tiff, enum pw_status status, struct pw_source **source)
{
    if (status == PW_OK)
        *source = &tiff->base;
    else {
        pw_names_release(&tiff->base.channel_names);
        pw_names_release(&tiff->base.channel_shows);
        pw_names_release(&tiff->base.series_names);
        pw_tiff_source_close(&tiff->base);
    }
    return status;
}

static enum pw_status tiff_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    struct pw_tiff_source *tiff = pw_tiff_source_new(path, error);
    if (tiff == NULL)
        return PW_E_NOMEM;
    return hand_out(tiff, set_up(tiff, path, options, error), source);
}

int pw_tiff_open_set(const char *path, const struct pw_open_options *options, struct pw_source **source,
                     struct pw_error *error)
{
    char *text;
    struct pw_tiff_source *tiff = NULL;
    enum pw_status status = read_description(path, &text, error);
    int told = status != PW_OK ? (int)status : text != NULL && names_several_files(text, path);
    if (told == 1 && (tiff = pw_tiff_source_new(path, error)) == NULL)
        told = PW_E_NOMEM;
    if (told == 1)
        told = use_ome(tiff, path, text, 1, series_of(options), error);
    free(text);
    if (told == 1) {
        status = hand_out(tiff, pw_tiff_finish(tiff, options, error), source);
        return status == PW_OK ? 1 : (int)status;
    }
    if (tiff != NULL)
        pw_tiff_source_close(&tiff->base);
    return told;
}

static int tiff_recognise(const char *path, const unsigned char *head, size_t n)
{
    static const unsigned char magic[4][4] = {
        {'I', 'I', 42, 0}, {'M', 'M', 0, 42}, {'I', 'I', 43, 0}, {'M', 'M', 0, 43}};
    (void)path;
    for (int i = 0; n >= 4 && i < 4; i++)
        if (memcmp(head, magic[i], 4) == 0)
            return 1;
    return 0;
}

const struct pw_format pw_format_tiff = {
    .name = "TIFF", .recognise = tiff_recognise, .open = tiff_open, .has_series = 1};

/* ---- a companion file: the OME-XML of TIFF files beside it ---- */

static enum pw_status read_text(const char *path, char **text, struct pw_error *error)
{
    int fd;
    uint64_t bytes;
    *text = NULL;
    enum pw_status status = pw_input_open(path, &fd, &bytes, error);
    if (status != PW_OK)
        return status;
    if (bytes > OME_BYTES_MAX)
        status = pw_fail(error, PW_E_UNSUPPORTED, "%s: OME-XML of %llu bytes; at most %d are read", path,
                         (unsigned long long)bytes, OME_BYTES_MAX);
    else if ((*text = pw_alloc(bytes + 1, 1, error)) == NULL)
        status = PW_E_NOMEM;
    else
        status = pw_file_read_exactly(fd, *text, (size_t)bytes, 0, path, error);
    (void)close(fd);
    return status;
}

static enum pw_status companion_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                     struct pw_error *error)
{
    char *text = NULL;
    struct pw_tiff_source *tiff = pw_tiff_source_new(path, error);
    if (tiff == NULL)
        return PW_E_NOMEM;
    enum pw_status status = read_text(path, &text, error);
    if (status == PW_OK) {
        int told = use_ome(tiff, path, text, 0, series_of(options), error);
        status = told == 1 ? pw_tiff_finish(tiff, options, error)
                 : told < 0
                     ? (enum pw_status)told
                     : pw_fail(error, PW_E_FORMAT, "%s: OME-XML without an image whose planes are in files", path);
    }
    free(text);
    return hand_out(tiff, status, source);
}

/* XML whose first element is OME. */
static int companion_recognise(const char *path, const unsigned char *head, size_t n)
{
    size_t skip = n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    (void)path;
    if (n < skip + 5 || (memcmp(head + skip, "<?xml", 5) != 0 && memcmp(head + skip, "<OME", 4) != 0))
        return 0;
    return memmem(head, n, "<OME", 4) != NULL || memmem(head, n, ":OME", 4) != NULL;
}

const struct pw_format pw_format_ome_companion = {
    .name = "OME-XML", .recognise = companion_recognise, .open = companion_open, .has_series = 1};
