/*
 * A segmenter plugin for the tests: writes down what it is told, and gives no label.  Options: to=FILE, which gets a JSON
 * object for each tile on a line of its own; percentiles, histogram, float32, voxels are wanted when they are given.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <patchworks.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct state {
    int file;
    pthread_t thread;
    int with_voxels;
    char json[2048];
};

static const struct pw_fn_option options[] = {
    {"to", PW_FN_TEXT, NULL, "the file that is written to"},
    {"percentiles", PW_FN_NUMBERS, "", "of the whole image"},
    {"histogram", PW_FN_FLAG, "0", "of the whole image"},
    {"float32", PW_FN_FLAG, "0", "voxels as that"},
    {"voxels", PW_FN_FLAG, "0", "written down too"},
    {"scratch", PW_FN_INTEGER, "0", "bytes that it says it takes"},
    {"halo", PW_FN_INTEGER, "0", "on all sides"},
    {"channels", PW_FN_INTEGER, "1", "of a tile"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static int configure(const struct pw_start *start, struct pw_needs *needs)
{
    const char *list = start->text(start, "percentiles", NULL);
    if (start->statistics != NULL || start->n_workers != 0 || needs->struct_size < sizeof *needs)
        return 1;
    while (list != NULL && needs->n_percentiles < PW_PERCENTILES_MAX) {
        needs->percent[needs->n_percentiles++] = strtod(list, (char **)(void *)&list);
        list = *list == ',' ? list + 1 : NULL;
    }
    if (start->number(start, "histogram", 0) != 0)
        needs->statistics |= PW_STATISTIC_HISTOGRAM;
    if (start->number(start, "float32", 0) != 0)
        needs->flags |= PW_SEGMENT_FLOAT32;
    needs->scratch_bytes = (uint64_t)start->number(start, "scratch", 0);
    needs->channels = (uint32_t)start->number(start, "channels", 0);
    for (int i = 0; i < 3; i++)
        needs->halo[i] = (uint64_t)start->number(start, "halo", 0);
    if (needs->halo[0] > 50) {
        snprintf(start->message, start->message_bytes, "a halo of %" PRIu64 " is beyond all measure", needs->halo[0]);
        return 1;
    }
    return 0;
}

static int start(const struct pw_start *start, void **state)
{
    struct state *made = calloc(1, sizeof *made);
    if (made == NULL || start->worker >= start->n_workers || start->window[2] == 0)
        return 1;
    made->file = open(start->text(start, "to", ""), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    made->thread = pthread_self();
    made->with_voxels = start->number(start, "voxels", 0) != 0;
    snprintf(made->json, sizeof made->json, "%s", start->options_json);
    if (made->file < 0) {
        snprintf(start->message, start->message_bytes, "%s cannot be written", start->options);
        free(made);
        return 1;
    }
    *state = made;
    return 0;
}

static void stop(void *state)
{
    close(((struct state *)state)->file);
    free(state);
}

static void write_statistics(FILE *out, const struct pw_statistics *s)
{
    fprintf(out, ", \"n\": %" PRIu64 ", \"minimum\": %.17g, \"maximum\": %.17g, \"percentiles\": [", s->n_voxels,
            s->minimum, s->maximum);
    for (uint32_t i = 0; i < s->n_percentiles; i++)
        fprintf(out, "%s%.17g", i > 0 ? ", " : "", s->percentile[i]);
    fprintf(out, "], \"bin_start\": %.17g, \"bin_width\": %.17g, \"bins\": [", s->bin_start, s->bin_width);
    for (uint64_t i = 0; i < s->n_bins; i++)
        fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", s->bin[i]);
    fprintf(out, "]");
    if (s->has_limits)
        fprintf(out, ", \"low\": %.17g, \"high\": %.17g", s->low, s->high);
}

static void write_voxels(FILE *out, const struct pw_tile *tile, uint32_t channel)
{
    const float *voxel = (const void *)((const char *)tile->voxels + channel * tile->channel_stride_bytes);
    if (tile->dtype != PW_F32)
        return;
    fprintf(out, ", \"voxels\": [");
    for (uint64_t i = 0; i < tile->shape[0] * tile->shape[1] * tile->shape[2]; i++)
        fprintf(out, "%s%.9g", i > 0 ? "," : "", (double)voxel[i]);
    fprintf(out, "]");
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *user)
{
    struct state *state = user;
    char *line = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&line, &bytes); /* several threads write: a line is one write() */
    (void)labels;
    if (out == NULL)
        return 1;
    if (!PW_HAS(tile, host) || !pthread_equal(state->thread, pthread_self())) {
        snprintf(tile->message, tile->message_bytes, "another thread than start() was in");
        return 1;
    }
    fprintf(out, "{\"index\": %" PRIu64 ", \"dtype\": \"%d\", \"rank\": %d, \"level\": %d, \"time\": %" PRIu64,
            tile->index, (int)tile->dtype, tile->rank, tile->level, tile->time);
    fprintf(out,
            ", \"n_channels\": %u, \"channel\": %" PRIu64 ", \"normalized\": %d, \"cancelled\": %d, \"options\": %s",
            tile->n_channels, tile->channel[0], tile->is_normalized, tile->cancelled(tile), state->json);
    fprintf(out,
            ", \"origin\": [%" PRIu64 ",%" PRIu64 ",%" PRIu64 "], \"shape\": [%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
            tile->origin[0], tile->origin[1], tile->origin[2], tile->shape[0], tile->shape[1], tile->shape[2]);
    if (tile->statistics != NULL)
        write_statistics(out, tile->statistics[0]);
    if (state->with_voxels)
        write_voxels(out, tile, 0);
    if (tile->n_channels > 1) {
        fprintf(out, ", \"channels\": [");
        for (uint32_t c = 0; c < tile->n_channels; c++) {
            fprintf(out, "%s{\"channel\": %" PRIu64, c > 0 ? "," : "", tile->channel[c]);
            if (tile->statistics != NULL)
                write_statistics(out, tile->statistics[c]);
            if (state->with_voxels)
                write_voxels(out, tile, c);
            fprintf(out, "}");
        }
        fprintf(out, "]");
    }
    fprintf(out, "}\n");
    fclose(out);
    int result = write(state->file, line, bytes) != (ssize_t)bytes;
    free(line);
    return result;
}

const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "told",
        .description = "writes down what it is told",
        .options = options,
        .configure = configure,
        .start = start,
        .segment = segment,
        .stop = stop,
    };
    return &plugin;
}
