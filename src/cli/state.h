/* psisweep status, in parts: what a file says of its sweep now, and the printers. */
#ifndef PSISWEEP_CLI_STATE_H
#define PSISWEEP_CLI_STATE_H

#include "cli.h"
#include "psisweep/results.h"
#include "psisweep/threshold.h"

#define PSI_STATE_SCHEMA "psisweep-status-1"

enum psi_state_kind {
    PSI_STATE_PARENTS,
    PSI_STATE_CELLS, /* of the grid */
    PSI_STATE_ADDED, /* between the grid's densities, around F_min */
    PSI_STATE_LADDERS,
    PSI_STATE_KINDS
};
extern const char *const psi_state_kind_name[PSI_STATE_KINDS];

/* wanted = done + running + failed + pending. Failed counts those that wait for a failed one, too;
 * running, those of the launch that is at work. */
struct psi_state_count {
    size_t wanted, done, running, failed, pending, skipped;
    double seconds_done, seconds_left; /* core seconds; left: neither done nor failed */
};

struct psi_state_failure {
    struct psi_record_at at;
    struct psi_made made;
};

enum psi_state_verdict { PSI_STATE_COMPLETE, PSI_STATE_FAILED, PSI_STATE_INCOMPLETE };

struct psi_state {
    const char *path; /* as the user gave it */
    enum psi_lock_state lock;
    char who[PSI_LOCK_WHO];
    const char *creating; /* why there is no file to read yet; NULL = there is one, read below */
    struct psi_results *results;
    const struct psi_job *job;
    enum psi_state_verdict verdict;
    int decided; /* kinds before this one are known; what is added depends on the grid */
    struct psi_state_count kind[PSI_STATE_KINDS], total;
    struct psi_state_arm {
        struct psi_state_count cells, ladders;
        struct psi_pooled pooled; /* F_min so far, in density */
    } * arm;                      /* (arms) owned */
    int timed;                    /* 0: nothing is done yet that seconds could be told from */
    struct psi_launch launch[PSI_LAUNCHES];
    size_t launches;
    struct psi_state_failure *failure; /* (failures) owned */
    size_t failures;
};

/* Reads only. What a failure leaves is released by psi_state_close. */
enum psi_status psi_state_open(const char *path, struct psi_state *state, struct psi_error *err);
void psi_state_close(struct psi_state *state);

/* Wall-clock seconds left at the ranks of the launch at work; NaN where nobody is or nothing is
 * known. */
double psi_state_left(const struct psi_state *state);
double psi_state_share(const struct psi_state *state); /* of the work known of; NaN = not known */

const char *psi_state_verdict_name(const struct psi_state *state); /* "complete", ... */
int psi_state_exit_code(const struct psi_state *state);

void psi_state_print_text(const struct psi_state *state);
void psi_state_print_line(const struct psi_state *state);
void psi_state_print_json(const struct psi_state *state);

#endif
