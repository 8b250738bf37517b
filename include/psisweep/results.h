/* The results file: one HDF5 file a sweep, readable at any instant, torn by nothing.
 *
 * Rank 0 creates FILE.tmp with every dataset allocated and filled (contiguous, NaN), syncs it and
 * renames it: after that no metadata ever changes. Each rank opens the file with the MPI-IO driver
 * on MPI_COMM_SELF and writes the disjoint, contiguous slabs of its own records: data and checksum,
 * then a sync, then the status byte. A record whose status is not `done` is computed again.
 * Variables and their meaning: record.h. Nothing here is collective; calls of several ranks on
 * different records do not meet.
 */
#ifndef PSISWEEP_RESULTS_H
#define PSISWEEP_RESULTS_H

#include "psisweep/job.h"
#include "psisweep/record.h"
#include "psisweep/status.h"
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define PSI_RESULTS_SCHEMA "psisweep-results-2"

/* What a file says once, at its creation. */
struct psi_results_facts {
    const struct psi_job *job;
    const struct psi_network *network;
    struct psi_layout layout;
    double chance_test, chance_validation; /* A0 of each split; NaN without one */
    size_t test_samples, validation_samples;
    uint64_t data_digest; /* of the data set: a moved folder is the same data, another one is not */
    const char *numerics; /* kernel level, BLAS core, probe: what the bits depend on */
};

/* Of a resolved path, in bytes: Open MPI 4.1 makes a name from it in a buffer of 256, and does not
 * look. */
enum { PSI_PATH_LONGEST = 244 };

/* The one name of a file, whatever links lead to it, into room for size bytes; the file need not be
 * there, its folder must; a link to nothing is PSI_IO. Files are created and locked under it. */
enum psi_status psi_results_resolve(const char *path, char *resolved, size_t size,
                                    struct psi_error *err);

/* The name that path has while it is created, into room for size bytes. 1, or 0 where too long. */
int psi_results_temporary(const char *path, char *temporary, size_t size);

/* Create path atomically. An existing file is never replaced, unless empty. */
enum psi_status psi_results_create(const char *path, const struct psi_results_facts *facts,
                                   struct psi_error *err);

/* Take the temporary name away where path has it still: left by a process that was killed as it put
 * path in place. For the holder of the leader's lock. */
void psi_results_tidy(const char *path);

/* The bytes that such a file will have: exact, as it is made in memory, up to 64 MB; of a larger
 * one, those of one with fewer seeds and what the others add, which is within some kB. */
enum psi_status psi_results_size(const struct psi_results_facts *facts, uint64_t *bytes,
                                 struct psi_error *err);

struct psi_results;

/* Call it before MPI_Init. HDF5 is then not ended by MPI_Finalize, nor at exit, where it would
 * crash over a file that it could not write; here every file is closed by name. And Open MPI is
 * told to keep the shared file pointers that nobody uses in files: by default an open takes a
 * semaphore named after the file alone, whatever its folder, and a rank killed meanwhile leaves it
 * taken: no sweep of that file name would ever begin again on this node. */
void psi_results_library(void);

/* READ needs no MPI and works while a sweep writes. WRITE needs MPI_Init and opens with MPI-IO on
 * MPI_COMM_SELF. REPAIR needs no MPI and writes, for one process that holds the leader's lock. A
 * file that is not there is PSI_IO; one that is foreign, truncated or of another
 * schema is PSI_DATA. */
enum psi_results_mode { PSI_RESULTS_READ, PSI_RESULTS_WRITE, PSI_RESULTS_REPAIR };
enum psi_status psi_results_open(const char *path, enum psi_results_mode mode,
                                 struct psi_results **out, struct psi_error *err);
/* Closes without a further write; NULL is fine. */
void psi_results_close(struct psi_results *results);

/* Borrowed until the close. */
const char *psi_results_path(const struct psi_results *results);
const struct psi_job *psi_results_job(const struct psi_results *results);
const struct psi_layout *psi_results_layout(const struct psi_results *results);
/* "mixed" where a launch wrote with other numerics than the file was created with. */
const char *psi_results_numerics(const struct psi_results *results);
/* The program that created the file: "psisweep VERSION (COMMIT)". */
const char *psi_results_source(const struct psi_results *results);
size_t psi_results_test_samples(const struct psi_results *results);
uint64_t psi_results_data_digest(const struct psi_results *results);
double psi_results_chance(const struct psi_results *results);

/* A whole variable by its name in the table, into room for all its elements. */
enum psi_status psi_results_read(struct psi_results *results, const char *name, void *values,
                                 struct psi_error *err);

/* Which record: those of these that are among its owner's axes. */
struct psi_record_at {
    enum psi_owner owner;
    size_t arm, seed, density, rung, chain, slot;
};

/* Of a variable what belongs to some records of its owner: from .. from + count - 1 in file order,
 * where the last of the owner's axes runs fastest. */
enum psi_status psi_results_read_some(struct psi_results *results, const char *name, size_t from,
                                      size_t count, void *values, struct psi_error *err);

/* Does every `done` record of this owner fit its checksum? PSI_DATA names the first that does not.
 * Reads all of them, at 2 GB/s where they lie in memory; psi_results_get asks it of one. */
enum psi_status psi_results_check(struct psi_results *results, enum psi_owner owner,
                                  struct psi_error *err);

/* Read one record (created for the file's layout). A `done` record whose checksum does not fit its
 * content is PSI_DATA. */
enum psi_status psi_results_get(struct psi_results *results, struct psi_record_at at, void *record,
                                struct psi_error *err);

/* How one record came to be, without its content. */
enum psi_status psi_results_made(struct psi_results *results, struct psi_record_at at,
                                 struct psi_made *made, struct psi_error *err);

/* Say that a record is being computed: status running, attempt one more than the file's, and who.
 * Fills made->attempt. */
enum psi_status psi_results_begin(struct psi_results *results, struct psi_record_at at,
                                  struct psi_made *made, struct psi_error *err);

/* Write a finished record: everything, its checksum (computed here), sync, status done, sync. */
enum psi_status psi_results_put(struct psi_results *results, struct psi_record_at at, void *record,
                                struct psi_error *err);

/* Everything this process has written is on the disk, and what others have synced can be read. */
enum psi_status psi_results_sync(struct psi_results *results, struct psi_error *err);

/* Say that a record will not be computed (status skipped) unless it is there already. */
enum psi_status psi_results_skip(struct psi_results *results, struct psi_record_at at,
                                 struct psi_error *err);

/* Say that an attempt failed with `cause`, or (cause PSI_STOPPED) that it was dropped. */
enum psi_status psi_results_fail(struct psi_results *results, struct psi_record_at at,
                                 enum psi_status cause, struct psi_error *err);

/* One launch of the program on this file. Strings are cut to fit. */
struct psi_launch {
    double start; /* seconds since 1970 */
    int32_t ranks;
    char host[64], slurm_job[32], mpi[64], hdf5[32], blas[128];
    char numerics[112]; /* as of struct psi_results_facts, "mixed: ..." where its ranks differ */
};

/* Record a launch in the next free row (the last row when all are used); *index is its number.
 * Leader only. */
enum psi_status psi_results_launch(struct psi_results *results, const struct psi_launch *launch,
                                   int32_t *index, struct psi_error *err);

/* The launches so far, oldest first. */
enum psi_status psi_results_launches(struct psi_results *results,
                                     struct psi_launch launch[PSI_LAUNCHES], size_t *launches,
                                     struct psi_error *err);

/* Are the cells of `from` those of this job? PSI_USAGE with the difference where the jobs or the
 * data differ in anything that makes a cell, PSI_ENVIRONMENT where the numerics do (NULL = any will
 * do). */
enum psi_status psi_results_may_copy(const struct psi_results *from, const struct psi_job *job,
                                     uint64_t data_digest, const char *numerics,
                                     struct psi_error *err);

/* Copy the done records that both files have, by the names of arms and the values of seeds and
 * densities, from `from` into `to` where they are not done; *copied counts them. Left out are cells
 * that the job does not run before refinement, or whose iterative arm would have to be copied, too.
 * PSI_STOPPED as with the locks. psi_results_may_copy has been asked. */
enum psi_status psi_results_copy(struct psi_results *from, struct psi_results *to, int32_t launch,
                                 const volatile sig_atomic_t *stop, size_t *copied,
                                 struct psi_error *err);

/* PSI_DATA where any byte but those that a sweep writes (HDF5's metadata, attributes, axes) is not
 * as it was at the creation. *known = 0: the file keeps no digest of them. */
enum psi_status psi_results_description(struct psi_results *results, int *known,
                                        struct psi_error *err);

/* Something that is not as it should be. */
enum { PSI_FINDING_TEXT = 320 };
struct psi_finding {
    int is_record; /* 1: the record at `at`, and psi_results_mend helps */
    struct psi_record_at at;
    char text[PSI_FINDING_TEXT]; /* which, and what about it; not the file */
};

/* Compare every done record with its checksum, every state and every launch with what it can be,
 * and the description with its digest; tell() is called for each finding. A record that a sweep
 * writes just now is looked at again. checked: done records by owner. */
enum psi_status psi_results_verify(struct psi_results *results,
                                   void (*tell)(void *context, const struct psi_finding *finding),
                                   void *context, size_t checked[PSI_OWNERS],
                                   struct psi_error *err);

/* File open for REPAIR: mark the record of a finding, and before it what must be computed again
 * with it, as pending: one byte each. */
enum psi_status psi_results_mend(struct psi_results *results, const struct psi_finding *finding,
                                 struct psi_error *err);

/* Bytes that the file at path says it has; 0 where that cannot be read. */
size_t psi_results_promised_bytes(const char *path);

/* Two locks beside the file keep launches apart: the leader's (exclusive, rank 0) and the workers'
 * (shared, every rank). A new leader waits until the workers of a killed launch are gone. */
struct psi_lock;
/* Both wait for a while; PSI_STOPPED when *stop becomes non-zero (stop may be NULL). */
enum psi_status psi_lock_leader(const char *path, const volatile sig_atomic_t *stop,
                                struct psi_lock **out, struct psi_error *err);
enum psi_status psi_lock_worker(const char *path, const volatile sig_atomic_t *stop,
                                struct psi_lock **out, struct psi_error *err);
void psi_lock_release(struct psi_lock *lock);

/* A byte of each rank in the worker lock's file, for what it can still say while it dies: note is
 * async-signal-safe. noted: 0 where there is none. */
void psi_lock_note(const struct psi_lock *lock, int rank, unsigned char byte);
unsigned char psi_lock_noted(const struct psi_lock *lock, int rank);

/* Is a launch at work on this (resolved) file right now? Creates nothing, and holds
 * the workers' lock for a moment, for which launches wait and another look may see a launch that
 * ends. who: the leader's host, process, start and Slurm job; "" where nobody is. */
enum psi_lock_state {
    PSI_LOCK_FREE,
    PSI_LOCK_LED,
    PSI_LOCK_LEADERLESS, /* ranks of a launch whose leader has died: they are about to end */
    PSI_LOCK_UNKNOWN     /* the locks cannot be opened, or this file system has none */
};
enum { PSI_LOCK_WHO = 256 };
enum psi_lock_state psi_lock_look(const char *path, char who[PSI_LOCK_WHO]);

#endif
