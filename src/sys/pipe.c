#include "sys/pipe.h"

#include <fcntl.h>

enum {
    PIPE_BYTES = 1 << 20 /* what a system grants to everyone unless told otherwise */
};

void pw_pipe_widen(int fd)
{
    if (fcntl(fd, F_GETPIPE_SZ) < PIPE_BYTES) /* -1 of what is no pipe; setting that fails likewise */
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}
