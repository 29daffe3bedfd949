/*
 * base/copy_past - a copy that goes past the caches.
 *
 * What is copied into memory that is larger than the caches, and read again only when all of it is there, gains
 * nothing from passing through them: the lines it is written to would be fetched first and others pushed out.
 * Its bytes go to memory as whole lines instead (non-temporal stores), where the processor has such.
 *
 * Any thread.
 */
#ifndef PW_BASE_COPY_PAST_H
#define PW_BASE_COPY_PAST_H

#include <stddef.h>

/* As memcpy().  Other threads may look at the bytes after pw_copy_past_end(), called by the one that copied. */
void pw_copy_past(void *target, const void *source, size_t bytes);
void pw_copy_past_end(void);

#endif
