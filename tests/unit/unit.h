/* unit: a whole libcheck program in one line.
 *
 *	START_TEST(parents_are_mounted_before_children) { ... } END_TEST
 *	UNIT(plan, parents_are_mounted_before_children, ...)
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "src/base/mem.h"

#define UNIT(name, ...)                                           \
	int main(void)                                            \
	{                                                         \
		const TTest *tests_[] = { __VA_ARGS__ };          \
		Suite *s_ = suite_create(#name);                  \
		TCase *c_ = tcase_create(#name);                  \
		SRunner *r_ = srunner_create(s_);                 \
		int failed_;                                      \
                                                                  \
		tcase_set_timeout(c_, 60);                        \
		for (size_t i_ = 0; i_ < ARRAY_LEN(tests_); i_++) \
			tcase_add_test(c_, tests_[i_]);           \
		suite_add_tcase(s_, c_);                          \
		srunner_run_all(r_, CK_NORMAL);                   \
		failed_ = srunner_ntests_failed(r_);              \
		srunner_free(r_);                                 \
		return failed_ ? EXIT_FAILURE : EXIT_SUCCESS;     \
	}

/* Fails with the error's own text. */
#define ck_ok(expr, e) ck_assert_msg((expr) >= 0, #expr ": %s", (e)->text)

#endif
