/* log: what a user may want to know while things go well.
 *
 * Errors are not logged: they travel as struct err and main prints them.
 * Messages go to stderr, one line each, with control bytes escaped; a progress
 * display on the terminal is moved out of their way. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_SILENT, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

/* LOG_INFO until set.  Set once by main before any thread exists. */
void log_set_level(enum log_level l);
enum log_level log_level(void);

/* How a line begins, by level (LOG_SILENT to LOG_DEBUG); NULL: "berth: ", "berth: warning: ".  The
 * table is borrowed.  The drop-in names have beginnings of their own. */
void log_set_prefixes(const char *const *prefixes);
const char *log_prefix(enum log_level l);

/* A new log_printer replaces the way in which lines are written: a progress display redraws. */
typedef void log_printer(enum log_level l, const char *line);
void log_set_printer(log_printer *p);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line whatever the level is but LOG_SILENT: main's error line. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
