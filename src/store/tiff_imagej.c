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

/* Which of t, z and c is fastest, which slowest: ImageJ itself writes c, z, t and says nothing of it. */
static const char *order_of(const char *text)
{
    static const char *const orders[] = {"czt", "ctz", "zct", "ztc", "tcz", "tzc"};
    const char *value = value_of(text, "order");
    for (size_t i = 0; value != NULL && i < sizeof orders / sizeof orders[0]; i++)
        if (strncmp(value, orders[i], 3) == 0)
            return orders[i];
    return orders[0];
}

static void lead(struct pw_tiff_stack *stack, const char *text, char axis)
{
    if (axis == 't')
        pw_tiff_stack_lead(stack, 't', count_of(text, "frames"), number_of(text, "finterval"), "second");
    else if (axis == 'z')
        pw_tiff_stack_lead(stack, 'z', count_of(text, "slices"), number_of(text, "spacing"), unit_of(text));
    else
        pw_tiff_stack_lead(stack, 'c', count_of(text, "channels"), 0, "");
}

int pw_tiff_imagej_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    const char *text = index->description;
    uint64_t n_planes;
    if (strncmp(text, "ImageJ=", 7) != 0)
        return 0;
    uint64_t size[3] = {count_of(text, "frames"), count_of(text, "slices"), count_of(text, "channels")};
    if (!pw_product_u64(size, 3, &n_planes))
        return 0;
    uint64_t images = value_of(text, "images") != NULL ? count_of(text, "images") : n_planes;
    if (n_planes != images)
        return 0;
    /* Above 4 GB ImageJ writes one directory, and the other planes behind the first. */
    int one_page = images > 1 && index->n_directories == 1;
    if (one_page ? !pw_tiff_index_may_repeat(index, images) : images != index->n_pages)
        return 0;
    const char *order = order_of(text);
    for (int i = 2; i >= 0; i--)
        lead(stack, text, order[i]);
    double x = index->x_resolution > 0 ? 1.0 / (double)index->x_resolution : 0;
    double y = index->y_resolution > 0 ? 1.0 / (double)index->y_resolution : 0;
    pw_tiff_axis(&stack->y, 'y', y, unit_of(text));
    pw_tiff_axis(&stack->x, 'x', x, unit_of(text));
    stack->n_planes = n_planes;
    stack->one_page = one_page;
    return 1;
}
