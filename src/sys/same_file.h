/*
 * sys/same_file - whether two paths lead to one place, by whatever names, links and slashes.
 *
 * So that a result never takes the place of what it is made from.  Errors count as "no".  Any thread.
 */
#ifndef PW_SYS_SAME_FILE_H
#define PW_SYS_SAME_FILE_H

/* Whether what is at path is what is at outer, or lies in that directory. */
int pw_file_is_within(const char *path, const char *outer);

/* Whether the open file is what is at path. */
int pw_file_is_open_at(int fd, const char *path);

/* Whether two names are one, be there anything or not: the same last part in the same directory. */
int pw_file_is_same_name(const char *a, const char *b);

#endif
