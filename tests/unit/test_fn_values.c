/* Options of functions: the grammar, the table's checks, the JSON. */
#include <criterion/criterion.h>
#include <string.h>

#include "segment/builtin.h"
#include "segment/fn_values.h"

static const struct pw_fn_option table[] = {
    {"value", PW_FN_NUMBER, NULL, "a limit"},
    {"sigma", PW_FN_NUMBERS, "1", "of the filter"},
    {"size", PW_FN_INTEGER, "", "voxels"},
    {"fast", PW_FN_FLAG, "0", "worse"},
    {"model", PW_FN_TEXT, "nuclei", "name or folder"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static const char *json(const char *text, const struct pw_fn_option *options)
{
    static struct pw_fn_values values;
    static char out[1024];
    struct pw_error error = {0};
    if (pw_fn_values_parse(&values, "f", options, text, &error) != PW_OK ||
        pw_fn_values_json(&values, out, sizeof out, &error) != PW_OK)
        return strcpy(out, error.message);
    return out;
}

Test(fn_values, keys_defaults_and_lists)
{
    cr_assert_str_eq(json("3", table), "{\"value\":3,\"sigma\":[1],\"fast\":false,\"model\":\"nuclei\"}");
    cr_assert_str_eq(json("value=2.50,sigma=1,2,0.5,size=7,fast,model=a/b=c", table),
                     "{\"value\":2.50,\"sigma\":[1,2,0.5],\"size\":7,\"fast\":true,\"model\":\"a/b=c\"}");
    cr_assert_str_eq(json("1,sigma=2,3,fast", table),
                     "{\"value\":1,\"sigma\":[2,3],\"fast\":true,\"model\":\"nuclei\"}");
    cr_assert_str_eq(json("fast=0,value=-1e3", table),
                     "{\"value\":-1e3,\"sigma\":[1],\"fast\":false,\"model\":\"nuclei\"}");
    cr_assert_str_eq(json("inf", table), "{\"value\":\"inf\",\"sigma\":[1],\"fast\":false,\"model\":\"nuclei\"}");
}

Test(fn_values, what_the_table_does_not_have_is_refused)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"", "needs value="},
        {"3,4", "\"4\""},
        {"value=x", "value=x"},
        {"3,sizes=2", "\"sizes\""},
        {"3,size=2.5", "size=2.5"},
        {"3,size=", "size="},
        {"3,fast=2", "fast=2"},
        {"3,value=4", "twice"},
        {"value=nan", "value=nan"},
        {"3,sigma=1,x", "sigma=1,x"},
        {"3,sigma=", "sigma="},
        {"3,", "\"\""},
        {"3,size=99999999999999999999", "99999999999999999999"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert(strstr(json(wrong[i].text, table), wrong[i].says) != NULL, "\"%s\" gave %s", wrong[i].text,
                  json(wrong[i].text, table));
}

Test(fn_values, without_a_table_values_are_json_or_text)
{
    cr_assert_str_eq(json("", NULL), "{}");
    cr_assert_str_eq(
        json("90,a=1.5,b=true,c=x y,d=\"q\",e=null,f=NaN,word", NULL),
        "{\"a\":1.5,\"b\":true,\"c\":\"x y\",\"d\":\"q\",\"e\":null,\"f\":\"NaN\",\"values\":[90,\"word\"]}");
    cr_assert_str_eq(json("a=1},b=[1", NULL), "{\"a\":\"1}\",\"b\":\"[1\"}");
}

Test(fn_values, reading)
{
    struct pw_fn_values values;
    double number = 9, sigma[3] = {0};
    long long size = -1;
    int n;
    cr_assert_eq(pw_fn_values_parse(&values, "f", table, "3,sigma=1,2,4", NULL), PW_OK);
    cr_assert_eq(pw_fn_number(&values, "value", &number, NULL), PW_OK);
    cr_assert_eq(pw_fn_integer(&values, "size", &size, NULL), PW_OK);
    cr_assert_eq(pw_fn_numbers(&values, "sigma", 3, sigma, &n, NULL), PW_OK);
    cr_assert(number == 3 && size == -1 && n == 3 && sigma[2] == 4 && !pw_fn_flag(&values, "fast"));
    cr_assert_eq(pw_fn_numbers(&values, "sigma", 2, sigma, &n, NULL), PW_E_ARGUMENT);
    cr_assert_str_eq(pw_fn_text(&values, "model"), "nuclei");
    cr_assert_null(pw_fn_text(&values, "size"));
}

Test(fn_values, too_much_is_refused)
{
    static struct pw_fn_values values;
    static char text[PW_FN_TEXT_BYTES + 10];
    memset(text, 'x', sizeof text - 1);
    cr_assert_eq(pw_fn_values_parse(&values, "f", NULL, text, NULL), PW_E_ARGUMENT);
    for (size_t i = 1; i < 100; i += 2)
        text[i] = ',';
    text[100] = '\0';
    cr_assert_eq(pw_fn_values_parse(&values, "f", NULL, text, NULL), PW_E_ARGUMENT);
}

/* `fn show` prints these tables, and parsing uses them. */
Test(fn_values, tables_of_the_built_ins)
{
    for (int i = 0; pw_builtins[i] != NULL; i++) {
        const struct pw_builtin *b = pw_builtins[i];
        cr_assert(b->name && b->summary && b->halo && b->options && b->open);
        cr_assert_eq(pw_builtin_find(b->name, strlen(b->name)), b);
        for (const struct pw_fn_option *o = b->options; o->name != NULL; o++)
            cr_assert(o->help != NULL && o->help[0] != '\0', "%s, %s", b->name, o->name);
    }
    cr_assert_null(pw_builtin_find("otsux", 5));
}
