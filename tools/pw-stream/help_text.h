/* help_text - what `pw-stream help <verb>` prints. */
#ifndef HELP_TEXT_H
#define HELP_TEXT_H

extern const char pw_help_run[];
extern const char pw_help_merge[];
extern const char pw_help_remerge[];
extern const char pw_help_explain[];
extern const char pw_help_seams[];
extern const char pw_help_info[];
extern const char pw_help_cat[];
extern const char pw_help_measure[];
extern const char pw_help_preview[];
extern const char pw_help_compare[];
extern const char pw_help_relate[];
extern const char pw_help_version[];
extern const char pw_help_help[];

#endif
