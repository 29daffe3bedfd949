#include "segment/lengths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/length_unit.h"

enum pw_status pw_voxel_micrometers(const struct pw_volume *volume, const char *function, const char *name,
                                    double micrometers[3], struct pw_error *error)
{
    static const char axis[3] = {'z', 'y', 'x'};
    for (int i = 0; i < 3; i++) {
        micrometers[i] = volume->space[i].scale * pw_micrometers_in(volume->space[i].unit);
        if (i >= 3 - volume->rank && !(micrometers[i] > 0 && isfinite(micrometers[i])))
            return pw_fail(error, PW_E_ARGUMENT,
                           "%s %s: micrometers need an image that says how large its voxels are, in a unit of length, "
                           "and this one does not along %c; give voxels",
                           function, name, axis[i]);
    }
    return PW_OK;
}

/* Up to three numbers with slashes between them; what is behind them begins at *rest.  Returns how many. */
static int read_numbers(const char *text, double number[3], const char **rest)
{
    int n = 0;
    for (;;) {
        char *end;
        number[n] = strtod(text, &end);
        *rest = end;
        if (end == text || !isfinite(number[n]) || number[n] < 0)
            return 0;
        n++;
        if (*end != '/' || n == 3)
            return n;
        text = end + 1;
    }
}

enum pw_status pw_lengths_read(const struct pw_volume *volume, const char *function, const char *name, const char *text,
                               double voxels[3], struct pw_error *error)
{
    double number[3], micrometers[3] = {1, 1, 1};
    const char *rest;
    int n = read_numbers(text, number, &rest), in_micrometers = strcmp(rest, "um") == 0;
    if (n == 0 || (*rest != '\0' && !in_micrometers))
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s %s=%s: not a length; use voxels (2), one for each axis (1/2/2), or micrometers (0.5um)",
                       function, name, text);
    if (n != 1 && n != volume->rank)
        return pw_fail(error, PW_E_ARGUMENT, "%s %s=%s: %d lengths for an image with %d axes", function, name, text, n,
                       volume->rank);
    enum pw_status status = in_micrometers ? pw_voxel_micrometers(volume, function, name, micrometers, error) : PW_OK;
    for (int i = 0; i < 3 && status == PW_OK; i++) {
        int given = i - (3 - volume->rank);
        voxels[i] = given < 0 ? 0 : number[n == 1 ? 0 : given] / micrometers[i];
    }
    return status;
}
