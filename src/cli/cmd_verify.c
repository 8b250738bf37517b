/* psisweep verify: is what a results file holds what was written; --repair. */
#include "cli.h"

#include "psisweep/child.h"
#include "psisweep/comm.h"
#include "psisweep/memory.h"
#include "psisweep/results.h"
#include "psisweep/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERIFY_SCHEMA "psisweep-verify-1"

struct verify_options {
    struct psi_cli_files files;
    int repair;
};

enum { KEY_REPAIR = 256 };

static const struct argp_option options[] = {
    {"repair", KEY_REPAIR, NULL, 0,
     "mark bad records as not done, so that the run command computes them again", 0},
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema " VERIFY_SCHEMA ")", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct verify_options *o = state->input;
    (void)argument;
    switch (key) {
    case KEY_REPAIR:
        o->repair = 1;
        return 0;
    default:
        return psi_cli_files_option(key, state, &o->files);
    }
}

static const struct argp verify_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5...",
    .doc = "Compare every record with its checksum, and the file's description with its digest.\n\n"
           "  psisweep verify results/*.h5\n"
           "  psisweep verify results/mnist-lenet300.h5 --repair\n\n"
           "Exit code: 0 intact, 4 repaired (the same run command computes what was bad), 5 "
           "damaged."};

/* What the child tells: findings, and last what it came to. */
struct message {
    int last;
    struct psi_finding finding;
    size_t checked[PSI_OWNERS];
    struct psi_error err; /* OK: looked at it all */
};

/* One file's verdict; findings owned. */
struct verdict {
    const char *path;
    char resolved[4096];
    struct psi_finding *finding;
    size_t findings, mended;
    size_t checked[PSI_OWNERS];
    struct psi_error err; /* why not all could be looked at, or mended */
};

static void send_message(int out, const struct message *message)
{
    const char *byte = (const char *)message;
    for (size_t sent = 0; sent < sizeof *message;) {
        ssize_t written = write(out, byte + sent, sizeof *message - sent);
        if (written < 0 && errno != EINTR)
            return;
        sent += written > 0 ? (size_t)written : 0;
    }
}

static void send_finding(void *context, const struct psi_finding *finding)
{
    struct message message = {.finding = *finding};
    send_message(*(const int *)context, &message);
}

/* In the child: HDF5 may crash on what it reads here. */
static void verify_here(void *context, int out)
{
    struct psi_results *results = NULL;
    struct message last = {.last = 1};
    enum psi_status status = psi_results_open(context, PSI_RESULTS_READ, &results, &last.err);
    if (!status)
        status = psi_results_verify(results, send_finding, &out, last.checked, &last.err);
    last.err.status = status;
    psi_results_close(results);
    send_message(out, &last);
}

static int read_message(int in, struct message *message)
{
    char *byte = (char *)message;
    for (size_t got = 0; got < sizeof *message;) {
        ssize_t count = read(in, byte + got, sizeof *message - got);
        if (count == 0 || (count < 0 && errno != EINTR))
            return 0;
        got += count > 0 ? (size_t)count : 0;
    }
    return 1;
}

static enum psi_status keep_finding(struct verdict *v, const struct psi_finding *finding)
{
    if ((v->findings & (v->findings - 1)) == 0) { /* a power of two: full */
        size_t room = v->findings ? 2 * v->findings : 1;
        struct psi_finding *more = realloc(v->finding, room * sizeof *more);
        if (!more)
            return psi_fail(&v->err, PSI_MEMORY, "%s: no memory for what was found", v->path);
        v->finding = more;
    }
    v->finding[v->findings++] = *finding;
    return PSI_OK;
}

/* Everything but the mending. */
static enum psi_status verify_file(struct verdict *v)
{
    enum { SECONDS = 86400 };
    struct message *message = psi_allocate(1, sizeof *message, "message", &v->err);
    struct psi_child child;
    enum psi_status status = PSI_OK;
    int whole = 0;
    if (!message || psi_child_start(verify_here, v->resolved, SECONDS, &child, &v->err)) {
        free(message);
        return v->err.status;
    }
    while (!status && !whole && read_message(child.out, message)) {
        whole = message->last;
        if (!whole)
            status = keep_finding(v, &message->finding);
    }
    int signal = psi_child_end(&child);
    if (!status && whole) {
        memcpy(v->checked, message->checked, sizeof v->checked);
        v->err = message->err;
        status = v->err.status;
    } else if (!status) {
        status = psi_fail(&v->err, PSI_DATA, "%s: damaged: HDF5 crashes on reading it (signal %d)",
                          v->path, signal);
    }
    free(message);
    return status;
}

static void mend(struct verdict *v)
{
    struct psi_results *results = NULL;
    enum psi_status status = psi_results_open(v->resolved, PSI_RESULTS_REPAIR, &results, &v->err);
    for (size_t i = 0; !status && i < v->findings; i++) {
        if (!v->finding[i].is_record)
            continue;
        status = psi_results_mend(results, &v->finding[i], &v->err);
        v->mended += status == PSI_OK;
    }
    v->err.status = status; /* bad records have left their words in it */
    psi_results_close(results);
}

/* Nobody else writes meanwhile. */
static void repair_file(struct verdict *v)
{
    struct psi_lock *lock = NULL;
    if (!psi_lock_leader(v->resolved, NULL, &lock, &v->err) && !verify_file(v))
        mend(v);
    psi_lock_release(lock);
}

static void look_at(struct verdict *v, int repair)
{
    struct stat what;
    if (psi_results_resolve(v->path, v->resolved, sizeof v->resolved, &v->err))
        return;
    size_t promised = psi_results_promised_bytes(v->resolved);
    if (stat(v->resolved, &what) != 0)
        psi_fail(&v->err, PSI_IO, "%s: %s", v->path, strerror(errno));
    else if (promised > (size_t)what.st_size)
        psi_fail(&v->err, PSI_DATA,
                 "%s: was cut, or its first bytes were changed: it says that it has %zu bytes, and "
                 "has %lld; without its end nothing in it can be read: restore a copy, or start "
                 "anew under another name",
                 v->path, promised, (long long)what.st_size);
    else if (repair)
        repair_file(v);
    else
        verify_file(v);
}

static int exit_code(const struct verdict *v)
{
    if (v->err.status)
        return psi_cli_exit_code(v->err.status);
    return v->findings == 0           ? PSI_EXIT_COMPLETE
           : v->findings == v->mended ? PSI_EXIT_RESUMABLE
                                      : PSI_EXIT_IO;
}

static const char *state_name(const struct verdict *v)
{
    return v->err.status              ? "unreadable"
           : v->findings == 0         ? "intact"
           : v->findings == v->mended ? "repaired"
                                      : "damaged";
}

static void print_text(const struct verdict *v)
{
    for (size_t i = 0; i < v->findings; i++) {
        psi_text_print(v->path, stdout);
        fputs(": ", stdout);
        psi_text_print(v->finding[i].text, stdout);
        putchar('\n');
    }
    if (v->err.status) {
        psi_cli_complain(&v->err);
        return;
    }
    psi_text_print(v->path, stdout);
    printf(": %s", state_name(v));
    for (int owner = 0; owner < PSI_OWNERS; owner++)
        if (v->checked[owner] > 0)
            printf(", %zu %ss", v->checked[owner], psi_owners[owner].name);
    if (v->findings > 0)
        printf("; %zu bad%s", v->findings,
               v->mended == v->findings ? ", marked: the same run command computes them again"
               : v->mended > 0          ? ", some of it mended"
                                        : "; --repair marks bad records to be computed again");
    putchar('\n');
}

static void json_text(struct psi_json *json, const char *key, const char *text)
{
    psi_json_key(json, key), psi_json_string(json, text);
}

static void print_json(struct psi_json *json, const struct verdict *v)
{
    psi_json_object_begin(json);
    json_text(json, "file", v->path);
    json_text(json, "state", state_name(v));
    json_text(json, "error", v->err.status ? v->err.text : NULL);
    psi_json_key(json, "checked");
    psi_json_object_begin(json);
    for (int owner = 0; owner < PSI_OWNERS; owner++) {
        psi_json_key(json, psi_owners[owner].name);
        psi_json_integer(json, (int64_t)v->checked[owner]);
    }
    psi_json_object_end(json);
    psi_json_key(json, "mended"), psi_json_integer(json, (int64_t)v->mended);
    psi_json_key(json, "findings");
    psi_json_array_begin(json);
    for (size_t i = 0; i < v->findings; i++) {
        const struct psi_finding *f = &v->finding[i];
        psi_json_object_begin(json);
        json_text(json, "record", f->is_record ? psi_owners[f->at.owner].name : NULL);
        json_text(json, "what", f->text);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

static int verify_all(const struct verify_options *o)
{
    struct psi_json json = {.file = stdout};
    int worst = PSI_EXIT_COMPLETE;
    if (o->files.format == PSI_JSON) {
        psi_json_object_begin(&json);
        json_text(&json, "schema", VERIFY_SCHEMA);
        psi_json_key(&json, "files");
        psi_json_array_begin(&json);
    }
    for (size_t i = 0; i < o->files.paths; i++) {
        struct verdict v = {.path = o->files.path[i]};
        look_at(&v, o->repair);
        if (o->files.format == PSI_JSON)
            print_json(&json, &v);
        else
            print_text(&v);
        worst = exit_code(&v) > worst ? exit_code(&v) : worst;
        free(v.finding);
    }
    if (o->files.format == PSI_JSON) {
        psi_json_array_end(&json);
        psi_json_object_end(&json);
    }
    return worst;
}

int psi_cli_verify(int argc, char **argv)
{
    int code = PSI_EXIT_ENVIRONMENT;
    struct verify_options o = {.files.format = PSI_TEXT};
    if (psi_cli_parse(&verify_argp, "verify", argc, argv, &o, &code))
        code = psi_comm_launch_rank() == 0 ? verify_all(&o) : PSI_EXIT_COMPLETE;
    return code;
}
