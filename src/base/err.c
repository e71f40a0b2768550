#include "src/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/mem.h"

void err_set_(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}

static enum err_kind kind_of(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return ERR_SPACE;
	case ENOENT:
		return ERR_NOTFOUND;
	default:
		return ERR_SYS;
	}
}

void err_sys_(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;
	int n;

	e->kind = kind_of(sys);
	e->sys = sys;
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", strerror(sys));
}

void err_wrap_(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;
	int n;

	memcpy(inner, e->text, sizeof(inner));
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %.*s",
			 (int)MAX((int)sizeof(e->text) - n - 3, 0), inner);
}
