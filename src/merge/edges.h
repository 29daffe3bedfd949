/*
 * merge/edges - the edge file: statements that local ids of two tiles may be one object.
 *
 * Candidates are logged while tiles are processed, in (tile, local id) form, because the
 * global number of a local id needs every tile's count first.  Those of the touch rule are
 * certain and have no counts; those of the other rules carry what they are decided on, so that
 * a rule of the same family can be changed without matching again.
 *
 * Threads: one writer; reading begins when writing has ended, then from any thread.
 */
#ifndef PW_MERGE_EDGES_H
#define PW_MERGE_EDGES_H

#include "merge/rule.h"
#include "patchworks.h"
#include "sys/file.h"

#define PW_EDGE_FILE "candidates"

/* Flags of an edge. */
enum {
    PW_EDGE_BEST = 1 /* each is the other's partner with the most shared voxels in this overlap */
};

struct pw_edge {
    uint32_t tile_a, label_a;
    uint32_t tile_b, label_b;
    /* Without counts all zero, and not stored. */
    uint32_t shared;         /* face: pairs of facing voxels; overlap: voxels */
    uint32_t size_a, size_b; /* of the labels on the face or in the overlap */
    uint32_t flags;
};

struct pw_edge_file {
    struct pw_scratch file;
    size_t record_bytes; /* of an edge in the file */
    uint64_t n_written;  /* edges in the file */
    unsigned char *buffer;
    uint32_t n_buffered;
    struct pw_edge *recent; /* touch edges written lately, by hash: most repeats of a seam are dropped here */
};

enum pw_status pw_edge_file_open(struct pw_edge_file *edges, const char *scratch_dir, enum pw_rule_family family,
                                 struct pw_error *error);

/* The same as a file that stays, directory/PW_EDGE_FILE, and one that was kept, for reading. */
enum pw_status pw_edge_file_keep(struct pw_edge_file *edges, const char *directory, enum pw_rule_family family,
                                 struct pw_error *error);
enum pw_status pw_edge_file_open_kept(struct pw_edge_file *edges, const char *directory, enum pw_rule_family family,
                                      struct pw_error *error);
void pw_edge_file_close(struct pw_edge_file *edges); /* safe on a zeroed one */
uint64_t pw_edge_file_memory_bytes(void);

/* Bytes of one edge in the file. */
size_t pw_edge_record_bytes(enum pw_rule_family family);

enum pw_status pw_edge_file_add(struct pw_edge_file *edges, const struct pw_edge *edge, struct pw_error *error);
enum pw_status pw_edge_file_flush(struct pw_edge_file *edges, struct pw_error *error);

/*
 * Reads on from candidate number *at, which is moved past what was read, and puts up to capacity edges that
 * rule (NULL: any) accepts into out.  *n is 0 only when there are no more.
 */
enum pw_status pw_edge_file_read(const struct pw_edge_file *edges, const struct pw_rule *rule, uint64_t *at,
                                 struct pw_edge *out, uint32_t capacity, uint32_t *n, struct pw_error *error);

#endif
