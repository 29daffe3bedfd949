/* help_text - what `pw-stream help <verb>` prints: texts one after the other, then NULL. */
#ifndef HELP_TEXT_H
#define HELP_TEXT_H

extern const char *const pw_help_run[];
extern const char *const pw_help_probe[];
extern const char *const pw_help_tiles[];
extern const char *const pw_help_collect[];
extern const char *const pw_help_merge[];
extern const char *const pw_help_remerge[];
extern const char *const pw_help_explain[];
extern const char *const pw_help_seams[];
extern const char *const pw_help_fn[];
extern const char *const pw_help_info[];
extern const char *const pw_help_cat[];
extern const char *const pw_help_measure[];
extern const char *const pw_help_preview[];
extern const char *const pw_help_convert[];
extern const char *const pw_help_pyramid[];
extern const char *const pw_help_compare[];
extern const char *const pw_help_relate[];
extern const char *const pw_help_version[];
extern const char *const pw_help_help[];

/* Prints one of them. */
void pw_help_print(const char *const *help);

#endif
