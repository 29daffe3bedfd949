/* pw-stream cat: an array to standard output, in raster order. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"

enum {
    PIPE_BYTES = 1 << 20 /* what a system grants to everyone unless told otherwise */
};

/* Both sides of a pipe that holds more work longer before one waits for the other. */
static void widen_pipe(void)
{
    if (fcntl(STDOUT_FILENO, F_GETPIPE_SZ) < PIPE_BYTES)
        (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
}

/* Writes n bytes; 0 on success.  A reader that went away ends the program quietly. */
static int put(const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t w = write(STDOUT_FILENO, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
            continue;
        }
        if (w < 0) {
            if (errno != EPIPE)
                (void)fprintf(stderr, "pw-stream: standard output: %s\n", strerror(errno));
            return 1;
        }
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

static const char *npy_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return "|b1";
    case PW_U8: return "|u1";
    case PW_I8: return "|i1";
    case PW_U16: return "<u2";
    case PW_I16: return "<i2";
    case PW_U32: return "<u4";
    case PW_I32: return "<i4";
    case PW_U64: return "<u8";
    case PW_I64: return "<i8";
    case PW_F16: return "<f2";
    case PW_F32: return "<f4";
    case PW_F64: return "<f8";
    case PW_DTYPE_NONE: break;
    }
    return "";
}

/* The npy version 1 header: its length is a multiple of 64, and it ends in a line feed. */
static int put_npy_header(const struct pw_image_info *info)
{
    char text[512];
    size_t n = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                npy_type(info->dtype));
    for (int i = 0; i < info->rank; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%llu%s", (unsigned long long)info->shape[i],
                              i + 1 < info->rank ? ", "
                              : info->rank == 1  ? ","
                                                 : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    size_t total = (10 + n + 1 + 63) / 64 * 64;
    unsigned char header[640] = "\x93NUMPY\x01";
    header[8] = (unsigned char)(total - 10);
    header[9] = (unsigned char)((total - 10) >> 8);
    memcpy(header + 10, text, n);
    memset(header + 10 + n, ' ', total - 10 - n - 1);
    header[total - 1] = '\n';
    return put(header, total);
}

static int put_piece(const void *bytes, size_t n, void *user)
{
    (void)user;
    return put(bytes, n);
}

/* What the command line asks for. */
struct request {
    int raw;
    struct pw_open_options open;
    struct pw_stream_options stream;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    uint64_t number;
    switch (option) {
    case 'r': return request->raw = 1;
    case 't':
        if (!pw_argument_number("--threads", text, 1, 1024, &number))
            return 0;
        request->stream.threads = (unsigned)number;
        return 1;
    case 'm': return pw_argument_size("--memory", text, &request->stream.memory_bytes);
    default: return pw_argument_open(option, text, &request->open);
    }
}

/* Options into request; PW_EXIT_DONE, or PW_EXIT_USAGE after a message. */
static int parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {{"raw", no_argument, NULL, 'r'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"memory", required_argument, NULL, 'm'},
                                            PW_OPEN_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    pw_argument_verb(argv[0]);
    if (pw_argument_options(argc, argv, ":", options, take_option, request) != PW_EXIT_DONE ||
        !pw_argument_open_check(&request->open))
        return PW_EXIT_USAGE;
    if (argc - optind == 1)
        return PW_EXIT_DONE;
    (void)pw_argument_wrong("%s takes one PATH", argv[0]);
    return PW_EXIT_USAGE;
}

int pw_cmd_cat(int argc, char **argv)
{
    struct pw_image *image = NULL;
    struct pw_error error = {0};
    struct request request = {0};
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    widen_pipe();
    if (pw_image_open(argv[optind], &request.open, &image, &error) != PW_OK)
        status = PW_EXIT_FAILED;
    else if (!request.raw && put_npy_header(pw_image_describe(image)) != 0)
        status = PW_EXIT_FAILED;
    else if (pw_image_stream(image, &request.stream, put_piece, NULL, &error) != PW_OK)
        status = PW_EXIT_FAILED;
    if (status != PW_EXIT_DONE && error.message[0] != '\0' && error.status != PW_E_CANCELLED)
        (void)fprintf(stderr, "pw-stream: %s\n", error.message);
    pw_image_close(image);
    return status;
}
