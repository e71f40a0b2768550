#include <signal.h>

#include "src/host/signals.h"
#include "tests/unit/unit.h"

START_TEST(a_signal_is_a_name_with_or_without_sig_or_a_number)
{
	static const struct {
		const char *text;
		int sig;
	} good[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "sigusr1", SIGUSR1 },  { "15", 15 },
		{ "64", 64 },	     { "SIGQUIT", SIGQUIT }, { "SIGWINCH", SIGWINCH }
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(signal_parse(good[i].text) == good[i].sig, "%s", good[i].text);
}
END_TEST

START_TEST(real_time_signals_count_from_either_end)
{
	ck_assert_int_eq(signal_parse("SIGRTMIN+3"), SIGRTMIN + 3);
	ck_assert_int_eq(signal_parse("rtmin"), SIGRTMIN);
	ck_assert_int_eq(signal_parse("RTMAX-1"), SIGRTMAX - 1);
	ck_assert_int_eq(signal_parse("SIGRTMAX"), SIGRTMAX);
}
END_TEST

START_TEST(what_is_no_signal_is_0)
{
	static const char *const bad[] = { "",	      "SIG",	 "0",	     "65",	   "-1",
					   "9999",    "TERMS",	 "15 ",	     "SIGSIGTERM", "RTMIN+",
					   "RTMIN-1", "RTMAX+1", "RTMIN+99", "RTMID",	   "RTM" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(signal_parse(bad[i]) == 0, "%s", bad[i]);
}
END_TEST

UNIT(signals, a_signal_is_a_name_with_or_without_sig_or_a_number,
     real_time_signals_count_from_either_end, what_is_no_signal_is_0)
