#include <string.h>

#include "src/plan/names.h"
#include "tests/unit/unit.h"

static const struct fact_group groups[] = {
	{ 1000, "ada" }, { 27, "sudo" }, { 4000, "proj" }, { 5000, NULL }, { 4000, "proj" }
};

static struct facts caller(void)
{
	return (struct facts){ .uid = 1000,
			       .gid = 1000,
			       .groups = groups,
			       .ngroups = ARRAY_LEN(groups),
			       .user = "ada",
			       .gecos = "Ada L.",
			       .home = "/home/ada",
			       .shell = "/bin/zsh" };
}

START_TEST(the_caller_is_added_once)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	names_passwd(&b, "root:x:0:0:root:/root:/bin/sh\nbin:x:2:2::/:/x", &f, "/h");
	ck_assert_str_eq(buf_str(&b), "root:x:0:0:root:/root:/bin/sh\nbin:x:2:2::/:/x\n"
				      "ada:x:1000:1000:Ada L.:/h:/bin/zsh\n");
}
END_TEST

START_TEST(a_line_with_the_same_id_becomes_the_callers_and_keeps_its_shell)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	names_passwd(&b, "ubuntu:x:1000:1000:U:/home/ubuntu:/bin/ash\nx:x:1000:1:::/y\n", &f, "/h");
	ck_assert_str_eq(buf_str(&b), "ada:x:1000:1000:Ada L.:/h:/bin/ash\n");
}
END_TEST

START_TEST(a_line_with_the_same_name_and_another_id_goes)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	names_passwd(&b, "ada:x:7:7:::/bin/sh\n", &f, "/h");
	ck_assert_str_eq(buf_str(&b), "ada:x:1000:1000:Ada L.:/h:/bin/zsh\n");
}
END_TEST

START_TEST(a_caller_whom_the_host_does_not_know_has_a_line)
{
	struct facts f = { .uid = 77, .gid = 88 };
	auto_buf struct buf b = { 0 }, c = { 0 };

	names_passwd(&b, NULL, &f, "/");
	ck_assert_str_eq(buf_str(&b), "user:x:77:88::/:/bin/sh\n");
	names_passwd(&c, "svc:x:77:1:S:/srv:/bin/ash\n", &f, "/");
	ck_assert_str_eq(buf_str(&c), "svc:x:77:88::/:/bin/ash\n");
}
END_TEST

START_TEST(broken_lines_of_an_image_stay_as_they_are)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	f.gecos = "a:b\nc";
	names_passwd(&b, "\n::::\ngarbage\n+@nis::::::\n", &f, "/h");
	ck_assert_str_eq(buf_str(&b),
			 "\n::::\ngarbage\n+@nis::::::\nada:x:1000:1000:a b c:/h:/bin/zsh\n");
}
END_TEST

START_TEST(groups_have_the_hosts_names_and_one_line_each)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	names_group(&b, "root:x:0:\nsudo:x:999:joe\nwheel:x:27:joe\ndup:x:27:\nnobody:x:65534:\n",
		    &f);
	ck_assert_str_eq(buf_str(&b), "root:x:0:\nsudo:x:27:joe,ada\nnobody:x:65534:\n"
				      "ada:x:1000:ada\nproj:x:4000:ada\n");
}
END_TEST

START_TEST(the_id_of_unmapped_groups_has_a_name)
{
	struct facts f = caller();
	auto_buf struct buf b = { 0 };

	f.ngroups = 1;
	names_group(&b, NULL, &f);
	ck_assert_str_eq(buf_str(&b), "ada:x:1000:ada\nnogroup:x:65534:\n");
	buf_clear(&b);
	names_group(&b, "nogroup:x:99:\n", &f); /* no name stands there twice */
	ck_assert_str_eq(buf_str(&b), "nogroup:x:99:\nada:x:1000:ada\n");
}
END_TEST

UNIT(passwd, the_caller_is_added_once,
     a_line_with_the_same_id_becomes_the_callers_and_keeps_its_shell,
     a_line_with_the_same_name_and_another_id_goes, a_caller_whom_the_host_does_not_know_has_a_line,
     broken_lines_of_an_image_stay_as_they_are, groups_have_the_hosts_names_and_one_line_each,
     the_id_of_unmapped_groups_has_a_name)
