/* Time: a monotonic clock for durations, the wall clock for the record, and a patient sleeper for
 * whoever waits on another process. */
#ifndef PSISWEEP_CLOCK_H
#define PSISWEEP_CLOCK_H

/* Seconds since an arbitrary point; never goes back. */
double psi_clock_monotonic(void);

/* Seconds of processor time of this process: other processes do not count. */
double psi_clock_processor(void);

/* Seconds since 1970-01-01 UTC. */
double psi_clock_wall(void);

void psi_clock_sleep(double seconds);

/* Waiting without burning a core: yields at first, then sleeps longer and longer, 20 ms at most.
 * Zero it to begin, and again whenever something happened. */
struct psi_patience {
    unsigned rounds;
};
void psi_patience_wait(struct psi_patience *patience);

/* Seconds since the first call, of which a span without a call counts for one second at most: who
 * was suspended, or busy elsewhere, has not heard that others were silent. Zero it to begin. */
struct psi_awake {
    double seconds, at;
};
double psi_awake_seconds(struct psi_awake *awake);

#endif
