/* psisweep issp: the claims, each supported, refuted or undecided, and what that rests on. */
#include "issp.h"

#include "psisweep/comm.h"
#include "psisweep/memory.h"

#include <stdio.h>
#include <stdlib.h>

static const struct argp_option options[] = {
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema psisweep-issp-1)", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    return psi_cli_files_option(key, state, state->input);
}

static const struct argp issp_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5...",
    .doc = "The four claims, each supported, refuted or undecided by a rule fixed before the data, "
           "with the tables they rest on. Works while a sweep still runs.\n\n"
           "  psisweep issp results/issp-mnist.h5\n"
           "  psisweep issp results/issp-mnist.h5 --json | jq .\n"
           "  psisweep issp results/width-50.h5 results/width-1200.h5\n"};

static enum psi_status print_text(const struct psi_issp_file *file, size_t files,
                                  const struct psi_issp_widths *widths, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    for (size_t i = 0; !status && i < files; i++) {
        if (i > 0)
            putchar('\n');
        status = psi_issp_print_text(&file[i], err);
    }
    if (!status && widths)
        psi_issp_widths_text(widths);
    return status;
}

static enum psi_status print_json(const struct psi_issp_file *file, size_t files,
                                  const struct psi_issp_widths *widths, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    struct psi_json json = {.file = stdout};
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema"), psi_json_string(&json, "psisweep-issp-1");
    psi_json_key(&json, "files");
    psi_json_array_begin(&json);
    for (size_t i = 0; !status && i < files; i++)
        status = psi_issp_print_json(&json, &file[i], err);
    psi_json_array_end(&json);
    if (widths) {
        psi_json_key(&json, "widths");
        psi_issp_widths_json(&json, widths);
    }
    psi_json_object_end(&json);
    return status;
}

static int issp_print(const struct psi_cli_files *files)
{
    struct psi_error err = {0};
    enum psi_status status = PSI_OK;
    struct psi_issp_widths *widths = NULL;
    struct psi_issp_file *file = psi_allocate(files->paths, sizeof *file, "files", &err);
    if (!file)
        return psi_cli_complain(&err);
    for (size_t i = 0; !status && i < files->paths; i++)
        if (!(status = psi_issp_open(files->path[i], &file[i], &err)))
            status = psi_issp_judge(&file[i], &err);
    if (!status && files->paths > 1)
        status = psi_issp_widths_create(files->path, files->paths, &widths, &err);
    if (!status)
        status =
            (files->format == PSI_JSON ? print_json : print_text)(file, files->paths, widths, &err);
    psi_issp_widths_destroy(widths);
    for (size_t i = 0; i < files->paths; i++)
        psi_issp_close(&file[i]);
    free(file);
    return status ? psi_cli_complain(&err) : PSI_EXIT_COMPLETE;
}

int psi_cli_issp(int argc, char **argv)
{
    int code = PSI_EXIT_ENVIRONMENT;
    struct psi_cli_files files = {.format = PSI_TEXT};
    if (psi_cli_parse(&issp_argp, "issp", argc, argv, &files, &code))
        code = psi_comm_launch_rank() == 0 ? issp_print(&files) : PSI_EXIT_COMPLETE;
    return code;
}
