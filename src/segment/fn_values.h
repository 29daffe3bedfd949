/*
 * segment/fn_values - the options of a segmentation function: "300,connectivity=2" against a table of what there is.
 *
 *     struct pw_fn_values values;
 *     status = pw_fn_values_parse(&values, "threshold", table, "300,connectivity=2", error);
 *     status = pw_fn_number(&values, "value", &value, error);
 *
 * Grammar: key=value with commas between them.  The first option of the table may be given without its key; the name
 * of a flag alone is 1; what follows an option of the type numbers without a key belongs to it ("sigma=1,2,2").
 * Parsing checks names and types, that nothing is given twice, and that what has no default is given; whoever
 * reads a value checks its range.  Without a table anything is taken.
 *
 * Memory: all in the struct; pointers handed out live as long as it, and it must not be moved.
 * Errors: PW_E_ARGUMENT naming the function, the option and the value.  Threads: reading is safe from any.
 */
#ifndef PW_SEGMENT_FN_VALUES_H
#define PW_SEGMENT_FN_VALUES_H

#include "patchworks.h"

enum {
    PW_FN_VALUES_MAX = 32,
    PW_FN_TEXT_BYTES = 2048
};

struct pw_fn_value {
    const char *key; /* "" for a value without one */
    const char *text;
};

struct pw_fn_values {
    const char *name;                 /* of the function, for messages; the caller's */
    const struct pw_fn_option *table; /* NULL: anything is taken */
    struct pw_fn_value item[PW_FN_VALUES_MAX];
    int n;
    char text[PW_FN_TEXT_BYTES]; /* cut up; items point into it */
};

enum pw_status pw_fn_values_parse(struct pw_fn_values *values, const char *name, const struct pw_fn_option *table,
                                  const char *text, struct pw_error *error);

/* What was given for key, else its default; NULL when there is neither. */
const char *pw_fn_text(const struct pw_fn_values *values, const char *key);

/* The same as numbers; *out is left alone when there is neither. */
enum pw_status pw_fn_number(const struct pw_fn_values *values, const char *key, double *out, struct pw_error *error);
enum pw_status pw_fn_integer(const struct pw_fn_values *values, const char *key, long long *out,
                             struct pw_error *error);
int pw_fn_flag(const struct pw_fn_values *values, const char *key);

/* Between 1 and max numbers; *n is 0 when there is neither. */
enum pw_status pw_fn_numbers(const struct pw_fn_values *values, const char *key, int max, double *out, int *n,
                             struct pw_error *error);

/*
 * All of it as one JSON object, with defaults; without a table what reads as a JSON value is one, the rest is text,
 * and values without a key are the array "values".  PW_E_ARGUMENT when that is longer than bytes.
 */
enum pw_status pw_fn_values_json(const struct pw_fn_values *values, char *out, size_t bytes, struct pw_error *error);

#endif
