#include "label_options.h"

#include <string.h>

void pw_label_options_init(struct pw_label_options *options)
{
    memset(options, 0, sizeof *options);
    options->channel = options->time = -1;
}

int pw_label_options_take(int option, const char *text, struct pw_label_options *options)
{
    uint64_t number;
    switch (option) {
    case PW_OPTION_CHANNEL: return pw_argument_index("--channel", text, &options->channel);
    case PW_OPTION_TIME: return pw_argument_time(text, &options->time, &options->n_times);
    case PW_OPTION_MEMORY: return pw_argument_size("--memory", text, &options->memory_bytes);
    case PW_OPTION_SCRATCH: options->scratch_dir = text; return 1;
    case PW_OPTION_THREADS:
        if (!pw_argument_number("--threads", text, 1, 1024, &number))
            return 0;
        options->threads = (int)number;
        return 1;
    default: return pw_argument_open(option, text, &options->open) == 1;
    }
}

void pw_label_options_input(const struct pw_label_options *options, const char *path, struct pw_label_input *input)
{
    struct pw_image *image;
    struct pw_error error = {0};
    struct pw_open_options plain = {.level = options->open.level,
                                    .axes = options->open.axes,
                                    .series = options->open.series,
                                    .well = options->open.well};
    memset(input, 0, sizeof *input);
    input->path = path;
    input->open = options->open;
    input->channel = options->channel;
    input->time = options->time;
    input->n_times = options->n_times;
    if (options->open.raw_rank == 0 || strcmp(path, "-") == 0)
        return;
    if (pw_image_open(path, &plain, &image, &error) == PW_OK) {
        pw_image_close(image);
        input->open = plain;
    }
}
