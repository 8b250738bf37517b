#include "run_limit.h"

#include "psisweep/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time that is left, as squeue writes it; it may be negative, or a word. */
static double left_of_squeue(const char *job)
{
    char command[128], line[64] = "";
    double seconds;
    struct psi_error err;
    /* a controller that does not answer must not hold the sweep up */
    snprintf(command, sizeof command, "timeout 30 squeue -h -j %s -o %%L 2>/dev/null", job);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return NAN;
    if (!fgets(line, sizeof line, pipe))
        line[0] = '\0';
    pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '-')
        return 0.0;
    return psi_limit_parse(line, &seconds, &err) ? NAN : seconds;
}

double psi_slurm_left(void)
{
    const char *job = getenv("SLURM_JOB_ID"), *end = getenv("SLURM_JOB_END_TIME");
    if (!job)
        return INFINITY;
    if (end && *end && strspn(end, "0123456789") == strlen(end)) /* Slurm 23.02 and later */
        return fmax(0.0, strtod(end, NULL) - psi_clock_wall());
    if (!*job || strlen(job) > 20 || strspn(job, "0123456789") != strlen(job))
        return NAN;
    return left_of_squeue(job);
}

/* Did srun, or any other launcher, tell this process of the others? */
static int launcher_spoke(int size)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
    size_t trusted = size == 1 ? 1 : sizeof names / sizeof *names; /* a PMI that MPI did not take */
    for (size_t i = 0; i < trusted; i++)
        if (getenv(names[i]))
            return 1;
    return size > 1;
}

enum psi_status psi_slurm_check(int size, struct psi_error *err)
{
    /* of the step, not of the allocation: mpirun, and a shell that salloc gave, are one task */
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");
    if (!tasks || atoi(tasks) <= 1 || launcher_spoke(size))
        return PSI_OK;
    return psi_fail(err, PSI_ENVIRONMENT,
                    "srun started %d tasks that this MPI does not join to one launch: use srun "
                    "--mpi=pmix, or mpirun in a batch script (jobs/psisweep.sbatch)",
                    atoi(tasks));
}

int psi_slurm_speaks(void)
{
    const char *task = getenv("SLURM_PROCID");
    return !task || atoi(task) == 0;
}
