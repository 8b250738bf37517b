/* psisweep run, in parts: setup (job, ranks, file), work (one task), progress (rank 0's line). */
#ifndef PSISWEEP_CLI_RUN_H
#define PSISWEEP_CLI_RUN_H

#include "cli.h"
#include "cost.h"
#include "facts.h"
#include "psisweep/farm.h"
#include "psisweep/job.h"
#include "psisweep/results.h"
#include "psisweep/trial.h"
#include "rounds.h"
#include <signal.h>

enum { PSI_PARENTS_KEPT = 4 };

struct psi_run_options {
    const char *job_path;
    const char *output; /* NULL = results/NAME.h5 */
    const char *from;   /* NULL = none */
    const char **override;
    size_t overrides;
    unsigned attempts;
    int print_config, print_keys, print_output, fail_fast, allow_mixed, quiet;
    double lost_after, cell_limit, time_limit; /* seconds; 0 = the usual, none, Slurm's */
    enum psi_format format;
};

/* A dense parent in memory, with the modes its cells are compared with. */
struct psi_kept_parent {
    size_t seed; /* SIZE_MAX = empty */
    unsigned long used;
    struct psi_parent parent;
    struct psi_parent_modes *modes;
};

/* One launch, as one rank sees it. */
struct psi_run {
    const struct psi_run_options *options;
    struct psi_peers *peers;
    int rank, size;
    struct psi_job *job;
    char name[4096];             /* the results file as the user knows it */
    char path[4096];             /* the same, links resolved */
    char numerics[PSI_NUMERICS]; /* "avx512 SkylakeX 01234567": kernels, BLAS core, probe */
    int kernel_level;
    int mixed; /* ranks differ in numerics, and that was accepted */
    struct psi_lock *leader, *worker;
    struct psi_study *study;
    struct psi_results *results;
    int32_t launch;
    struct psi_kept_parent kept[PSI_PARENTS_KEPT];
    unsigned long uses;
    /* rank 0: the round that is being worked on, how many have no more to plan, and what all but
     * this one came to (running: neither done nor failed) */
    enum psi_round round;
    int rounds;
    struct psi_record_at *record; /* (tasks of the round) what each task is; owned */
    uint32_t tasks;
    uint8_t *listed;               /* (cells) 1 = was a task of the round around F_min; owned */
    struct psi_schedule *schedule; /* of the round; owned */
    struct psi_schedule_count total;
    double began, end; /* monotonic seconds; end: of the time limit, or INFINITY */
    int out_of_time;
    double *cost; /* (tasks) room for new ones; owned */
    struct psi_costs costs;
    /* workspace */
    struct psi_cell cell;
    struct psi_rung_record rung;
    struct psi_slot chain, next;
    volatile sig_atomic_t *stop;
    struct psi_progress_line *progress; /* rank 0 */
};

/* The results file of a job: --output, else results/NAME.h5. */
void psi_run_path(const struct psi_run_options *options, const struct psi_job *job, char *path,
                  size_t size);

/* Collective: ranks agree on numerics, load data, create or open the file, take the locks. */
enum psi_status psi_run_setup(struct psi_run *run, struct psi_error *err);
void psi_run_teardown(struct psi_run *run);

/* A rank that dies of a signal of its own making says which one, in its byte of the workers' lock,
 * until psi_run_crash_end. crashed: that signal as a failure's cause, PSI_LOST where none is known.
 */
void psi_run_crash_begin(const struct psi_lock *worker, int rank);
void psi_run_crash_end(void);
enum psi_status psi_run_crashed(const struct psi_lock *worker, int rank);

/* Rank 0: what the next round that has anything to do consists of, from the job and from what the
 * file holds now that the one before has ended, so that a resumed sweep comes to the same. Fills
 * run->round, run->record and, for the scheduler, *task (owned by the caller). tasks = 0: there is
 * no further round. */
enum psi_status psi_run_tasks(struct psi_run *run, struct psi_task **task, uint32_t *tasks,
                              struct psi_error *err);

/* All rounds, from begin to end, on every rank. *code: the exit code, the same on all, but left as
 * it is where rank 0 was lost. */
enum psi_status psi_run_rounds(struct psi_run *run, int *code, struct psi_error *err);

/* Rank 0: note what a task has taken, and give the scheduler other costs where they were far off.
 */
void psi_run_cost_learn(struct psi_run *run, uint32_t task, double seconds);

/* Before MPI_Init, on the rank that will be 0: the moment by which a launch that began at `began`
 * has to end, said on stderr. INFINITY = none. */
double psi_run_limit_end(const struct psi_run_options *options, double began);
/* Rank 0: no task is given out from here on that would not end in time; all stop when time is up.
 */
void psi_run_limit_look(struct psi_run *run);

/* The farm's callback: do one task and put it into the file. context = struct psi_run, order =
 * struct psi_record_at. */
enum psi_status psi_run_work(void *context, const void *order, const struct psi_progress *progress,
                             struct psi_outcome *outcome, struct psi_error *err);

/* Rank 0's progress line on stderr, for a sweep of which cost_done (in task costs) was done before
 * this launch; and the farm's report callback. context = struct psi_run. */
struct psi_progress_line;
enum psi_status psi_progress_line_create(struct psi_run *run, double cost_done,
                                         struct psi_progress_line **out, struct psi_error *err);
void psi_progress_line_destroy(struct psi_progress_line *line);
void psi_progress_line_report(void *context, const struct psi_schedule_count *count, uint32_t task,
                              uint32_t worker, const struct psi_outcome *outcome);

#endif
