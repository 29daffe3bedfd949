/*
 * sys/pipe - what every pipe that carries images or labels wants.
 *
 * Any thread.
 */
#ifndef PW_SYS_PIPE_H
#define PW_SYS_PIPE_H

/*
 * Has the pipe at fd hold as much as the system grants, a megabyte by default: both sides then work longer before one
 * waits for the other.  Nothing happens where fd is no pipe or nothing is granted.
 */
void pw_pipe_widen(int fd);

#endif
