#include "segment/fn_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* ---- reading one value ------------------------------------------------- */

static const char *const type_text[] = {"text", "a number", "a whole number", "0 or 1", "numbers with commas"};

static int to_number(const char *text, const char **end, double *out)
{
    char *stop;
    *out = strtod(text, &stop);
    *end = stop;
    return stop != text && !isnan(*out);
}

static int is_of_type(const char *text, enum pw_fn_option_type type)
{
    const char *end = text;
    char *stop;
    double number;
    switch (type) {
    case PW_FN_TEXT: return 1;
    case PW_FN_NUMBER: return to_number(text, &end, &number) && *end == '\0';
    case PW_FN_INTEGER:
        errno = 0;
        (void)strtoll(text, &stop, 10);
        return stop != text && *stop == '\0' && errno == 0;
    case PW_FN_FLAG: return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
    case PW_FN_NUMBERS:
        do {
            if (!to_number(text, &end, &number) || (*end != ',' && *end != '\0'))
                return 0;
            text = end + 1;
        } while (*end == ',');
        return 1;
    }
    return 0;
}

/* ---- the table --------------------------------------------------------- */

static const struct pw_fn_option *find(const struct pw_fn_option *table, const char *key, size_t length)
{
    for (const struct pw_fn_option *o = table; o != NULL && o->name != NULL; o++)
        if (strlen(o->name) == length && memcmp(o->name, key, length) == 0)
            return o;
    return NULL;
}

static enum pw_status unknown(const struct pw_fn_values *values, const char *part, struct pw_error *error)
{
    char all[512] = "no option";
    size_t used = 0;
    for (const struct pw_fn_option *o = values->table; o->name != NULL && used < sizeof all; o++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? ", " : "", o->name);
    return pw_fail(error, PW_E_ARGUMENT, "--fn %s: unknown option \"%s\"; it takes %s", values->name, part, all);
}

static const char *given(const struct pw_fn_values *values, const char *key)
{
    for (int i = 0; i < values->n; i++)
        if (strcmp(values->item[i].key, key) == 0)
            return values->item[i].text;
    return NULL;
}

static enum pw_status check(const struct pw_fn_values *values, struct pw_error *error)
{
    for (int i = 0; i < values->n; i++) {
        const struct pw_fn_value *v = &values->item[i];
        const struct pw_fn_option *o = find(values->table, v->key, strlen(v->key));
        if (given(values, v->key) != v->text)
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s is given twice", values->name, v->key);
        if (o != NULL && !is_of_type(v->text, o->type))
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s=%s is not %s", values->name, v->key, v->text,
                           type_text[o->type]);
    }
    for (const struct pw_fn_option *o = values->table; o->name != NULL; o++)
        if (o->otherwise == NULL && given(values, o->name) == NULL)
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: needs %s=%s: %s", values->name, o->name,
                           o->type == PW_FN_TEXT ? "TEXT" : "NUMBER", o->help != NULL ? o->help : "");
    return PW_OK;
}

/* ---- the text ---------------------------------------------------------- */

/* A part without "=": the first option, a flag's name, or one more number of the option before it. */
static enum pw_status take_bare(struct pw_fn_values *values, char *part, int is_first, struct pw_error *error)
{
    struct pw_fn_value *next = &values->item[values->n];
    const struct pw_fn_option *o = find(values->table, part, strlen(part)), *last = NULL;
    if (values->table == NULL) {
        *next = (struct pw_fn_value){"", part};
        values->n++;
        return PW_OK;
    }
    if (values->n > 0)
        last = find(values->table, next[-1].key, strlen(next[-1].key));
    int is_flag = o != NULL && o->type == PW_FN_FLAG;
    if (!is_flag && last != NULL && last->type == PW_FN_NUMBERS) {
        part[-1] = ','; /* it was cut there */
        return PW_OK;
    }
    if (is_flag)
        *next = (struct pw_fn_value){o->name, "1"};
    else if (is_first && values->table[0].name != NULL && values->table[0].type != PW_FN_FLAG)
        *next = (struct pw_fn_value){values->table[0].name, part};
    else
        return unknown(values, part, error);
    values->n++;
    return PW_OK;
}

static enum pw_status take(struct pw_fn_values *values, char *part, int is_first, struct pw_error *error)
{
    char *equals = strchr(part, '=');
    if (values->n == PW_FN_VALUES_MAX)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: more than %d options", values->name, PW_FN_VALUES_MAX);
    if (equals == NULL)
        return take_bare(values, part, is_first, error);
    *equals = '\0';
    const struct pw_fn_option *o = find(values->table, part, strlen(part));
    if (values->table != NULL && o == NULL)
        return unknown(values, part, error);
    values->item[values->n++] = (struct pw_fn_value){o != NULL ? o->name : part, equals + 1};
    return PW_OK;
}

enum pw_status pw_fn_values_parse(struct pw_fn_values *values, const char *name, const struct pw_fn_option *table,
                                  const char *text, struct pw_error *error)
{
    values->name = name;
    values->table = table;
    values->n = 0;
    int length = snprintf(values->text, sizeof values->text, "%s", text);
    if (length < 0 || (size_t)length >= sizeof values->text)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: options longer than %zu characters", name,
                       sizeof values->text - 1);
    int is_first = 1;
    for (char *part = values->text, *next = part; part != NULL && values->text[0] != '\0'; part = next) {
        next = strchr(part, ',');
        if (next != NULL)
            *next++ = '\0';
        enum pw_status status = take(values, part, is_first, error);
        if (status != PW_OK)
            return status;
        is_first = 0;
    }
    return table != NULL ? check(values, error) : PW_OK;
}

/* ---- reading ----------------------------------------------------------- */

const char *pw_fn_text(const struct pw_fn_values *values, const char *key)
{
    const char *text = given(values, key);
    const struct pw_fn_option *o = find(values->table, key, strlen(key));
    if (text == NULL && o != NULL && o->otherwise != NULL && o->otherwise[0] != '\0')
        text = o->otherwise;
    return text;
}

enum pw_status pw_fn_number(const struct pw_fn_values *values, const char *key, double *out, struct pw_error *error)
{
    const char *text = pw_fn_text(values, key);
    if (text == NULL)
        return PW_OK;
    if (!is_of_type(text, PW_FN_NUMBER))
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s=%s is not a number", values->name, key, text);
    *out = strtod(text, NULL);
    return PW_OK;
}

enum pw_status pw_fn_integer(const struct pw_fn_values *values, const char *key, long long *out, struct pw_error *error)
{
    const char *text = pw_fn_text(values, key);
    if (text == NULL)
        return PW_OK;
    if (!is_of_type(text, PW_FN_INTEGER))
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s=%s is not a whole number", values->name, key, text);
    *out = strtoll(text, NULL, 10);
    return PW_OK;
}

int pw_fn_flag(const struct pw_fn_values *values, const char *key)
{
    const char *text = pw_fn_text(values, key);
    return text != NULL && strcmp(text, "1") == 0;
}

enum pw_status pw_fn_numbers(const struct pw_fn_values *values, const char *key, int max, double *out, int *n,
                             struct pw_error *error)
{
    const char *text = pw_fn_text(values, key), *end = text;
    *n = 0;
    if (text == NULL)
        return PW_OK;
    do {
        if (*n == max)
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s=%s: more than %d numbers", values->name, key,
                           pw_fn_text(values, key), max);
        if (!to_number(text, &end, &out[*n]) || (*end != ',' && *end != '\0'))
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: %s=%s is not %s", values->name, key, pw_fn_text(values, key),
                           type_text[PW_FN_NUMBERS]);
        ++*n;
        text = end + 1;
    } while (*end == ',');
    return PW_OK;
}
