#include "psisweep/clock.h"

#include <math.h>
#include <sched.h>
#include <time.h>

static double clock_seconds(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double psi_clock_monotonic(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

double psi_clock_processor(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double psi_clock_wall(void)
{
    return clock_seconds(CLOCK_REALTIME);
}

void psi_clock_sleep(double seconds)
{
    struct timespec span = {.tv_sec = (time_t)seconds};
    span.tv_nsec = (long)(1e9 * (seconds - floor(seconds)));
    nanosleep(&span, NULL); /* a signal may cut it short: the caller looks again anyway */
}

void psi_patience_wait(struct psi_patience *patience)
{
    /* 2,000 polls with a yield take about a millisecond; answers mostly come sooner. After that
     * the naps double from 50 us to 20 ms, at which an idle rank uses under 1 % of a core. */
    enum { YIELDS = 2000, DOUBLINGS = 9 };
    if (patience->rounds < YIELDS) {
        patience->rounds++;
        sched_yield();
        return;
    }
    unsigned doubling = patience->rounds - YIELDS;
    if (doubling < DOUBLINGS)
        patience->rounds++;
    double nap = 50e-6 * (double)(1u << doubling);
    psi_clock_sleep(nap < 0.02 ? nap : 0.02);
}

double psi_awake_seconds(struct psi_awake *awake)
{
    double now = psi_clock_monotonic(), span = now - awake->at;
    if (awake->at != 0.0)
        awake->seconds += span < 1.0 ? span : 1.0;
    awake->at = now;
    return awake->seconds;
}
