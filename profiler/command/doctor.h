/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of doctor: findings about a program, a process, the machine.
 */
#ifndef CS_COMMAND_DOCTOR_H
#define CS_COMMAND_DOCTOR_H

#include <stdint.h>

#include "base/diag.h"
#include "base/sink.h"
#include "command/program.h"

struct cs_doctor {
	struct cs_sink sink;
	unsigned problems;
};

/* A finding, one line each. */
void cs_doctor_fine(struct cs_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void cs_doctor_note(struct cs_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void cs_doctor_problem(struct cs_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The way out of the problem before. */
void cs_doctor_advice(struct cs_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A problem with its way out. */
void cs_doctor_diag(struct cs_doctor *doctor, const struct cs_diag *diag);

void cs_doctor_program(struct cs_doctor *doctor, const struct cs_program *program);
/* -ESRCH and others with DIAG set: there is nothing to examine. */
int cs_doctor_process(struct cs_doctor *doctor, uint64_t pid, struct cs_diag *diag);
void cs_doctor_machine(struct cs_doctor *doctor);

#endif
