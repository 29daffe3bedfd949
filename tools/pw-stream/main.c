/* pw-stream: finds the verb and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "help_text.h"
#include "patchworks.h"
#include "signals.h"

const struct pw_command pw_commands[] = {
    {"run", pw_cmd_run, "segment an image in tiles, write one label volume", pw_help_run},
    {"merge", pw_cmd_merge, "join the labels of an array that was labelled tile by tile", pw_help_merge},
    {"remerge", pw_cmd_remerge, "merge the tiles of a kept stage again, by another rule", pw_help_remerge},
    {"explain", pw_cmd_explain, "tell what made an object of a kept stage", pw_help_explain},
    {"seams", pw_cmd_seams, "judge the seams of a kept stage", pw_help_seams},
    {"fn", pw_cmd_fn, "list and describe functions, begin one of your own", pw_help_fn},
    {"probe", pw_cmd_probe, "try halos on a part of an image: which one suffices, and what a run will take",
     pw_help_probe},
    {"tiles", pw_cmd_tiles, "write the tiles of an image to standard output, for a filter", pw_help_tiles},
    {"collect", pw_cmd_collect, "merge the labels that a filter made of tiles", pw_help_collect},
    {"info", pw_cmd_info, "describe an image or a label store", pw_help_info},
    {"cat", pw_cmd_cat, "write an array to standard output, as npy or raw", pw_help_cat},
    {"measure", pw_cmd_measure, "measure the objects of a label volume: a table", pw_help_measure},
    {"convert", pw_cmd_convert, "write an image as OME-Zarr or OME-TIFF with levels, HDF5, NRRD, npy ...",
     pw_help_convert},
    {"pyramid", pw_cmd_pyramid, "add smaller levels to an OME-Zarr image or label image", pw_help_pyramid},
    {"preview", pw_cmd_preview, "draw a plane with the outlines of its labels", pw_help_preview},
    {"compare", pw_cmd_compare, "how alike two label volumes are", pw_help_compare},
    {"relate", pw_cmd_relate, "which object of one label volume each object of another lies in", pw_help_relate},
    {"version", pw_cmd_version, "versions, codecs, I/O engines, SIMD level", pw_help_version},
    {"help", pw_cmd_help, "this list, or the options of a verb", pw_help_help},
    {NULL, NULL, NULL, NULL},
};

int pw_command_fail(const struct pw_error *error)
{
    if (error->status != PW_E_PIPE && pw_signals_stopped() == 0)
        (void)fprintf(stderr, "pw-stream: %s\n", error->message);
    return error->status == PW_E_ARGUMENT ? PW_EXIT_USAGE : PW_EXIT_FAILED;
}

int pw_command_end(enum pw_status status, const struct pw_error *error)
{
    if (status == PW_OK)
        return PW_EXIT_DONE;
    int exit_status = pw_command_fail(error);
    pw_signals_end();
    return exit_status;
}

static const struct pw_command *find(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (const struct pw_command *c = pw_commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return 1;
    return 0;
}

/* Buffered output that does not reach its file is an error too; a reader that went away is not worth a word. */
static int close_output(int status)
{
    int failed = ferror(stdout);
    if (fclose(stdout) == 0 && !failed)
        return status;
    if (errno != EPIPE)
        (void)fprintf(stderr, "pw-stream: standard output: %s\n", strerror(errno));
    return status == PW_EXIT_DONE ? PW_EXIT_FAILED : status;
}

/*
 * Whoever starts us with descriptor 0, 1 or 2 closed would have the first files that are opened take their places, and
 * what is printed go into them: voxels, for example.
 */
static int open_standard_files(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return 0;
    (void)close(fd);
    return 1;
}

int main(int argc, char **argv)
{
    if (!open_standard_files())
        return PW_EXIT_FAILED;
    /* A closed pipe is an error of write(), found where the writing is done and cleaned up after. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        (void)fputs("pw-stream: no verb; see pw-stream help\n", stderr);
        return PW_EXIT_USAGE;
    }
    const struct pw_command *command = find(argv[1]);
    if (command == NULL) {
        (void)fprintf(stderr, "pw-stream: %s: no such verb; see pw-stream help\n", argv[1]);
        return PW_EXIT_USAGE;
    }
    if (asks_for_help(argc - 1, argv + 1)) {
        pw_help_print(command->help);
        return close_output(PW_EXIT_DONE);
    }
    optind = 1;
    return close_output(command->run(argc - 1, argv + 1));
}
