/* Finding a key by its name, and the nearest one to a name that is none. */
#include "job_private.h"

#include <string.h>

enum { NAME_COMPARED = 32, KNOWN_SHOWN = 240 };

/* Levenshtein (1966): the least number of insertions, deletions and substitutions that turn a
 * (a_length <= NAME_COMPARED) into b. */
static size_t edit_distance(const char *a, size_t a_length, const char *b)
{
    size_t cost[NAME_COMPARED + 1]; /* (a_length + 1) from each beginning of a to b so far */
    for (size_t i = 0; i <= a_length; i++) {
        cost[i] = i;
    }
    for (size_t j = 0; b[j]; j++) {
        size_t diagonal = cost[0]++;
        for (size_t i = 0; i < a_length; i++) {
            size_t change = diagonal + (a[i] != b[j]);
            size_t gap = 1 + (cost[i] < cost[i + 1] ? cost[i] : cost[i + 1]);
            diagonal = cost[i + 1];
            cost[i + 1] = change < gap ? change : gap;
        }
    }
    return cost[a_length];
}

/* The key that name is most like, NULL where more than half of it would have to change. */
static const struct psi_job_key *nearest(const struct psi_job_key *keys, const char *name,
                                         size_t length)
{
    const struct psi_job_key *best = NULL;
    size_t least = length > NAME_COMPARED ? 0 : length / 2 + 1;
    for (; least > 0 && keys->name; keys++) {
        size_t distance = edit_distance(name, length, keys->name);
        if (distance < least) {
            least = distance;
            best = keys;
        }
    }
    return best;
}

enum psi_status psi_job_find(struct psi_job_reader *reader, const struct psi_job_key *keys,
                             const char *name, size_t length, size_t line,
                             const struct psi_job_key **out)
{
    char shown[PSI_FOUND], known[KNOWN_SHOWN] = "";
    for (const struct psi_job_key *key = keys; key->name; key++) {
        if (strlen(key->name) == length && memcmp(key->name, name, length) == 0) {
            *out = key;
            return PSI_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", key->name);
    }
    size_t taken = psi_job_escape_all(name, length, shown, sizeof shown);
    psi_job_enter(reader, "%s%s", shown, taken < length ? "..." : "");
    const struct psi_job_key *near = nearest(keys, name, length);
    if (near) {
        return psi_job_fail(reader, line, "unknown key; did you mean \"%s\"?", near->name);
    }
    return psi_job_fail(reader, line, "unknown key; expected one of %s", known);
}
