#include "denormal.h"

#if defined __x86_64__

#include <xmmintrin.h>

unsigned long psi_denormal_flush(void)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* MXCSR: flush to zero, denormals are zero */
    return mode;
}

void psi_denormal_restore(unsigned long mode)
{
    _mm_setcsr((unsigned)mode);
}

#elif defined __aarch64__

unsigned long psi_denormal_flush(void)
{
    unsigned long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | 1ul << 24)); /* FPCR.FZ */
    return mode;
}

void psi_denormal_restore(unsigned long mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

#else

unsigned long psi_denormal_flush(void)
{
    return 0;
}

void psi_denormal_restore(unsigned long mode)
{
    (void)mode;
}

#endif
