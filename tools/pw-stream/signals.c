#include "signals.h"

#include <signal.h>

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t asked;

static const int stop[] = {SIGINT, SIGTERM, SIGHUP};
enum {
    STOPS = (int)(sizeof stop / sizeof stop[0])
};
static volatile sig_atomic_t is_caught[STOPS];

/* The next one, whichever it is, ends the process at once. */
static void on_stop(int signal_number)
{
    stop_signal = signal_number;
    for (int i = 0; i < STOPS; i++)
        if (is_caught[i])
            (void)signal(stop[i], SIG_DFL);
}

static void on_ask(int signal_number)
{
    (void)signal_number;
    asked = 1;
}

void pw_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigemptyset(&action.sa_mask);
    for (int i = 0; i < STOPS; i++) {
        struct sigaction old;
        /* Whoever started us with a signal ignored (nohup) wants it ignored. */
        is_caught[i] = sigaction(stop[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN;
    }
    for (int i = 0; i < STOPS; i++)
        if (is_caught[i])
            (void)sigaction(stop[i], &action, NULL);
    action.sa_handler = on_ask;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGUSR1, &action, NULL);
}

int pw_signals_stopped(void)
{
    return stop_signal;
}

int pw_signals_stop(void *unused)
{
    (void)unused;
    return stop_signal != 0;
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
