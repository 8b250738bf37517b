#include "psisweep/threshold.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

struct sentence {
    char *text;
    size_t size, used;
};

static void say(struct sentence *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct sentence *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = out->size - out->used;
    int length = vsnprintf(out->text + out->used, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        out->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* Where F_min or its median lies, (low, high], either end open or not. */
static void say_interval(struct sentence *out, const char *what, double low, double high)
{
    if (low == high)
        say(out, "at %s %.3g", what, high);
    else if (low > 0 && isfinite(high))
        say(out, "between %s %.3g and %.3g", what, low, high);
    else if (isfinite(high))
        say(out, "at or below %s %.3g", what, high);
    else
        say(out, "above %s %.3g", what, low);
}

static void say_student(struct sentence *out, const struct psi_pooled *p, const char *what)
{
    say(out, "F_min (Psi %.3g) is %s %.3g, 95 %% interval %.3g to %.3g (t over %zu seeds, ",
        p->level, what, p->center, p->low, p->high, p->seeds);
    if (p->deviation >= p->resolution)
        say(out, "SD %.2g decades)", p->deviation);
    else
        say(out, "their SD of %.2g decades raised to the grid's resolution, %.2g)", p->deviation,
            p->resolution);
}

static void say_turnbull(struct sentence *out, const struct psi_pooled *p, const char *what)
{
    say(out, "The median F_min (Psi %.3g) over %zu seeds ", p->level, p->seeds);
    if (isnan(p->center))
        say(out, "is not bounded on either side by this grid");
    else if (p->center == 0)
        say(out, "has no lower bound %s", p->below_open ? "yet" : "on this grid");
    else if (isinf(p->center))
        say(out, "has no upper bound %s", p->above_open ? "yet" : "on this grid");
    else
        say(out, "is about %s %.3g (Turnbull)", what, p->center);
    /* below 6 seeds the sign test has no 95 % interval: 2/2^5 > .05 */
    say(out,
        p->seeds < 6 ? ", range over seeds (too few for a 95 %% interval) " : ", 95 %% interval ");
    if (p->low > 0)
        say(out, "%.3g to ", p->low);
    else
        say(out, "%s to ", p->below_open ? "not bounded yet" : p->below ? "below the grid" : "0");
    if (isfinite(p->high))
        say(out, "%.3g", p->high);
    else
        say(out, p->above_open ? "not bounded yet" : "above the grid");
}

/* Begin a clause on some of the seeds. */
static void say_seeds(struct sentence *out, size_t count, size_t seeds)
{
    if (seeds == 1)
        say(out, "; in it ");
    else
        say(out, "; in %zu of %zu seeds ", count, seeds);
}

/* Where F_min lies in the seeds beyond the cells that are there. */
static void say_beyond(struct sentence *out, size_t seeds, size_t open, const char *side)
{
    if (open == 0)
        say(out, "so F_min lies %s the grid there", side);
    else if (open == seeds)
        say(out, "and the cells %s it are not finished yet", side);
    else
        say(out, "so F_min lies %s the grid there or, in %zu, in cells not finished yet", side,
            open);
}

/* What holds only in some seeds, and what is missing. */
static void say_exceptions(struct sentence *out, const struct psi_pooled *p, const char *what)
{
    if (p->below) {
        say_seeds(out, p->below, p->seeds);
        say(out, "nothing collapsed down to %s %.3g, ", what, p->below_end);
        say_beyond(out, p->below, p->below_open, "below");
    }
    if (p->above) {
        say_seeds(out, p->above, p->seeds);
        say(out, "even the highest density measured, %s %.3g, is collapsed, ", what, p->above_end);
        say_beyond(out, p->above, p->above_open, "above");
    }
    if (p->disconnected) {
        say_seeds(out, p->disconnected, p->seeds);
        say(out, "no weight of the collapsed cell is on a path, so F_min has no lower bound there");
    }
    if (p->gaps) {
        say_seeds(out, p->gaps, p->seeds);
        say(out, "cells within the interval are not finished, so it will narrow");
    }
    if (p->missing && p->seeds)
        say(out, "; %zu further seed%s no finished cell with a defined Psi", p->missing,
            p->missing == 1 ? " has" : "s have");
    if (p->undefined)
        say(out,
            "; in %zu seed%s Psi is undefined, as the dense parent diverged or is not above "
            "chance by the binomial test at .01",
            p->undefined, p->undefined == 1 ? "" : "s");
    if (p->recrossings)
        say(out, "; %zu cell%s below the threshold %s not collapsed (re-crossing)", p->recrossings,
            p->recrossings == 1 ? "" : "s", p->recrossings == 1 ? "is" : "are");
}

static void say_main(struct sentence *out, const struct psi_pooled *p, const char *what)
{
    switch (p->method) {
    case PSI_POOL_ONE_SEED:
        say(out, "F_min (Psi %.3g) lies ", p->level);
        say_interval(out, what, p->low, p->high);
        say(out, ", the interval of the only seed%s: nothing is known of the spread over seeds",
            p->missing ? " with data" : "");
        break;
    case PSI_POOL_SAME_CELL:
        say(out, "F_min (Psi %.3g) lies ", p->level);
        say_interval(out, what, p->low, p->high);
        say(out, ", the same %s in all %zu seeds%s", p->gaps ? "interval" : "grid step", p->seeds,
            p->gaps ? "" : ": only a finer grid can narrow it");
        break;
    case PSI_POOL_STUDENT:
        say_student(out, p, what);
        break;
    case PSI_POOL_TURNBULL:
        say_turnbull(out, p, what);
        break;
    default:
        say(out, "F_min (Psi %.3g) is not known: no seed has a finished cell with a defined Psi",
            p->level);
    }
}

void psi_threshold_words(const struct psi_pooled *pooled, char *text, size_t size)
{
    struct sentence out = {text, size, 0};
    if (size == 0)
        return;
    text[0] = '\0';
    const char *what = pooled->effective ? "effective density" : "density";
    say_main(&out, pooled, what);
    say_exceptions(&out, pooled, what);
    say(&out, ".");
}
