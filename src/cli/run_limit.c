#include "run_limit.h"
#include "run.h"

#include "psisweep/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits at *text, at most nine; *text moves behind them. */
static int number(const char **text, double *value)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 9)
        return 0;
    *value = strtod(*text, NULL);
    *text += digits;
    return 1;
}

/* Fields between colons, up to three; all but the first count to 59. */
static int clock_fields(const char **text, double field[3], int *fields)
{
    for (*fields = 0; *fields < 3; ++*text) {
        if (!number(text, &field[*fields]) || (*fields > 0 && field[*fields] > 59.0))
            return 0;
        ++*fields;
        if (**text != ':')
            return 1;
    }
    return 0;
}

/* The seconds, or NAN. */
static double time_read(const char *text)
{
    static const char units[] = "smh";
    static const double unit[] = {1.0, 60.0, 3600.0};
    double field[3] = {0.0}, days;
    int fields;
    const char *at = text;
    if (number(&at, &days) && *at == '-') {
        at++;
        if (!clock_fields(&at, field, &fields) || *at || field[0] > 23.0)
            return NAN;
        return 86400.0 * days + 3600.0 * field[0] + 60.0 * field[1] + field[2];
    }
    at = text;
    if (!clock_fields(&at, field, &fields))
        return NAN;
    const char *letter = *at && fields == 1 ? strchr(units, *at) : NULL;
    if (letter)
        return at[1] ? NAN : field[0] * unit[letter - units];
    if (*at)
        return NAN;
    return fields == 3 ? 3600.0 * field[0] + 60.0 * field[1] + field[2]
                       : 60.0 * field[0] + field[1];
}

enum psi_status psi_limit_parse(const char *text, double *seconds, struct psi_error *err)
{
    *seconds = strcasecmp(text, "UNLIMITED") == 0 || strcasecmp(text, "INFINITE") == 0
                   ? INFINITY
                   : time_read(text);
    return isnan(*seconds) ? psi_fail(err, PSI_USAGE,
                                      "expected a time as sbatch takes it, as 90 (minutes), "
                                      "1:30:00 or 2-12:00:00, or 90s, found '%s'",
                                      text)
                           : PSI_OK;
}

double psi_run_limit_end(const struct psi_run_options *options, double began)
{
    /* of Slurm's time a tenth, at most a minute, is kept for ending and for requeueing */
    const double kept_share = 0.1, kept_most = 60.0;
    const char *source = "--time-limit";
    double left = options->time_limit;
    if (left == 0.0) {
        source = "what Slurm leaves, less the time to end in";
        left = psi_slurm_left();
        if (isnan(left)) {
            if (!options->quiet)
                fputs("psisweep: Slurm's time limit cannot be found out: none is kept; "
                      "--time-limit sets one\n",
                      stderr);
            return INFINITY;
        }
        left -= fmin(kept_share * left, kept_most);
    }
    if (isinf(left))
        return INFINITY;
    char text[PSI_DURATION_TEXT];
    if (!options->quiet)
        fprintf(stderr, "psisweep: time limit %s (%s)\n", psi_cli_duration(floor(left), text),
                source);
    return began + left;
}

void psi_run_limit_look(struct psi_run *run)
{
    const double safety = 1.5; /* costs are learnt, and told to the schedule when off by 1.3 */
    double left = run->end - psi_clock_monotonic();
    if (left <= 0.0 && !psi_schedule_finished(run->schedule)) {
        run->out_of_time = 1;
        *run->stop = 1;
    }
    if (run->costs.all.seconds > 0.0) /* else costs are no seconds yet */
        psi_schedule_limit(run->schedule, left / safety);
}
