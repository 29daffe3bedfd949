/* ImageJ's description: lines of key=value after "ImageJ=version". */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "store/tiff_stack.h"

/* The value of key= on a line of its own, or NULL. */
static const char *value_of(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == '=')
            return line + n + 1;
    }
    return NULL;
}

static uint64_t count_of(const char *text, const char *key)
{
    const char *value = value_of(text, key);
    if (value == NULL || *value < '0' || *value > '9')
        return 1;
    unsigned long long n = strtoull(value, NULL, 10);
    return n > 0 ? n : 1;
}

static double number_of(const char *text, const char *key)
{
    const char *value = value_of(text, key);
    return value != NULL ? strtod(value, NULL) : 0.0;
}

static const char *unit_of(const char *text)
{
    const char *value = value_of(text, "unit");
    char word[32];
    if (value == NULL)
        return "";
    size_t n = strcspn(value, "\r\n");
    if (n >= sizeof word)
        return "";
    memcpy(word, value, n);
    word[n] = '\0';
    return pw_tiff_unit(word);
}

int pw_tiff_imagej_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    const char *text = index->description;
    uint64_t n_planes;
    if (strncmp(text, "ImageJ=", 7) != 0)
        return 0;
    uint64_t images = count_of(text, "images");
    uint64_t size[3] = {count_of(text, "frames"), count_of(text, "slices"), count_of(text, "channels")};
    if (!pw_product_u64(size, 3, &n_planes) || n_planes != images)
        return 0;
    /* Above 4 GB ImageJ writes one directory, and the other planes behind the first. */
    int one_page = images > 1 && index->n_directories == 1;
    if (one_page ? !index->plain : images != index->n_pages)
        return 0;
    const char *unit = unit_of(text);
    double x = index->x_resolution > 0 ? 1.0 / (double)index->x_resolution : 0;
    double y = index->y_resolution > 0 ? 1.0 / (double)index->y_resolution : 0;
    pw_tiff_stack_lead(stack, 't', size[0], number_of(text, "finterval"), "second");
    pw_tiff_stack_lead(stack, 'z', size[1], number_of(text, "spacing"), unit);
    pw_tiff_stack_lead(stack, 'c', size[2], 0, "");
    pw_tiff_axis(&stack->y, 'y', y, unit);
    pw_tiff_axis(&stack->x, 'x', x, unit);
    stack->n_planes = n_planes;
    stack->one_page = one_page;
    return 1;
}
