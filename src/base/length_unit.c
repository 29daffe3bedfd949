#include "base/length_unit.h"

#include <stddef.h>
#include <string.h>

double pw_micrometers_in(const char *unit)
{
    static const struct {
        const char *name;
        double micrometers;
    } known[] = {{"micrometer", 1},  {"nanometer", 1e-3}, {"millimeter", 1e3}, {"centimeter", 1e4},
                 {"angstrom", 1e-4}, {"picometer", 1e-6}, {"meter", 1e6},      {"inch", 25400}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(unit, known[i].name) == 0)
            return known[i].micrometers;
    return 0;
}
