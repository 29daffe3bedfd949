#include "sys/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/host.h"
#include "sys/pipe.h"

/* One that does not die of SIGKILL is in the kernel, where it does not write labels. */
#define DEATH_SECONDS 5.0

enum {
    FIRST_FREE_FD = 10 /* above what the child gets, so that moving one never overwrites another */
};

/* The child's ends. */
struct ends {
    int control, input, output, log, shared;
};

void pw_worker_process_init(struct pw_worker_process *process)
{
    process->pid = 0;
    process->control = process->input = process->output = process->log = -1;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void close_ends(struct ends *ends)
{
    close_fd(&ends->control);
    close_fd(&ends->input);
    close_fd(&ends->output);
    close_fd(&ends->log);
}

static void not_blocking(int fd)
{
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A pipe whose end `ours` (0 read, 1 write) is kept. */
static int make_pipe(int ours, int *mine, int *theirs)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0)
        return errno;
    *mine = fd[ours];
    *theirs = fd[!ours];
    not_blocking(*mine);
    return 0;
}

static int make_ends(struct pw_worker_process *process, const struct pw_worker_start *start, struct ends *ends)
{
    int pair[2];
    int failed = make_pipe(0, &process->log, &ends->log);
    if (failed == 0 && start->piped)
        failed = make_pipe(1, &process->input, &ends->input);
    if (failed == 0 && start->piped)
        failed = make_pipe(0, &process->output, &ends->output);
    if (failed == 0 && start->piped) {
        pw_pipe_widen(process->input);
        pw_pipe_widen(process->output);
    }
    if (failed != 0 || !start->control)
        return failed;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return errno;
    process->control = pair[0];
    ends->control = pair[1];
    not_blocking(process->control);
    return 0;
}

/* ---- in the child, between fork and exec: only what is safe there ------ */

static int move_up(int fd)
{
    return fd >= 0 ? fcntl(fd, F_DUPFD, FIRST_FREE_FD) : -1;
}

/* dup2() leaves the copy open across exec. */
static int put(int fd, int at)
{
    return fd < 0 || dup2(fd, at) == at;
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&action.sa_mask);
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &action, NULL);
    (void)sigprocmask(SIG_SETMASK, &action.sa_mask, NULL);
}

static _Noreturn void become(const struct pw_worker_start *start, const struct ends *ends, pid_t parent)
{
    int control = move_up(ends->control), shared = move_up(ends->shared);
    int null = open("/dev/null", O_RDONLY);
    int input = move_up(ends->input >= 0 ? ends->input : null), log = move_up(ends->log);
    int output = move_up(ends->output >= 0 ? ends->output : ends->log);
    (void)setpgid(0, 0);
    reset_signals();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before it could be noticed */
        _exit(127);
    if (!put(input, STDIN_FILENO) || !put(output, STDOUT_FILENO) || !put(log, STDERR_FILENO) ||
        !put(control, PW_WORKER_CONTROL_FD) || !put(shared, PW_WORKER_SHARED_FD))
        _exit(127);
    /* Libraries open files without O_CLOEXEC; none of them is a worker's business. */
    (void)syscall(SYS_close_range, shared >= 0 ? 5U : control >= 0 ? 4U : 3U, ~0U, 0U);
    (void)execve(start->argument[0], start->argument, start->environment);
    static const char text[] = "cannot be executed\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(127);
}

/* ------------------------------------------------------------------------ */

enum pw_status pw_worker_process_start(struct pw_worker_process *process, const struct pw_worker_start *start,
                                       struct pw_error *error)
{
    struct ends ends = {-1, -1, -1, -1, start->shared_fd};
    pw_worker_process_init(process);
    int failed = make_ends(process, start, &ends);
    if (failed == 0) {
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid == 0)
            become(start, &ends, parent);
        failed = pid < 0 ? errno : 0;
        process->pid = pid > 0 ? pid : 0;
        if (pid > 0)
            (void)setpgid(pid, pid); /* whoever of the two is first: it may have to be killed at once */
    }
    close_ends(&ends);
    if (failed == 0)
        return PW_OK;
    pw_worker_process_close(process);
    return pw_fail_errno(error, PW_E_NOMEM, failed, "cannot start a worker process");
}

void pw_worker_process_end_input(struct pw_worker_process *process)
{
    close_fd(&process->input);
}

/* Whether the leader is a zombie, which keeps its number and that of its group from being given to others. */
int pw_worker_process_has_ended(const struct pw_worker_process *process)
{
    siginfo_t info = {0};
    if (process->pid <= 0)
        return 1;
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD; /* a program that ignores SIGCHLD has no children to wait for */
    return info.si_pid != 0;
}

static void wait_for_end(const struct pw_worker_process *process, double seconds)
{
    const struct timespec step = {0, 2000000};
    double until = pw_host_seconds() + seconds;
    while (!pw_worker_process_has_ended(process) && pw_host_seconds() < until)
        (void)nanosleep(&step, NULL);
}

static void tell(int state, char *how, size_t how_bytes)
{
    if (how == NULL)
        return;
    if (WIFSIGNALED(state))
        (void)snprintf(how, how_bytes, "killed by signal %d (%s)", WTERMSIG(state), sigabbrev_np(WTERMSIG(state)));
    else
        (void)snprintf(how, how_bytes, "exit status %d", WEXITSTATUS(state));
}

void pw_worker_process_kill(const struct pw_worker_process *process, double seconds)
{
    if (process->pid <= 0)
        return;
    wait_for_end(process, seconds);
    (void)kill(-process->pid, SIGKILL);
    wait_for_end(process, DEATH_SECONDS);
}

void pw_worker_process_stop(struct pw_worker_process *process, double seconds, char *how, size_t how_bytes)
{
    int state = 0;
    if (how != NULL)
        (void)snprintf(how, how_bytes, "ended");
    if (process->pid <= 0)
        return;
    close_fd(&process->input);
    if (process->control >= 0)
        (void)shutdown(process->control, SHUT_RDWR);
    wait_for_end(process, seconds);
    int killed = !pw_worker_process_has_ended(process);
    (void)kill(-process->pid, SIGKILL); /* also what it has left behind; the number is still its own */
    while (waitpid(process->pid, &state, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
    if (!killed)
        tell(state, how, how_bytes);
    else if (how != NULL)
        (void)snprintf(how, how_bytes, "had to be killed");
    close_fd(&process->control);
    close_fd(&process->output);
}

void pw_worker_process_close(struct pw_worker_process *process)
{
    pw_worker_process_stop(process, 0, NULL, 0);
    close_fd(&process->control);
    close_fd(&process->input);
    close_fd(&process->output);
    close_fd(&process->log);
}
