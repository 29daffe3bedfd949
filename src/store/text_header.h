/*
 * store/text_header - what NRRD and MetaImage share: lines of text that describe an array
 * which follows them, or is in a file of its own, raw or compressed.
 *
 * Threads: pure functions, but for opening.
 */
#ifndef PW_STORE_TEXT_HEADER_H
#define PW_STORE_TEXT_HEADER_H

#include "base/names.h"
#include "store/source.h"
#include "store/stream_decoding.h"

enum {
    PW_TEXT_HEADER_MAX = 1 << 20
};

/* The array that a header describes. */
struct pw_text_header {
    const char *format; /* "nrrd" */
    int rank;
    uint64_t shape[PW_MAX_RANK]; /* slowest first */
    struct pw_axis axis[PW_MAX_RANK];
    enum pw_dtype dtype;
    int big_endian;
    int encoded; /* not bare: as encoding says */
    enum pw_stream_encoding encoding;
    char data_file[4096]; /* "": the data follow the header */
    uint64_t data_offset; /* of the data, or of the compressed stream, in its file */
    uint64_t line_skip;   /* lines to pass before them */
    uint64_t byte_skip;   /* bytes to pass after that, of a compressed array after decompressing */
    int from_end;         /* the data are the last bytes of the file */

    struct pw_names part;  /* several data files, in order; the format releases them */
    int part_rank;         /* axes of each; 0: one less than the array has */
    int part_lines_follow; /* every further line is one of them */
};

/* Whether the value of a data file is a list or a pattern; then begins with it. */
int pw_text_parts_are(const char *value);
enum pw_status pw_text_parts_begin(struct pw_text_header *header, const char *path, const char *value,
                                   struct pw_error *error);
/* A line of the list; one that is empty is none. */
enum pw_status pw_text_parts_add(struct pw_text_header *header, const char *path, const char *name, size_t n,
                                 struct pw_error *error);

/*
 * The text of the file at path up to its end or PW_TEXT_HEADER_MAX bytes, with a 0 behind
 * it; the caller frees it.  Errors: those of reading.
 */
enum pw_status pw_text_header_read(const char *path, char **text, size_t *n, struct pw_error *error);

/* The file name, in the directory of path unless it is absolute, into out. */
void pw_text_header_beside(const char *path, const char *name, char *out, size_t capacity);

/* Shape, element type and axes of the array, and its layout in a file from offset on. */
enum pw_status pw_text_header_describe(const struct pw_text_header *header, struct pw_source *source, uint64_t offset,
                                       struct pw_error *error);

/* Where the bytes of an uncompressed data file of file_bytes begin.  Errors: PW_E_TRUNCATED. */
enum pw_status pw_text_header_data(const struct pw_text_header *header, int fd, const char *path, uint64_t file_bytes,
                                   uint64_t bytes, uint64_t *offset, struct pw_error *error);

/* A source over the array.  Errors: PW_E_NOT_FOUND (the data file), PW_E_TRUNCATED, PW_E_FORMAT, PW_E_RANGE. */
enum pw_status pw_text_header_open(const struct pw_text_header *header, const char *path, struct pw_source **source,
                                   struct pw_error *error);

/* The next word of *at, which is moved behind it; 0 at the end of the line. */
int pw_text_word(const char **at, char *word, size_t capacity);

/* An axis of the array: calibrated when scale is above 0. */
void pw_text_axis(struct pw_axis *axis, char letter, double scale, const char *unit);

#endif
