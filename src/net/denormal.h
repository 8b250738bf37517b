/* Flush-to-zero around arithmetic. Velocities of weights that no longer learn decay by a constant
 * factor a step and go denormal within some hundred steps, where every operation costs a hundred
 * cycles; zero serves as well. */
#ifndef PSISWEEP_NET_DENORMAL_H
#define PSISWEEP_NET_DENORMAL_H

/* Treat denormal floats as zero in this thread from now on; returns what psi_denormal_restore
 * needs to put the mode back. Without effect where the processor's mode register is unknown. */
unsigned long psi_denormal_flush(void);
void psi_denormal_restore(unsigned long mode);

#endif
