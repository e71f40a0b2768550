#include "registry/retry.h"

#include <string.h>

#include "src/base/mem.h"

const struct retry_policy retry_default = {
	.tries = 5,
	.max_total = 50,
	.base_ms = 1000,
	.max_ms = 60000,
	.patience_s = 120,
};

bool retry_status(int status)
{
	return status == 408 || status == 429 ||
	       (status >= 500 && status < 600 && status != 501 && status != 505);
}

static int64_t two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form that servers may send (RFC 9110,
 * 5.6.7).  strptime() would follow the locale. */
static int64_t parse_http_date(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t day, month = -1, century, year, h, m, sec;
	struct tm tm = { 0 };

	if (strlen(s) != 29 || s[3] != ',' || strcmp(s + 25, " GMT") != 0)
		return -1;
	for (int i = 0; i < 12; i++)
		if (!strncmp(s + 8, months + 3 * (size_t)i, 3))
			month = i;
	day = two_digits(s + 5);
	century = two_digits(s + 12);
	year = two_digits(s + 14);
	h = two_digits(s + 17);
	m = two_digits(s + 20);
	sec = two_digits(s + 23);
	if (day < 1 || day > 31 || month < 0 || century < 0 || year < 0 || h < 0 || h > 23 ||
	    m < 0 || m > 59 || sec < 0 || sec > 60)
		return -1;
	tm.tm_mday = (int)day;
	tm.tm_mon = (int)month;
	tm.tm_year = (int)(century * 100 + year - 1900);
	tm.tm_hour = (int)h;
	tm.tm_min = (int)m;
	tm.tm_sec = (int)sec;
	return timegm(&tm);
}

int64_t retry_after_parse(const char *value, time_t now)
{
	int64_t v = 0, when;

	if (!value || !*value)
		return -1;
	if (strspn(value, "0123456789") == strlen(value)) {
		for (; *value && v < 1000000000; value++)
			v = v * 10 + (*value - '0');
		return v;
	}
	when = parse_http_date(value);
	if (when < 0)
		return -1;
	return MAX(when - now, 0);
}

int retry_next(struct retry_state *st, const struct retry_policy *p, uint64_t *wait_ms,
	       int64_t after_s, uint32_t dice)
{
	unsigned shift = MIN(st->failed, 20u);
	uint64_t pause = MIN((uint64_t)p->base_ms << shift, (uint64_t)p->max_ms);

	*wait_ms = 0;
	st->failed++;
	st->total++;
	if (st->failed >= p->tries || st->total >= p->max_total)
		return 1;
	if (after_s > (int64_t)p->patience_s)
		return 1;
	/* Up to a quarter more, never less: what a server asks for is a minimum. */
	if (after_s >= 0)
		pause = (uint64_t)after_s * 1000;
	*wait_ms = pause + (pause / 4 * (dice & 1023)) / 1024;
	return 0;
}

void retry_progress(struct retry_state *st)
{
	st->failed = 0;
}
