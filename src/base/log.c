#include "src/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"

static enum log_level level = LOG_INFO;

static const char *const own_prefixes[] = {
	[LOG_SILENT] = "berth: ", [LOG_ERROR] = "berth: ",   [LOG_WARN] = "berth: warning: ",
	[LOG_INFO] = "berth: ",	  [LOG_VERBOSE] = "berth: ", [LOG_DEBUG] = "berth: "
};
static const char *const *prefixes = own_prefixes;

void log_set_prefixes(const char *const *p)
{
	prefixes = p ? p : own_prefixes;
}

const char *log_prefix(enum log_level l)
{
	return prefixes[l];
}

static void print_plain(enum log_level l, const char *line)
{
	auto_buf struct buf b = { 0 };

	buf_printf(&b, "%s%s\n", log_prefix(l), line);
	(void)!fd_write(STDERR_FILENO, b.data, b.len);
}

static log_printer *printer = print_plain;

void log_set_level(enum log_level l)
{
	level = l;
}

enum log_level log_level(void)
{
	return level;
}

void log_set_printer(log_printer *p)
{
	printer = p ? p : print_plain;
}

static void log_at(enum log_level l, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void log_at(enum log_level l, const char *fmt, va_list ap)
{
	auto_free char *raw = NULL;
	auto_buf struct buf line = { 0 };
	va_list copy;
	int n;

	if (l > level)
		return;
	va_copy(copy, ap);
	n = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	raw = xvasprintf(fmt, ap);
	buf_add_escaped(&line, raw, n > 0 ? (size_t)n : 0);
	printer(l, buf_str(&line));
}

#define LOG_FN(name, at)                \
	void name(const char *fmt, ...) \
	{                               \
		va_list ap;             \
                                        \
		va_start(ap, fmt);      \
		log_at(at, fmt, ap);    \
		va_end(ap);             \
	}

LOG_FN(log_error, LOG_ERROR)
LOG_FN(log_warn, LOG_WARN)
LOG_FN(log_info, LOG_INFO)
LOG_FN(log_verbose, LOG_VERBOSE)
LOG_FN(log_debug, LOG_DEBUG)
