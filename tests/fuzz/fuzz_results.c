/* Results files: whatever is changed in one, what fmin, issp, report and --from read of it, or one
 * line. An input is a list of edits to tests/ref/results-2.h5, 12 bytes each.
 *
 * The content of variables and of attributes, and where the file ends, must never hurt. HDF5's own
 * structures are read by HDF5 alone, whose version 1.10 is known to crash on hostile ones: those
 * are changed in a child (never under sanitisers, which libhdf5 was not built with), and only a
 * crash in this program's own code, or in what it calls but HDF5, is a finding. */
#include "fuzz.h"

#include "fmin.h"
#include "issp.h"
#include "report.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITISED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITISED 1
#endif
#endif
#ifndef SANITISED
#define SANITISED 0
#endif

const size_t psi_fuzz_mutations = 2000;

enum { EDIT = 12, EDITS_MOST = 32, SPANS_MOST = 256, HANG_SECONDS = 20 };
enum { CONTENT_BELOW = 160, ATTRIBUTE_BELOW = 224, CUT_BELOW = 232 }; /* first byte; else HDF5's */

struct span {
    size_t at, size;
};

/* The sound file, its parts, and the copy that is changed. */
static struct {
    uint8_t *image;
    size_t size, variables, attributes, structures;
    struct span variable[SPANS_MOST], attribute[SPANS_MOST];
    uint32_t *structure; /* (structures) offsets of bytes that are HDF5's own */
    size_t crashed;      /* children that died within HDF5 */
    int fd;
    char path[40];
} file = {.path = "/tmp/psisweep-fuzz-XXXXXX"};

static herr_t add_variable(hid_t root, const char *name, const H5L_info_t *info, void *context)
{
    (void)info, (void)context;
    hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT), type = H5Dget_type(dataset);
    haddr_t at = H5Dget_offset(dataset);
    if (at != HADDR_UNDEF && !H5Tis_variable_str(type) && file.variables < SPANS_MOST)
        file.variable[file.variables++] =
            (struct span){(size_t)at, (size_t)H5Dget_storage_size(dataset)};
    H5Tclose(type);
    H5Dclose(dataset);
    return 0;
}

static herr_t add_attribute(hid_t root, const char *name, const H5A_info_t *info, void *context)
{
    (void)info, (void)context;
    hid_t attribute = H5Aopen(root, name, H5P_DEFAULT), type = H5Aget_type(attribute);
    size_t size = H5Tget_size(type);
    uint8_t *value = calloc(1, size);
    FUZZ_CHECK(value && H5Aread(attribute, type, value) >= 0);
    const uint8_t *found = memmem(file.image, file.size, value, size);
    FUZZ_CHECK(found && file.attributes < SPANS_MOST);
    file.attribute[file.attributes++] = (struct span){(size_t)(found - file.image), size};
    free(value);
    H5Tclose(type);
    H5Aclose(attribute);
    return 0;
}

static void mark(uint8_t *content, const struct span *span, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memset(content + span[i].at, 1, span[i].size);
}

static void remove_copy(void)
{
    unlink(file.path);
    if (file.crashed)
        fprintf(stderr, "%zu inputs crashed or hung within HDF5 itself\n", file.crashed);
}

static void prepare(void)
{
    static const char sound[] = "tests/ref/results-2.h5";
    FILE *from = fopen(sound, "rb");
    FUZZ_CHECK(from && fseek(from, 0, SEEK_END) == 0);
    file.size = (size_t)ftell(from);
    rewind(from);
    file.image = malloc(file.size);
    file.structure = calloc(file.size, sizeof *file.structure);
    uint8_t *content = calloc(file.size, 1);
    FUZZ_CHECK(file.image && file.structure && content);
    FUZZ_CHECK(fread(file.image, 1, file.size, from) == file.size && fclose(from) == 0);

    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    hid_t h5 = H5Fopen(sound, H5F_ACC_RDONLY, H5P_DEFAULT);
    FUZZ_CHECK(h5 >= 0);
    H5Literate(h5, H5_INDEX_NAME, H5_ITER_INC, NULL, add_variable, NULL);
    H5Aiterate2(h5, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, NULL);
    H5Fclose(h5);
    mark(content, file.variable, file.variables);
    mark(content, file.attribute, file.attributes);
    for (size_t i = 0; i < file.size; i++)
        if (!content[i])
            file.structure[file.structures++] = (uint32_t)i;
    free(content);

    file.fd = mkstemp(file.path);
    FUZZ_CHECK(file.fd >= 0 && freopen("/dev/null", "w", stdout));
    atexit(remove_copy);
}

/* Apply the edits to the copy; returns 1 where one is to HDF5's own structures. */
static int edit(const uint8_t *data, size_t size)
{
    int structural = 0;
    size_t end = file.size;
    FUZZ_CHECK(pwrite(file.fd, file.image, file.size, 0) == (ssize_t)file.size);
    for (size_t i = 0; i + EDIT <= size && i < EDIT * EDITS_MOST; i += EDIT) {
        size_t kind = data[i], number = data[i + 1], length = 1 + kind % 8;
        size_t offset = (size_t)data[i + 2] << 8 | data[i + 3];
        struct span span = {0, file.size};
        if (kind < CONTENT_BELOW)
            span = file.variable[number % file.variables];
        else if (kind < ATTRIBUTE_BELOW)
            span = file.attribute[number % file.attributes];
        else if (kind < CUT_BELOW)
            end = file.size * offset / 65536;
        else if (!SANITISED)
            structural = 1;
        size_t at = span.at + offset * (span.size / 65536 + 1) % span.size;
        if (kind >= CUT_BELOW)
            at = file.structure[(number << 16 | offset) % file.structures];
        if (length > span.at + span.size - at)
            length = span.at + span.size - at;
        if (kind < ATTRIBUTE_BELOW || (kind >= CUT_BELOW && structural))
            FUZZ_CHECK(pwrite(file.fd, data + i + 4, length, (off_t)at) == (ssize_t)length);
    }
    FUZZ_CHECK(ftruncate(file.fd, (off_t)end) == 0);
    return structural;
}

static enum psi_status read_records(struct psi_results *results, struct psi_error *err)
{
    const struct psi_job *job = psi_results_job(results);
    static struct psi_launch launch[PSI_LAUNCHES];
    struct psi_cell cell;
    size_t launches;
    enum psi_status status = psi_results_launches(results, launch, &launches, err);
    if (status ||
        (status = psi_record_create(PSI_OF_CELL, psi_results_layout(results), &cell, err)))
        return status;
    for (size_t i = 0; !status && i < job->arms * job->seeds * job->densities; i++)
        status = psi_results_get(
            results,
            (struct psi_record_at){PSI_OF_CELL, i / job->densities / job->seeds,
                                   i / job->densities % job->seeds, i % job->densities},
            &cell, err);
    psi_record_clear(PSI_OF_CELL, &cell);
    return status;
}

static enum psi_status read_figures(const struct psi_fmin_file *from, FILE *page,
                                    struct psi_error *err)
{
    static const struct psi_report_row *const rows[] = {psi_report_psi, psi_report_masks,
                                                        psi_report_after};
    enum psi_status status = PSI_OK;
    for (size_t g = 0; g < sizeof rows / sizeof *rows; g++) {
        for (const struct psi_report_row *row = rows[g]; !status && row->fill; row++) {
            struct psi_figure *figure;
            if (!(status = psi_figure_create(&row->spec, &figure, err))) {
                status = row->fill(from, figure, err);
                psi_figure_destroy(figure);
            }
        }
    }
    if (!status)
        status = psi_report_claims(from, 0, page, err);
    return status ? status : psi_report_provenance(from, page, err);
}

/* All that fmin and report read; issp's reading is within the claims of the report. */
static enum psi_status read_all(struct psi_error *err)
{
    static const struct psi_fmin_shown shown = {1, 1};
    struct psi_fmin_file from = {.results = NULL};
    struct psi_fmin_scaling scaling = {.why = ""};
    char *page = NULL;
    size_t size;
    FILE *to = open_memstream(&page, &size);
    enum psi_status status = psi_fmin_open(file.path, &from, err);
    if (!status && !(status = psi_fmin_compare(&from, 1, &scaling, err))) {
        psi_fmin_print_text(&from, 1, &scaling, &shown);
        psi_fmin_print_json(&from, 1, &scaling);
        if (!(status = psi_fmin_print_csv(&from, 1, &scaling, err)) &&
            !(status = psi_cells_print(&from, 1, PSI_JSON, err)))
            status = read_figures(&from, to, err);
    }
    if (!status)
        status = read_records(from.results, err);
    psi_fmin_close(&from);
    free(scaling.also);
    fclose(to);
    free(page);
    return status;
}

static int read_copy(void)
{
    struct psi_error err = {0};
    enum psi_status status = read_all(&err);
    if (status == PSI_OK)
        return 1;
    FUZZ_CHECK(status == PSI_DATA || status == PSI_IO);
    FUZZ_CHECK(strlen(err.text) > 10 && !strpbrk(err.text, "\n\r\033"));
    return 0;
}

/* In the child: whose code was it? From where the signal struck outwards, the first that belongs
 * neither to the C library nor to a part of it. */
static void judge(int signal, siginfo_t *info, void *context)
{
    void *frame[64];
    const ucontext_t *state = context;
    void *struck = (void *)(uintptr_t)state->uc_mcontext.gregs[REG_RIP];
    int count = backtrace(frame, 64), begun = 0;
    (void)info;
    for (int i = 0; i < count; i++) {
        Dl_info where;
        begun |= frame[i] == struck;
        if (!begun || !dladdr(frame[i], &where) || !where.dli_fname ||
            strstr(where.dli_fname, "/libc.") || strstr(where.dli_fname, "/ld-"))
            continue;
        if (strstr(where.dli_fname, "/libhdf5"))
            _exit(78);
        break;
    }
    fprintf(stderr, "signal %d outside HDF5\n", signal);
    backtrace_symbols_fd(frame, count, STDERR_FILENO);
    _exit(77);
}

static void read_in_child(void)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    FUZZ_CHECK(child >= 0);
    if (child == 0) {
        static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
        static char stack[1 << 16];
        struct sigaction action = {.sa_sigaction = judge, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        struct psi_error err = {0};
        void *frame[1];
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
        backtrace(frame, 1); /* loads what it needs now, not in the handler */
        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
            sigaction(fatal[i], &action, NULL);
        alarm(HANG_SECONDS);
        read_all(&err);
        _exit(0);
    }
    FUZZ_CHECK(waitpid(child, &status, 0) == child);
    file.crashed += WIFEXITED(status) && WEXITSTATUS(status) == 78;
    FUZZ_CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 78));
}

int psi_fuzz_one(const uint8_t *data, size_t size)
{
    if (!file.image)
        prepare();
    if (edit(data, size)) {
        read_in_child();
        return 0;
    }
    int taken = read_copy();
    FUZZ_CHECK(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0); /* all closed again */
    return taken;
}
