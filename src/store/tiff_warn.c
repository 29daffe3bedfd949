/* What the user should know of a TIFF file, though it was read. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/tiff_open.h"

enum {
    CAPACITY = sizeof((struct pw_image_info *)NULL)->warning
};
_Static_assert(CAPACITY == sizeof((struct pw_image_info *)NULL)->note, "one function appends to both");

/* Appends a sentence, if it fits. */
__attribute__((format(printf, 2, 3))) static void add(char text[CAPACITY], const char *format, ...)
{
    size_t used = strlen(text), at = used > 0 ? used + 2 : 0;
    va_list args;
    if (at >= CAPACITY)
        return;
    va_start(args, format);
    int n = vsnprintf(text + at, CAPACITY - at, format, args);
    va_end(args);
    if (n < 0 || at + (size_t)n >= CAPACITY)
        text[used] = '\0';
    else if (used > 0)
        memcpy(text + used, "; ", 2);
}

static uint64_t planes_missing(const struct pw_tiff_stack *stack)
{
    uint64_t n = 0;
    for (uint64_t i = 0; stack->page_of_plane != NULL && i < stack->n_planes; i++)
        n += stack->page_of_plane[i] == UINT64_MAX;
    return n;
}

static const char *unbelieved(const struct pw_tiff_source *tiff)
{
    const char *text = tiff->index.description;
    if (tiff->ome_is_wrong)
        return "OME-XML";
    int told = text != NULL && strncmp(text, "ImageJ=", 7) == 0 && tiff->series == 0 && tiff->index.n_pages > 1;
    return told ? "ImageJ description" : NULL;
}

void pw_tiff_warn(struct pw_tiff_source *tiff)
{
    struct pw_image_info *info = &tiff->base.info;
    const struct pw_tiff_index *index = &tiff->index;
    uint64_t missing = planes_missing(&tiff->stack);
    if (tiff->stack.plain_pages && unbelieved(tiff) != NULL)
        add(info->warning, "its %s does not agree with its pages and is not believed: they are taken in their order",
            unbelieved(tiff));
    if (missing > 0)
        add(info->warning, "%llu of %llu planes are not in it and read as 0", (unsigned long long)missing,
            (unsigned long long)tiff->stack.n_planes);
    /* Where there are several images, they are those of others. */
    if (index->n_files == 1 && tiff->base.series_names.n == 0 && index->n_pages > tiff->stack.n_planes - missing)
        add(info->warning, "%llu of its pages are not in its description and left out",
            (unsigned long long)(index->n_pages - (tiff->stack.n_planes - missing)));
    if (tiff->n_kinds > 1)
        add(tiff->larger_kind ? info->warning : info->note,
            "pages of another size or type are left out; --series 0 to %d reads each kind", tiff->n_kinds - 1);
    if (index->orientation > 1)
        add(info->note, "Orientation %u: rows and columns are taken as they are stored", index->orientation);
    if (index->white_is_zero)
        add(info->note, "MinIsWhite: values are taken as they are stored, and 0 is white");
}
