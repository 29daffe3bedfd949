/*
 * segment/builtin - the segmentation functions that are compiled in: one table, from which --fn is read and which
 * `pw-stream fn` prints.
 *
 * A new one is a file with a struct pw_builtin and a line in segment/builtins.c.  What it takes is its table of options;
 * open() reads their values, and sets the segmenter's ops and what it declares (halo, components, ...).
 * Threads: constant.
 */
#ifndef PW_SEGMENT_BUILTIN_H
#define PW_SEGMENT_BUILTIN_H

#include "segment/fn_values.h"
#include "segment/segmenter.h"

struct pw_builtin {
    const char *name;                   /* one word */
    const char *summary;                /* one line */
    const char *halo;                   /* in words: "none", "4 sigma of the wider filter" */
    const char *help;                   /* further lines for `fn show`; NULL: none */
    const struct pw_fn_option *options; /* ended by a NULL name */
    int normalizes;                     /* works on voxels as --normalize makes them (segmenter->measured has limits) */
    /*
     * Sets segmenter up for its volume, with the values that were checked against options.  When it is called the
     * segmenter has its dtype, rank, volume and name, and nothing else.  It sets text: the specification, completed.
     */
    enum pw_status (*open)(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                           const struct pw_run_options *run, struct pw_error *error);
};

extern const struct pw_builtin *const pw_builtins[]; /* all of them, ended by NULL */

/* The one called name[0..length-1]; NULL when there is none. */
const struct pw_builtin *pw_builtin_find(const char *name, size_t length);

/* Their names with commas between them, for messages. */
void pw_builtin_names(char *out, size_t bytes);

/* For the tables of those that label components. */
#define PW_CONNECTIVITY_OPTION                                                                                         \
    {                                                                                                                  \
        "connectivity", PW_FN_INTEGER, "", "1 faces, 2 edges, 3 corners (default: --connectivity, else 1)"             \
    }

/*
 * The value of that option, else what joins tiles (--connectivity), else 1: into segmenter->connectivity, and components
 * is set.  Errors: PW_E_ARGUMENT for what is not 1..rank.
 */
enum pw_status pw_builtin_connectivity(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                       const struct pw_run_options *run, struct pw_error *error);

extern const struct pw_builtin pw_builtin_threshold, pw_builtin_otsu, pw_builtin_label; /* basic_builtins.c */
extern const struct pw_builtin pw_builtin_given;                                        /* basic_builtins.c */
extern const struct pw_builtin pw_builtin_local;                                        /* local_segmenter.c */
extern const struct pw_builtin pw_builtin_dog;                                          /* dog_segmenter.c */
extern const struct pw_builtin pw_builtin_log;                                          /* log_segmenter.c */
extern const struct pw_builtin pw_builtin_watershed;                                    /* watershed_options.c */

#endif
