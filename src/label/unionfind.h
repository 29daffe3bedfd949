/*
 * label/unionfind - disjoint sets of small integers, united towards the smaller.
 *
 * parent[i] <= i always; i is the root of its set when parent[i] == i.  Because
 * parents are smaller, one sweep upwards flattens the forest, and the root is the
 * set's least member.
 *
 * Method: Rem's algorithm with splicing (Dijkstra, A Discipline of Programming, 1976;
 * Patwary, Blair and Manne, Experiments on union-find algorithms, SEA 2010).
 */
#ifndef PW_LABEL_UNIONFIND_H
#define PW_LABEL_UNIONFIND_H

#include "label/simd.h"

#include <stdint.h>

PW_INLINE void pw_unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    uint32_t parent_a = parent[a], parent_b = parent[b];
    while (parent_a != parent_b) {
        if (parent_a < parent_b) {
            uint32_t swap = a;
            a = b;
            b = swap;
            swap = parent_a;
            parent_a = parent_b;
            parent_b = swap;
        }
        /* Hang a under the smaller of the two parents; if it was a root, that joined the sets. */
        parent[a] = parent_b;
        if (a == parent_a)
            return;
        a = parent_a;
        parent_a = parent[a];
    }
}

#endif
