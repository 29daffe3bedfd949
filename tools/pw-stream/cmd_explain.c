/* pw-stream explain */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"

enum {
    OPT_JSON = PW_OPTION_OWN
};

/* What is printed as it comes: an object may have any number of labels. */
struct listing {
    FILE *out;
    const struct pw_explained *object;
    struct pw_explained about;
    const char *list; /* that is open; NULL before the first */
    int is_empty;     /* so far */
    int has_begun;
};

/* ---- text -------------------------------------------------------------- */

static const char *box_text(char *out, size_t capacity, const uint64_t start[3], const uint64_t shape[3])
{
    (void)snprintf(out, capacity, "%" PRIu64 ":%" PRIu64 ",%" PRIu64 ":%" PRIu64 ",%" PRIu64 ":%" PRIu64, start[0],
                   start[0] + shape[0], start[1], start[1] + shape[1], start[2], start[2] + shape[2]);
    return out;
}

static void text_list(struct listing *l, const char *list)
{
    if (l->list == NULL || strcmp(l->list, list) != 0)
        (void)fprintf(l->out, "%s\n", list);
    l->list = list;
}

static void text_begin(const struct pw_explained *object, void *user)
{
    struct listing *l = user;
    l->about = *object;
    (void)fprintf(l->out, "object %" PRIu64 " of %" PRIu64 ", merged by %s\n", object->id, object->n_objects,
                  object->merge);
    (void)fprintf(l->out,
                  "tiles of %" PRIu64 " x %" PRIu64 " x %" PRIu64 " voxels, %" PRIu64 " x %" PRIu64 " x %" PRIu64
                  " of them (z y x)\n",
                  object->tile[0], object->tile[1], object->tile[2], object->grid[0], object->grid[1], object->grid[2]);
    if (object->times > 1)
        (void)fprintf(l->out, "at time point %" PRIu64 " of %" PRIu64 "\n", object->time, object->times);
    if (object->has_owner)
        (void)fprintf(l->out, "tile %" PRIu64 " saw it whole: its label %" PRIu32 " is the object\n",
                      object->owner_tile, object->owner_label);
    else if (object->is_painted)
        (void)fputs("no tile saw it whole: each label stands for its own tile\n", l->out);
}

static void text_label(const struct pw_explained_label *label, void *user)
{
    struct listing *l = user;
    char box[160];
    text_list(l, "labels (tile at position in the grid, local id; box as the tile saw it)");
    (void)fprintf(l->out, "  tile %" PRIu64 " at %" PRIu64 ",%" PRIu64 ",%" PRIu64 ", label %" PRIu32 ": ", label->tile,
                  label->position[0], label->position[1], label->position[2], label->label);
    if (label->core_voxels > 0)
        (void)fprintf(l->out, "%" PRIu64 " voxels in the core, from %" PRIu64 ",%" PRIu64 ",%" PRIu64,
                      label->core_voxels, label->first[0], label->first[1], label->first[2]);
    else
        (void)fputs("none of the core", l->out);
    (void)fprintf(l->out, "; box %s%s\n", box_text(box, sizeof box, label->box_start, label->box_shape),
                  label->is_owner ? "; owner" : "");
}

static void text_edge(const struct pw_explained_edge *edge, void *user)
{
    struct listing *l = user;
    int within = edge->object[0] == edge->object[1];
    text_list(l, "candidates (tile.label, what the two share of their sizes there, score)");
    (void)fprintf(l->out, "  %" PRIu64 ".%" PRIu32 " - %" PRIu64 ".%" PRIu32, edge->tile[0], edge->label[0],
                  edge->tile[1], edge->label[1]);
    if (l->about.has_counts)
        (void)fprintf(l->out, ": %" PRIu32 " of %" PRIu32 " and %" PRIu32 ", %.4f", edge->shared, edge->size[0],
                      edge->size[1], edge->score);
    (void)fputs(edge->is_accepted ? ": joined" : ": refused", l->out);
    uint64_t other = edge->object[edge->object[0] == l->about.id];
    if (!within && other == 0)
        (void)fputs(", of nothing that is left", l->out);
    else if (!within)
        (void)fprintf(l->out, ", of object %" PRIu64, other);
    (void)fputs(within && !edge->is_accepted ? ", one object by others\n" : "\n", l->out);
}

static void text_piece(const struct pw_explained_piece *piece, void *user)
{
    struct listing *l = user;
    char box[160];
    text_list(l, "painted (into which core, whose mask)");
    (void)fprintf(l->out,
                  "  tile %" PRIu64 ": %" PRIu64 " voxels of label %" PRIu32 " of tile %" PRIu64 ", from %" PRIu64
                  ",%" PRIu64 ",%" PRIu64 "; box %s\n",
                  piece->tile, piece->voxels, piece->source_label, piece->source_tile, piece->first[0], piece->first[1],
                  piece->first[2], box_text(box, sizeof box, piece->box_start, piece->box_shape));
}

/* ---- json -------------------------------------------------------------- */

/* Lists come in this order; those without an entry are there too. */
static const char *const json_lists[] = {"labels", "candidates", "painted", NULL};

/* Goes on to an entry of list, or behind the last with NULL. */
static void json_go_to(struct listing *l, const char *list)
{
    while (l->list != list) {
        const char *const *next = json_lists;
        while (l->list != NULL && *next != l->list)
            next++;
        next += l->list != NULL;
        (void)fputs(l->list != NULL ? (l->is_empty ? "]" : "\n ]") : "", l->out);
        l->list = *next;
        l->is_empty = 1;
        if (l->list == NULL)
            return;
        (void)fprintf(l->out, ",\n \"%s\": [", l->list);
    }
    (void)fputs(l->is_empty ? "\n  " : ",\n  ", l->out);
    l->is_empty = 0;
}

static void json_numbers(FILE *out, const char *key, const uint64_t number[3])
{
    (void)fprintf(out, "\"%s\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", key, number[0], number[1], number[2]);
}

static void json_place(FILE *out, const uint64_t first[3], int has_first, const uint64_t start[3],
                       const uint64_t shape[3])
{
    if (has_first)
        json_numbers(out, "first", first);
    else
        (void)fputs("\"first\": null", out);
    (void)fputs(", ", out);
    json_numbers(out, "box_start", start);
    (void)fputs(", ", out);
    json_numbers(out, "box_shape", shape);
}

static void json_begin(const struct pw_explained *object, void *user)
{
    struct listing *l = user;
    l->about = *object;
    l->has_begun = 1;
    (void)fprintf(l->out, "{\"id\": %" PRIu64 ", \"n_objects\": %" PRIu64 ", \"merge\": \"%s\",\n ", object->id,
                  object->n_objects, object->merge);
    json_numbers(l->out, "tile", object->tile);
    (void)fputs(", ", l->out);
    json_numbers(l->out, "grid", object->grid);
    (void)fprintf(l->out, ", \"times\": %" PRIu64 ", \"time\": %" PRIu64, object->times, object->time);
    if (object->has_owner)
        (void)fprintf(l->out, ",\n \"owner\": {\"tile\": %" PRIu64 ", \"label\": %" PRIu32 "}", object->owner_tile,
                      object->owner_label);
    else
        (void)fputs(",\n \"owner\": null", l->out);
}

static void json_label(const struct pw_explained_label *label, void *user)
{
    struct listing *l = user;
    json_go_to(l, json_lists[0]);
    (void)fprintf(l->out, "{\"tile\": %" PRIu64 ", ", label->tile);
    json_numbers(l->out, "position", label->position);
    (void)fprintf(l->out, ", \"label\": %" PRIu32 ", \"core_voxels\": %" PRIu64 ", ", label->label, label->core_voxels);
    json_place(l->out, label->first, label->core_voxels > 0, label->box_start, label->box_shape);
    (void)fputs("}", l->out);
}

static void json_edge(const struct pw_explained_edge *edge, void *user)
{
    struct listing *l = user;
    json_go_to(l, json_lists[1]);
    (void)fprintf(l->out,
                  "{\"tiles\": [%" PRIu64 ", %" PRIu64 "], \"labels\": [%" PRIu32 ", %" PRIu32
                  "], \"objects\": [%" PRIu64 ", %" PRIu64 "], ",
                  edge->tile[0], edge->tile[1], edge->label[0], edge->label[1], edge->object[0], edge->object[1]);
    if (l->about.has_counts)
        (void)fprintf(l->out, "\"shared\": %" PRIu32 ", \"sizes\": [%" PRIu32 ", %" PRIu32 "], \"score\": %.17g, ",
                      edge->shared, edge->size[0], edge->size[1], edge->score);
    else
        (void)fputs("\"shared\": null, \"sizes\": null, \"score\": null, ", l->out);
    (void)fprintf(l->out, "\"best\": %s, \"accepted\": %s}", edge->is_best ? "true" : "false",
                  edge->is_accepted ? "true" : "false");
}

static void json_piece(const struct pw_explained_piece *piece, void *user)
{
    struct listing *l = user;
    json_go_to(l, json_lists[2]);
    (void)fprintf(l->out,
                  "{\"tile\": %" PRIu64 ", \"source_tile\": %" PRIu64 ", \"source_label\": %" PRIu32
                  ", \"voxels\": %" PRIu64 ", ",
                  piece->tile, piece->source_tile, piece->source_label, piece->voxels);
    json_place(l->out, piece->first, 1, piece->box_start, piece->box_shape);
    (void)fputs("}", l->out);
}

/* ---- the verb ---------------------------------------------------------- */

static const struct option long_options[] = {{"json", no_argument, NULL, OPT_JSON},
                                             PW_LOOK_OPTIONS,
                                             PW_FILTER_OPTIONS,
                                             {"dilate", required_argument, NULL, PW_OPTION_DILATE},
                                             {NULL, 0, NULL, 0}};

struct request {
    struct pw_run_request run;
    uint64_t id;
    int json;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    return option == OPT_JSON ? (request->json = 1) : pw_run_request_take(&request->run, option, text);
}

static int parse(int argc, char **argv, struct request *request)
{
    pw_run_request_init(&request->run);
    if (pw_argument_options(argc, argv, ":", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (optind + 2 != argc) {
        (void)pw_argument_wrong("explain takes a STAGE, the directory that run had as --keep-stage, and an ID");
        return PW_EXIT_USAGE;
    }
    request->run.options.input = argv[optind];
    return pw_argument_number("ID", argv[optind + 1], 0, UINT64_MAX, &request->id) ? PW_EXIT_DONE : PW_EXIT_USAGE;
}

int pw_cmd_explain(int argc, char **argv)
{
    struct request request = {.id = 0};
    struct listing listing = {.out = stdout};
    struct pw_explain_calls as_text = {text_begin, text_label, text_edge, text_piece, &listing};
    struct pw_explain_calls as_json = {json_begin, json_label, json_edge, json_piece, &listing};
    struct pw_error error = {0};
    pw_argument_verb("explain");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    enum pw_status explained = pw_explain(&request.run.options, request.id, request.json ? &as_json : &as_text, &error);
    if (listing.has_begun) {
        json_go_to(&listing, NULL);
        (void)fputs("}\n", stdout);
    }
    return explained == PW_OK ? PW_EXIT_DONE : pw_command_fail(&error);
}
