/* The machine, the MPI and the libraries: what is known to go wrong with them. */
#include "doctor.h"

#include "psisweep/clock.h"
#include "psisweep/kernel.h"

#include <errno.h>
#include <hdf5.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

static long environment_number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static void check_processor(struct psi_doctor *d)
{
    int level = psi_kernels_best();
    psi_doctor_say(d, "processor", level == PSI_PORTABLE ? PSI_WARNING : PSI_FINE,
                   "no AVX2: sweeps take several times as long",
                   "kernels %s, BLAS core %s, numerics %08x (ranks and resumes need the same)",
                   psi_kernels_name(level), psi_blas_core(), (unsigned)psi_numerics_probe());
}

static void check_cores(struct psi_doctor *d)
{
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                            : (int)sysconf(_SC_NPROCESSORS_ONLN);
    long ranks = environment_number("OMPI_COMM_WORLD_LOCAL_SIZE");
    if (ranks == 0)
        ranks = environment_number("SLURM_NTASKS_PER_NODE");
    psi_doctor_say(d, "cores", ranks > cores ? PSI_WARNING : PSI_FINE,
                   "one rank a core: more only wait for each other", "%d usable here%s", cores,
                   ranks > cores ? ", fewer than the ranks of this launch" : "");
}

static void check_blas(struct psi_doctor *d)
{
    const char *config = psi_blas_config();
    int open = strstr(config, "OpenBLAS") != NULL;
    int threaded = strstr(config, "MAX_THREADS") && !strstr(config, "SINGLE_THREADED") &&
                   !strstr(config, "MAX_THREADS=1");
    psi_doctor_say(d, "BLAS", open && !threaded ? PSI_FINE : PSI_WARNING,
                   "link a serial OpenBLAS (libopenblas-serial-dev); meanwhile set "
                   "OPENBLAS_NUM_THREADS=1: a rank uses one thread",
                   "%s", config);
}

static void check_hdf5(struct psi_doctor *d)
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    int same = major == H5_VERS_MAJOR && minor == H5_VERS_MINOR;
    psi_doctor_say(d, "HDF5", same ? PSI_FINE : PSI_PROBLEM,
                   "load the HDF5 that this program was built with, or build it anew",
                   "%u.%u.%u, built with %d.%d.%d, parallel (results are written independently, "
                   "contiguously: no collective calls)",
                   major, minor, release, H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

static void check_mpi(struct psi_doctor *d)
{
    static const char *const ask[] = {
        "sh", "-c", "command -v mpirun >/dev/null && mpirun --version | head -n 1", NULL};
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "", said[PSI_CHECK_TEXT];
    int length, version[3], started[3] = {0};
    MPI_Get_library_version(text, &length); /* one of the few calls allowed before MPI_Init */
    text[strcspn(text, ",\n")] = '\0';
    int open = sscanf(text, "Open MPI v%d.%d.%d", &version[0], &version[1], &version[2]) == 3;
    /* OMPIO below 4.1.7 loses data in collective writes with gaps; there are none here */
    psi_doctor_say(d, "MPI", open ? PSI_FINE : PSI_WARNING,
                   "tried with Open MPI 4 alone: watch the two-rank sweep below", "%s%s", text,
                   open && version[0] * 10000 + version[1] * 100 + version[2] < 40107
                       ? " (its OMPIO corrupts collective writes with gaps: none are done)"
                       : "");
    int code = psi_doctor_run(ask, 20, said);
    char *number = code == 0 ? strpbrk(said, "0123456789") : NULL;
    int known = number && sscanf(number, "%d.%d.%d", &started[0], &started[1], &started[2]) >= 2;
    int other = open && known && started[0] != version[0];
    psi_doctor_say(d, "mpirun", code || other ? PSI_PROBLEM : PSI_FINE,
                   code ? "put the mpirun of this MPI on PATH, or start ranks with srun --mpi=pmix"
                        : "mpirun and library are of different MPIs: every rank would believe to "
                          "be alone; load one of them",
                   "%s", code ? "not found" : said);
}

static void check_root(struct psi_doctor *d)
{
    if (geteuid() != 0)
        return;
    int allowed = getenv("OMPI_ALLOW_RUN_AS_ROOT") && getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
    psi_doctor_say(d, "root", allowed ? PSI_FINE : PSI_PROBLEM,
                   "mpirun refuses root: export OMPI_ALLOW_RUN_AS_ROOT=1 "
                   "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or be somebody else",
                   "running as root, which Open MPI %s", allowed ? "was told to allow" : "refuses");
}

static void check_slurm(struct psi_doctor *d)
{
    static const char *const ask[] = {"sh", "-c", "srun --mpi=list 2>&1 | tr '\\n' ' '", NULL};
    static const char *const find[] = {"sh", "-c", "command -v srun", NULL};
    char said[PSI_CHECK_TEXT];
    if (psi_doctor_run(find, 10, said) != 0)
        return;
    int asked = psi_doctor_run(ask, 20, said) == 0;
    int pmix = asked && strstr(said, "pmix") != NULL;
    psi_doctor_say(d, "srun", pmix ? PSI_FINE : PSI_WARNING,
                   "start ranks with mpirun inside the batch script (jobs/psisweep.sbatch does): "
                   "srun without PMIx starts ranks that do not know each other",
                   "%s%.200s", pmix ? "has PMIx: srun --mpi=pmix" : "no PMIx in srun --mpi=list: ",
                   pmix ? "" : said);
}

/* Room and leave to write in a folder that Open MPI puts things in. */
static void check_scratch(struct psi_doctor *d, const char *name, const char *folder,
                          const char *advice)
{
    const double least = 64e6; /* bytes: some MB a rank */
    struct statvfs what;
    char path[PSI_DOCTOR_PATH];
    snprintf(path, sizeof path, "%s/psisweep-doctor-XXXXXX", folder);
    int fd = mkstemp(path), cause = errno;
    if (fd >= 0) {
        unlink(path);
        close(fd);
    }
    if (fd < 0 || statvfs(folder, &what) != 0) {
        psi_doctor_say(d, name, PSI_PROBLEM, advice, "%s: not writable: %s", folder,
                       strerror(fd < 0 ? cause : errno));
        return;
    }
    double room = (double)what.f_bavail * (double)what.f_frsize;
    psi_doctor_say(d, name, room < least ? PSI_PROBLEM : PSI_FINE, advice,
                   "%s: writable, %.0f MB free", folder, 1e-6 * room);
}

static void check_limit(struct psi_doctor *d, const char *name, int resource, double least,
                        const char *advice)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    psi_doctor_say(d, name, (double)limit.rlim_cur < least ? PSI_WARNING : PSI_FINE, advice,
                   "at most %.4g", (double)limit.rlim_cur);
}

static void check_memory(struct psi_doctor *d)
{
    const double least = 500e6; /* bytes: a rank with MNIST and LeNet-300-100 takes some 150 MB */
    char line[256];
    double available = -1.0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lf kB", &available) == 1)
            break;
    if (file)
        fclose(file);
    if (available >= 0.0)
        psi_doctor_say(d, "memory", available * 1024 < least ? PSI_WARNING : PSI_FINE,
                       "a rank takes its data set and a few times its network: start fewer ranks",
                       "%.0f MB available", available * 1.024e-3);
}

void psi_doctor_machine(struct psi_doctor *d)
{
    const double year_2024 = 1704067200.0;
    const char *temporary = getenv("TMPDIR");
    check_processor(d);
    check_cores(d);
    check_memory(d);
    check_blas(d);
    check_hdf5(d);
    check_mpi(d);
    check_root(d);
    check_slurm(d);
    check_scratch(d, "shared memory", "/dev/shm",
                  "ranks talk through files here: mount it, or export "
                  "OMPI_MCA_btl_vader_backing_directory=FOLDER");
    check_scratch(d, "TMPDIR", temporary ? temporary : "/tmp",
                  "mpirun keeps its session here: make room, or export TMPDIR=FOLDER");
    check_limit(d, "ulimit -f", RLIMIT_FSIZE, 4e9,
                "results files may not fit: ulimit -f unlimited");
    check_limit(d, "ulimit -v", RLIMIT_AS, 4e9, "ranks may run out of memory: ulimit -v unlimited");
    check_limit(d, "ulimit -n", RLIMIT_NOFILE, 256,
                "mpirun opens several files a rank: ulimit -n 1024");
    psi_doctor_say(d, "clock", psi_clock_wall() < year_2024 ? PSI_WARNING : PSI_FINE,
                   "set the clock: launches are recorded by it", "%.0f s since 1970",
                   psi_clock_wall());
}
