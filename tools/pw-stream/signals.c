#include "signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t asked;

static void on_stop(int signal_number)
{
    stop_signal = signal_number;
}

static void on_ask(int signal_number)
{
    (void)signal_number;
    asked = 1;
}

void pw_signals_catch(void)
{
    static const int stop[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = (int)SA_RESETHAND; /* the second one is not caught */
    for (size_t i = 0; i < sizeof stop / sizeof stop[0]; i++) {
        struct sigaction old;
        /* Whoever started us with a signal ignored (nohup) wants it ignored. */
        if (sigaction(stop[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaction(stop[i], &action, NULL);
    }
    action.sa_handler = on_ask;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGUSR1, &action, NULL);
}

int pw_signals_stopped(void)
{
    return stop_signal;
}

int pw_signals_asked(void)
{
    int was = asked;
    asked = 0;
    return was;
}

void pw_signals_end(void)
{
    if (stop_signal == 0)
        return;
    (void)signal(stop_signal, SIG_DFL);
    (void)raise(stop_signal);
}
