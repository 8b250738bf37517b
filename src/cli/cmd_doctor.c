/* psisweep doctor: is all as a sweep needs it, on this machine and in this folder? */
#include "doctor.h"

#include "psisweep/comm.h"
#include "psisweep/memory.h"
#include "psisweep/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct doctor_options {
    const char *folder;
    enum psi_format format;
};

static const struct argp_option options[] = {
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema " PSI_DOCTOR_SCHEMA ")", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct doctor_options *o = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        return psi_cli_one(state, "folder", argument, &o->folder);
    default:
        return psi_cli_format_option(key, &o->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp doctor_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "[DIR]",
    .doc = "Check this machine, this MPI and the file system of DIR (where results are to go; "
           "default .), and try a sweep of two ranks there.\n\n"
           "  psisweep doctor results\n"
           "  srun -n 1 psisweep doctor /scratch/me      on the nodes that are to run it\n\n"
           "Exit code: 0 nothing stands in the way, 6 something does."};

void psi_doctor_say(struct psi_doctor *doctor, const char *name, enum psi_health health,
                    const char *advice, const char *format, ...)
{
    if (doctor->checks == PSI_CHECKS)
        return;
    struct psi_check *check = &doctor->check[doctor->checks++];
    va_list arguments;
    *check = (struct psi_check){
        .health = health, .name = name, .advice = health == PSI_FINE ? NULL : advice};
    va_start(arguments, format);
    vsnprintf(check->found, sizeof check->found, format, arguments);
    va_end(arguments);
}

static const char *const health_name[] = {
    [PSI_FINE] = "ok", [PSI_WARNING] = "warning", [PSI_PROBLEM] = "problem"};

static void print_text(const struct psi_doctor *doctor)
{
    for (int i = 0; i < doctor->checks; i++) {
        const struct psi_check *check = &doctor->check[i];
        printf("%-8s %-15s ", health_name[check->health], check->name);
        psi_text_print(check->found, stdout);
        putchar('\n');
        if (check->advice)
            printf("%-24s -> %s\n", "", check->advice);
    }
}

static void print_json(const struct psi_doctor *doctor, enum psi_health worst)
{
    struct psi_json json = {.file = stdout};
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema"), psi_json_string(&json, PSI_DOCTOR_SCHEMA);
    psi_json_key(&json, "folder"), psi_json_string(&json, doctor->folder);
    psi_json_key(&json, "worst"), psi_json_string(&json, health_name[worst]);
    psi_json_key(&json, "checks");
    psi_json_array_begin(&json);
    for (int i = 0; i < doctor->checks; i++) {
        const struct psi_check *check = &doctor->check[i];
        psi_json_object_begin(&json);
        psi_json_key(&json, "check"), psi_json_string(&json, check->name);
        psi_json_key(&json, "health"), psi_json_string(&json, health_name[check->health]);
        psi_json_key(&json, "found"), psi_json_string(&json, check->found);
        psi_json_key(&json, "advice"), psi_json_string(&json, check->advice);
        psi_json_object_end(&json);
    }
    psi_json_array_end(&json);
    psi_json_object_end(&json);
}

static int doctor_examine(const struct doctor_options *o)
{
    struct psi_error err;
    struct psi_doctor *doctor = psi_allocate(1, sizeof *doctor, "checks", &err);
    enum psi_health worst = PSI_FINE;
    if (!doctor)
        return psi_cli_complain(&err);
    const char *folder = o->folder ? o->folder : ".";
    char *resolved = realpath(folder, NULL);
    snprintf(doctor->folder, sizeof doctor->folder, "%s", resolved ? resolved : folder);
    psi_doctor_machine(doctor);
    if (psi_doctor_place(doctor)) {
        psi_doctor_store(doctor);
        psi_doctor_sweep(doctor);
    }
    for (int i = 0; i < doctor->checks; i++)
        worst = doctor->check[i].health > worst ? doctor->check[i].health : worst;
    if (o->format == PSI_JSON)
        print_json(doctor, worst);
    else
        print_text(doctor);
    free(resolved);
    free(doctor);
    return worst == PSI_PROBLEM ? PSI_EXIT_ENVIRONMENT : PSI_EXIT_COMPLETE;
}

int psi_cli_doctor(int argc, char **argv)
{
    struct doctor_options o = {.format = PSI_TEXT};
    int code = PSI_EXIT_ENVIRONMENT;
    if (!psi_cli_parse(&doctor_argp, "doctor", argc, argv, &o, &code))
        return code;
    return psi_comm_launch_rank() == 0 ? doctor_examine(&o) : PSI_EXIT_COMPLETE;
}
