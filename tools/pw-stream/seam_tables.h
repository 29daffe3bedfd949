/*
 * seam_tables - the report on seams, for people and for programs.  doc/SEAMS.md says what the figures are.
 */
#ifndef SEAM_TABLES_H
#define SEAM_TABLES_H

#include <stdio.h>

#include "patchworks.h"

void pw_seam_tables_text(FILE *out, const struct pw_seams_result *result);
void pw_seam_tables_json(FILE *out, const struct pw_seams_result *result);

#endif
