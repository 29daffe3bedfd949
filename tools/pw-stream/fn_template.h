/*
 * fn_template - the file that `pw-stream fn new` writes.
 */
#ifndef FN_TEMPLATE_H
#define FN_TEMPLATE_H

/* Its text in pieces, ended by NULL; "@NAME@" stands for the function's name. */
extern const char *const pw_fn_template[];

#endif
