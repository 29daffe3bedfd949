/* What worker processes say and are told, and the small parts on the way of their voxels and labels. */
#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "label/convert.h"
#include "segment/process_command.h"
#include "segment/process_labels.h"
#include "segment/process_message.h"
#include "store/npy_header.h"
#include "store/npy_tag.h"

static enum pw_status hello(const char *text, struct pw_hello *out, struct pw_error *error)
{
    return pw_hello_parse(text, strlen(text), out, error);
}

Test(workers, hello_has_defaults_and_ignores_what_it_does_not_know)
{
    struct pw_hello h;
    struct pw_error error = {0};
    cr_assert_eq(hello("{\"pw\":1,\"op\":\"hello\",\"later\":{\"a\":[1]}}", &h, &error), PW_OK, "%s", error.message);
    cr_assert(h.in_dtype == PW_DTYPE_NONE && h.out_dtype == PW_U32 && h.channels == 1 && h.inflight == 1);
    cr_assert(h.halo[0] == 0 && h.multiple_of[2] == 1 && !h.components && !h.has_percentiles);
    cr_assert_eq(hello("{\"pw\":1,\"op\":\"hello\",\"name\":\"x\",\"halo\":[1,2,3],\"in_dtype\":\"<f4\",\"out_dtype\":"
                       "\"|b1\",\"components\":true,\"connectivity\":2,\"channels\":\"all\",\"inflight\":3,"
                       "\"percentiles\":[1,99.5]}",
                       &h, &error),
                 PW_OK, "%s", error.message);
    cr_assert(h.halo[2] == 3 && h.in_dtype == PW_F32 && h.out_dtype == PW_BOOL && h.connectivity == 2);
    cr_assert(h.channels == PW_WORKER_CHANNELS_ALL && h.inflight == 3 && h.n_percentiles == 2);
    cr_assert_float_eq(h.percentile[1], 99.5, 1e-12);
}

Test(workers, hello_that_is_wrong_is_refused_with_the_key_and_the_value)
{
    static const char *const text[][2] = {
        {"nonsense", "no JSON"},
        {"[]", "no JSON"},
        {"{\"pw\":2,\"op\":\"hello\"}", "\"pw\": 2"},
        {"{\"pw\":1,\"op\":\"tile\"}", "\"op\""},
        {"{\"pw\":1,\"op\":\"hello\",\"halo\":[1,2]}", "\"halo\": [1,2]"},
        {"{\"pw\":1,\"op\":\"hello\",\"halo\":[1,2,-3]}", "\"halo\""},
        {"{\"pw\":1,\"op\":\"hello\",\"out_dtype\":\"<f4\"}", "labels"},
        {"{\"pw\":1,\"op\":\"hello\",\"out_dtype\":\">u4\"}", "\">u4\""},
        {"{\"pw\":1,\"op\":\"hello\",\"inflight\":0}", "\"inflight\": 0"},
        {"{\"pw\":1,\"op\":\"hello\",\"inflight\":1000}", "\"inflight\": 1000"},
        {"{\"pw\":1,\"op\":\"hello\",\"components\":\"yes\"}", "\"components\""},
        {"{\"pw\":1,\"op\":\"hello\",\"percentiles\":[101]}", "\"percentiles\""},
        {"{\"pw\":1,\"op\":\"hello\",\"error\":\"no GPU\"}", "no GPU"},
    };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct pw_hello h;
        struct pw_error error = {0};
        cr_assert_eq(hello(text[i][0], &h, &error), PW_E_SEGMENTER, "%s", text[i][0]);
        cr_assert_not_null(strstr(error.message, text[i][1]), "%s: %s", text[i][0], error.message);
    }
}

static enum pw_status answer(const char *text, struct pw_answer *out, struct pw_error *error)
{
    return pw_answer_parse(text, strlen(text), out, error);
}

Test(workers, answers)
{
    struct pw_answer a;
    struct pw_error error = {0};
    cr_assert_eq(answer("{\"id\":7,\"ok\":true,\"max\":3,\"shape\":[4,5]}", &a, &error), PW_OK);
    cr_assert(a.id == 7 && a.kind == PW_ANSWER_OK && a.has_shape && a.shape[0] == 1 && a.shape[2] == 5);
    cr_assert_eq(answer("{\"id\":8,\"error\":\"two\\nlines\"}", &a, &error), PW_OK);
    cr_assert(a.kind == PW_ANSWER_ERROR && strcmp(a.text, "two lines") == 0);
    cr_assert_eq(answer("{\"id\":8,\"error\":\"x\",\"oom\":true}", &a, &error), PW_OK);
    cr_assert_eq(a.kind, PW_ANSWER_OOM);
    cr_assert_eq(answer("{\"id\":8,\"error\":\"x\",\"wrong\":true}", &a, &error), PW_OK);
    cr_assert_eq(a.kind, PW_ANSWER_WRONG);
    cr_assert_eq(answer("{\"id\":8,\"progress\":0.5}", &a, &error), PW_OK);
    cr_assert_eq(a.kind, PW_ANSWER_PROGRESS);
    static const char *const wrong[] = {"",
                                        "{",
                                        "{\"ok\":true}",
                                        "{\"id\":-1,\"ok\":true}",
                                        "{\"id\":1}",
                                        "{\"id\":1,\"ok\":true,\"shape\":[1]}",
                                        "{\"id\":1,\"ok\":true,\"shape\":\"big\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(answer(wrong[i], &a, &error), PW_E_SEGMENTER, "%s", wrong[i]);
}

Test(workers, a_tile_is_one_line_of_json)
{
    char line[4096];
    const uint64_t channel[1] = {2};
    struct pw_statistics statistics = {.minimum = -1.5,
                                       .maximum = (double)__builtin_inff(),
                                       .n_percentiles = 1,
                                       .percentile = {0.1},
                                       .has_limits = 1,
                                       .low = 1,
                                       .high = 2};
    const struct pw_statistics *const measured[1] = {&statistics};
    struct pw_tile tile = {.index = 7,
                           .origin = {0, 64, 128},
                           .shape = {1, 30, 40},
                           .core_start = {0, 2, 3},
                           .core_shape = {1, 20, 30},
                           .time = 4,
                           .n_channels = 1,
                           .channel = channel,
                           .statistics = measured};
    struct pw_shared_array in = {4096, 0, {1, 30, 40}, PW_U16}, out = {8192, 0, {1, 30, 40}, PW_U32};
    size_t n = pw_tile_message(line, sizeof line, 99, &tile, &in, &out, "\"params\":{}");
    cr_assert(n > 0 && line[n - 1] == '\n' && strchr(line, '\n') == line + n - 1);
    struct json_object *object = json_tokener_parse(line);
    cr_assert_not_null(object);
    cr_assert_str_eq(
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
        "{\"op\":\"tile\",\"id\":99,\"index\":7,\"in\":{\"off\":4096,\"shape\":[1,30,40],\"dtype\":\"<u2\"},"
        "\"out\":{\"off\":8192,\"shape\":[1,30,40],\"dtype\":\"<u4\"},\"origin\":[0,64,128],"
        "\"core\":[[0,1],[2,22],[3,33]],\"time\":4,\"level\":0,\"channels\":[2],"
        "\"statistics\":[{\"min\":-1.5,\"max\":null,\"percentiles\":[0.10000000000000001]}],"
        "\"normalize\":[{\"low\":1,\"high\":2}],\"params\":{}}");
    json_object_put(object);
    for (size_t capacity = 0; capacity <= n; capacity++) /* a line that does not fit is none */
        cr_assert_eq(pw_tile_message(line, capacity, 99, &tile, &in, &out, "\"params\":{}"), 0);
}

Test(workers, options_of_a_python_function_are_json_where_they_can_be)
{
    static const char *const text[][2] = {
        {"py:m:f", "{}"},
        {"py:m:f,a=1,b=2.5,c=-1e3", "{\"a\":1,\"b\":2.5,\"c\":-1e3}"},
        {"py:m:f,a=true,b=null,c=none", "{\"a\":true,\"b\":null,\"c\":\"none\"}"},
        {"py:m:f,a=[1,2],b={\"x\":\"y,z\"},c=\"q,r\"", "{\"a\":[1,2],\"b\":{\"x\":\"y,z\"},\"c\":\"q,r\"}"},
        {"py:m:f,model=cyto3,n=1.2.3,empty=", "{\"model\":\"cyto3\",\"n\":\"1.2.3\",\"empty\":\"\"}"},
    };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct pw_process_command command;
        struct pw_error error = {0};
        cr_assert_eq(pw_process_command_init(&command, text[i][0], &error), PW_OK, "%s", error.message);
        cr_assert_str_eq(command.params, text[i][1]);
        cr_assert_str_eq(command.text, "m:f");
        cr_assert_str_eq(command.name, "f");
        pw_process_command_release(&command);
    }
    static const char *const wrong[] = {"py:", "py:m", "py:m:", "py::f", "py:m:f,a", "py:m:f,=1", "exec:", "exec:  "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct pw_process_command command;
        struct pw_error error = {0};
        cr_assert_eq(pw_process_command_init(&command, wrong[i], &error), PW_E_ARGUMENT, "%s", wrong[i]);
        pw_process_command_release(&command);
    }
}

Test(workers, the_environment_has_what_belongs_to_this_worker_alone)
{
    struct pw_process_command command;
    struct pw_worker_place place = {.index = 2, .count = 3, .image = "{}", .device = "5,6", .device_bytes = 1};
    char **list;
    int devices = 0, sockets = 0, has_index = 0;
    (void)setenv("PW_CTL_SOCK", "/outer", 1);
    (void)setenv("CUDA_VISIBLE_DEVICES", "9", 1);
    cr_assert_eq(pw_process_command_init(&command, "exec:true", NULL), PW_OK);
    cr_assert_eq(pw_worker_environment(&command, &place, &list, NULL), PW_OK);
    for (char **e = list; *e != NULL; e++) {
        devices += strncmp(*e, "CUDA_VISIBLE_DEVICES=", 21) == 0 ? 1 + (strcmp(*e + 21, "5") != 0) : 0;
        sockets += strncmp(*e, "PW_CTL_SOCK=", 12) == 0;
        has_index |= strcmp(*e, "PW_WORKER_INDEX=2") == 0;
    }
    cr_assert(devices == 1 && sockets == 0 && has_index);
    pw_worker_environment_free(list);
    pw_process_command_release(&command);
}

Test(workers, voxels_become_other_types_without_losing_a_value)
{
    const int16_t from[4] = {-32768, -1, 0, 32767};
    int64_t wide[4];
    float real[4];
    pw_convert(PW_I16, from, PW_I64, wide, 4);
    pw_convert(PW_I16, from, PW_F32, real, 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(wide[i], from[i]);
        cr_assert_float_eq(real[i], (float)from[i], 0);
    }
    cr_assert(pw_convert_is_safe(PW_U8, PW_I16) && pw_convert_is_safe(PW_U64, PW_F32) &&
              pw_convert_is_safe(PW_BOOL, PW_U8));
    cr_assert(!pw_convert_is_safe(PW_U16, PW_I16) && !pw_convert_is_safe(PW_I8, PW_U64) &&
              !pw_convert_is_safe(PW_F32, PW_I64) && !pw_convert_is_safe(PW_U16, PW_U8));
}

Test(workers, labels_of_any_type_become_runs_and_wrong_ones_are_named)
{
    struct pw_tile tile = {.shape = {1, 2, 6}, .origin = {0, 10, 20}};
    struct pw_run run[32];
    uint32_t label[32];
    uint64_t row[3];
    struct pw_runs runs = {.run = run, .label = label, .row = row, .capacity = 32};
    struct pw_error error = {0};
    void *arena = calloc(1, (size_t)pw_process_labels_bytes(tile.shape));
    uint64_t wide[12] = {0, 7, 7, 0, 4000000000, 0, 9, 0, 7, 7, 7, 0};
    cr_assert_eq(pw_process_labels(wide, PW_U64, &tile, &runs, arena, &error), PW_OK, "%s", error.message);
    cr_assert(runs.n_runs == 4 && runs.n_labels == 3 && row[1] == 2 && row[2] == 4);
    cr_assert(label[0] == 1 && label[1] == 2 && label[2] == 3 && label[3] == 1);
    wide[8] = (uint64_t)UINT32_MAX + 1;
    cr_assert_eq(pw_process_labels(wide, PW_U64, &tile, &runs, arena, &error), PW_E_SEGMENTER);
    cr_assert_not_null(strstr(error.message, "label 4294967296 at voxel (0, 11, 22)"), "%s", error.message);
    int8_t narrow[12] = {0, 0, 0, 0, 0, -3};
    cr_assert_eq(pw_process_labels(narrow, PW_I8, &tile, &runs, arena, &error), PW_E_SEGMENTER);
    cr_assert_not_null(strstr(error.message, "label -3 at voxel (0, 10, 25) is negative"), "%s", error.message);
    free(arena);
}

Test(workers, a_header_says_which_tile_it_is)
{
    char text[512];
    size_t start, bytes, rest;
    uint64_t tile, n_tiles;
    struct pw_npy_header header = {.dtype = PW_U16, .rank = 2, .shape = {30, 40}}, read;
    size_t n = pw_npy_format(&header, text, sizeof text);
    cr_assert_eq(pw_npy_prefix((unsigned char *)text, "x", &start, &bytes, NULL), PW_OK);
    cr_assert_eq(pw_npy_tag_find(text + start, bytes, &rest, &tile, &n_tiles), 0);
    cr_assert_eq(rest, bytes);
    n = pw_npy_tag_add(text, n, sizeof text, 7, 64);
    cr_assert_eq(n % 64, 0);
    cr_assert_eq(pw_npy_prefix((unsigned char *)text, "x", &start, &bytes, NULL), PW_OK);
    cr_assert_eq(start + bytes, n);
    cr_assert_eq(pw_npy_tag_find(text + start, bytes, &rest, &tile, &n_tiles), 1);
    cr_assert(tile == 7 && n_tiles == 64);
    cr_assert_eq(pw_npy_parse(text + start, rest, "x", &read, NULL), PW_OK);
    cr_assert(read.dtype == PW_U16 && read.shape[1] == 40);
}
