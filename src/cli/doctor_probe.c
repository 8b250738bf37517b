/* The probes: a results file through the store, and a whole sweep of two ranks. */
#include "doctor.h"
#include "facts.h"

#include "psisweep/child.h"
#include "psisweep/clock.h"
#include "psisweep/kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The smallest sweep that trains, prunes and measures. */
static const char probe_job[] = "name: doctor\n"
                                "data: {set: glyphs, train: 200, test: 100, validation: 50}\n"
                                "model: {hidden: [8]}\n"
                                "train: {epochs: 1, batch: 50}\n"
                                "retrain: {epochs: 1, batch: 50}\n"
                                "arms: [{criterion: magnitude}]\n"
                                "grid: {density: [1, 0.1], seeds: 2}\n";

struct place {
    char job[PSI_DOCTOR_PATH + 64], file[PSI_DOCTOR_PATH + 64];
};

static void place_begin(const struct psi_doctor *d, struct place *place)
{
    snprintf(place->job, sizeof place->job, "%s/.psisweep-doctor-%ld.yaml", d->folder,
             (long)getpid());
    snprintf(place->file, sizeof place->file, "%s/.psisweep-doctor-%ld.h5", d->folder,
             (long)getpid());
}

/* Nothing stays behind. */
static void place_end(const struct psi_doctor *d, const struct place *place)
{
    static const char *const beside[] = {".psisweep-doctor-%ld.h5.tmp",
                                         "..psisweep-doctor-%ld.h5.leader.lock",
                                         "..psisweep-doctor-%ld.h5.workers.lock"};
    unlink(place->job);
    unlink(place->file);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char name[128], path[PSI_DOCTOR_PATH + 192];
        snprintf(name, sizeof name, beside[i], (long)getpid());
        snprintf(path, sizeof path, "%s/%s", d->folder, name);
        unlink(path);
    }
}

/* --- the store ------------------------------------------------------------------------------- */

static void fill_parent(const struct psi_layout *layout, struct psi_parent *parent)
{
    for (size_t i = 0; i < layout->extent[PSI_AXIS_PARAMETER]; i++)
        parent->parameter[i] = (float)sin((double)i);
    parent->accuracy = 0.5;
}

static enum psi_status write_file(const char *path, const struct psi_study *study,
                                  struct psi_error *err)
{
    struct psi_results_facts facts = psi_cli_facts(study, "doctor");
    struct psi_results *results = NULL;
    struct psi_parent parent = {.made.seconds = 0.0};
    enum psi_status status = psi_results_create(path, &facts, err);
    if (!status)
        status = psi_results_open(path, PSI_RESULTS_REPAIR, &results, err);
    if (!status)
        status = psi_record_create(PSI_OF_PARENT, &study->layout, &parent, err);
    for (size_t seed = 0; !status && seed < study->job->seeds; seed++) {
        struct psi_record_at at = {.owner = PSI_OF_PARENT, .seed = seed};
        fill_parent(&study->layout, &parent);
        status = psi_results_put(results, at, &parent, err);
    }
    psi_record_clear(PSI_OF_PARENT, &parent);
    psi_results_close(results);
    return status;
}

/* In another process: '1' where all reads back and the lock is seen to be held. */
static void read_file(void *context, int out)
{
    const char *path = context;
    struct psi_results *results = NULL;
    struct psi_parent parent = {.made.seconds = 0.0};
    struct psi_error err;
    char who[PSI_LOCK_WHO], answer = psi_lock_look(path, who) == PSI_LOCK_LED ? '1' : '0';
    if (psi_results_open(path, PSI_RESULTS_READ, &results, &err) ||
        psi_record_create(PSI_OF_PARENT, psi_results_layout(results), &parent, &err))
        return;
    for (size_t seed = 0; seed < psi_results_job(results)->seeds; seed++) {
        struct psi_record_at at = {.owner = PSI_OF_PARENT, .seed = seed};
        if (psi_results_get(results, at, &parent, &err) || parent.made.status != PSI_DONE ||
            parent.parameter[1] != (float)sin(1.0))
            return;
    }
    if (write(out, &answer, 1) != 1)
        return;
}

static void say_store(struct psi_doctor *d, const char *path)
{
    struct psi_child child;
    struct psi_error err;
    char answer = 0;
    if (psi_child_start(read_file, (char *)(uintptr_t)path, 60, &child, &err)) {
        psi_doctor_say(d, "results file", PSI_PROBLEM, "make room for processes", "%s", err.text);
        return;
    }
    ssize_t got = read(child.out, &answer, 1);
    int signal = psi_child_end(&child);
    psi_doctor_say(d, "results file", got == 1 && !signal ? PSI_FINE : PSI_PROBLEM,
                   "what is written here does not read back: use another file system",
                   got == 1 ? "written, and read back by another process" : "does not read back");
    if (got == 1)
        psi_doctor_say(d, "leader's lock", answer == '1' ? PSI_FINE : PSI_PROBLEM,
                       "two launches could write to one file: use another file system",
                       answer == '1' ? "seen by another process" : "not seen by another process");
}

void psi_doctor_store(struct psi_doctor *d)
{
    struct place place;
    struct psi_error err = {0};
    struct psi_job *job = NULL;
    struct psi_study *study = NULL;
    struct psi_lock *lock = NULL;
    place_begin(d, &place);
    enum psi_status status = psi_job_parse(probe_job, "doctor", NULL, 0, &job, &err);
    if (!status)
        status = psi_study_create(job, psi_kernels_best(), &study, &err);
    if (!status)
        status = psi_lock_leader(place.file, NULL, &lock, &err);
    if (!status)
        status = write_file(place.file, study, &err);
    if (status)
        psi_doctor_say(d, "results file", PSI_PROBLEM,
                       "results cannot be kept here: mend this, or use another folder", "%.*s",
                       PSI_CHECK_TEXT - 1, err.text);
    else
        say_store(d, place.file);
    psi_lock_release(lock);
    psi_study_destroy(study);
    psi_job_destroy(job);
    place_end(d, &place);
}

/* --- the sweep ------------------------------------------------------------------------------- */

static int write_job(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return 0;
    fputs(probe_job, file);
    return fclose(file) == 0;
}

void psi_doctor_sweep(struct psi_doctor *d)
{
    enum { SECONDS = 120 };
    char self[PSI_DOCTOR_PATH], said[PSI_CHECK_TEXT] = "";
    struct place place;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    place_begin(d, &place);
    const char *const sweep[] = {"mpirun",  "-n",      "2",  "--oversubscribe", self, "run",
                                 place.job, "--quiet", "-o", place.file,        NULL};
    const char *const verify[] = {self, "verify", place.file, NULL};
    double start = psi_clock_monotonic();
    int code = write_job(place.job) ? psi_doctor_run(sweep, SECONDS, said) : -1;
    double took = psi_clock_monotonic() - start;
    if (code == 0)
        code = psi_doctor_run(verify, SECONDS, said);
    if (code == 0)
        psi_doctor_say(d, "two-rank sweep", PSI_FINE, NULL, "complete and intact, in %.1f s", took);
    else
        psi_doctor_say(d, "two-rank sweep", PSI_PROBLEM,
                       "mend what is said above; mpirun -n 2 hostname should work, too",
                       code < 0 ? "does not start, or does not end within %d s: %.300s"
                                : "exit code %d: %.300s",
                       code < 0 ? SECONDS : code, said);
    place_end(d, &place);
}
