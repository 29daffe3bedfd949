/*
 * base/length_unit - units of length by the names that OME-NGFF gives them.
 */
#ifndef PW_BASE_LENGTH_UNIT_H
#define PW_BASE_LENGTH_UNIT_H

/* Micrometers in one of unit ("nanometer"); 0 for what is no known unit of length.  Any thread. */
double pw_micrometers_in(const char *unit);

#endif
