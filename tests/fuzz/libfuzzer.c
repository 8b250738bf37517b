/* https://llvm.org/docs/LibFuzzer.html */
#include "fuzz.h"

#include "psisweep/child.h"

#include <unistd.h>

/* What is tried in a child at first is done here: to fork would take most of an input's time, and
 * hides what sanitisers find. Nothing is changed here that libhdf5 may crash on. */
enum psi_status psi_child_start(void (*work)(void *context, int out), void *context,
                                unsigned seconds, struct psi_child *child, struct psi_error *err)
{
    int end[2];
    (void)seconds, (void)err;
    FUZZ_CHECK(pipe(end) == 0);
    work(context, end[1]);
    close(end[1]);
    child->out = end[0];
    return PSI_OK;
}

int psi_child_end(struct psi_child *child)
{
    close(child->out);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    psi_fuzz_one(data, size);
    return 0;
}
