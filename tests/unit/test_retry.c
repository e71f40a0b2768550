#include "registry/retry.h"

#include "tests/unit/unit.h"

START_TEST(only_what_may_pass_is_tried_again)
{
	static const struct {
		int status;
		bool again;
	} rows[] = {
		{ 200, false }, { 206, false }, { 301, false }, { 400, false }, { 401, false },
		{ 403, false }, { 404, false }, { 408, true },	{ 416, false }, { 429, true },
		{ 500, true },	{ 501, false }, { 502, true },	{ 503, true },	{ 504, true },
		{ 505, false }, { 522, true },	{ 600, false }, { 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(retry_status(rows[i].status) == rows[i].again, "%d", rows[i].status);
}
END_TEST

START_TEST(retry_after_is_seconds_or_a_date)
{
	/* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */
	const time_t then = 784111777;
	static const struct {
		const char *value;
		int64_t want;
	} rows[] = {
		{ "0", 0 },
		{ "120", 120 },
		{ "99999999999999999999", 9999999999 },
		{ "Sun, 06 Nov 1994 08:49:47 GMT", 10 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:00:00 GMT", 0 },
		{ "Mon, 07 Nov 1994 08:49:37 GMT", 86400 },
		{ "Sun, 06 Foo 1994 08:49:47 GMT", -1 },
		{ "Sun, 06 Nov 1994 08:49:47 CET", -1 },
		{ "Sun, xx Nov 1994 08:49:47 GMT", -1 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", -1 },
		{ "-5", -1 },
		{ "1.5", -1 },
		{ "soon", -1 },
		{ "", -1 },
		{ NULL, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t got = retry_after_parse(rows[i].value, then);

		if (rows[i].want > 1000000000)
			ck_assert_int_ge(got, 1000000000);
		else
			ck_assert_msg(got == rows[i].want, "%s: %lld", rows[i].value,
				      (long long)got);
	}
}
END_TEST

START_TEST(pauses_double_up_to_the_longest_and_end)
{
	const struct retry_policy p = { 6, 50, 1000, 5000, 120 };
	static const uint64_t want[] = { 1000, 2000, 4000, 5000, 5000 };
	struct retry_state st = { 0 };
	uint64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert_int_eq(retry_next(&st, &p, &ms, -1, 0), 0);
		ck_assert_uint_eq(ms, want[i]);
	}
	ck_assert_int_eq(retry_next(&st, &p, &ms, -1, 0), 1);
	ck_assert_uint_eq(st.total, 6);
}
END_TEST

START_TEST(chance_only_makes_a_pause_longer_by_up_to_a_quarter)
{
	for (uint32_t dice = 0; dice < 5000; dice += 7) {
		struct retry_state st = { 0 };
		uint64_t ms;

		ck_assert_int_eq(retry_next(&st, &retry_default, &ms, 10, dice), 0);
		ck_assert(ms >= 10000 && ms <= 12500);
	}
}
END_TEST

START_TEST(a_server_that_asks_for_hours_is_not_waited_for)
{
	struct retry_state st = { 0 };
	uint64_t ms;

	ck_assert_int_eq(retry_next(&st, &retry_default, &ms, 120, 0), 0);
	ck_assert_uint_eq(ms, 120000);
	ck_assert_int_eq(retry_next(&st, &retry_default, &ms, 121, 0), 1);
}
END_TEST

START_TEST(progress_forgives_failures_but_not_for_ever)
{
	struct retry_state st = { 0 };
	uint64_t ms;
	unsigned n = 1;

	while (retry_next(&st, &retry_default, &ms, -1, 0) == 0) {
		retry_progress(&st);
		n++;
	}
	ck_assert_uint_eq(n, retry_default.max_total);
}
END_TEST

UNIT(retry, only_what_may_pass_is_tried_again, retry_after_is_seconds_or_a_date,
     pauses_double_up_to_the_longest_and_end, chance_only_makes_a_pause_longer_by_up_to_a_quarter,
     a_server_that_asks_for_hours_is_not_waited_for, progress_forgives_failures_but_not_for_ever)
