/* https://llvm.org/docs/LibFuzzer.html */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    psi_fuzz_one(data, size);
    return 0;
}
