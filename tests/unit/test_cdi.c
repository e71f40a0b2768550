#include "tests/unit/unit.h"

#include "bindings/cdi_spec.h"
#include "tests/unit/lend_fixture.h"

START_TEST(names_have_a_vendor_a_class_and_a_device)
{
	static const char *const good[] = { "nvidia.com/gpu=0", "nvidia.com/gpu=all",
					    "vendor.com/net-dev=a_b.c:d-1",
					    "nvidia.com/gpu=GPU-aaaa-bbbb", "a1/b2=0:1" };
	static const char *const bad[] = { "",	     "gpu",	"nvidia.com/gpu", "nvidia.com=0",
					   "1a/b=c", "a/1b=c",	"a/b=",		  "a/b=c-",
					   "a/b=-c", "a/b=c/d", "/b=c",		  "a-/b=c",
					   "a/b=c d" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(cdi_name_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!cdi_name_is_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_bad_spec_says_what_is_wrong)
{
	static const struct {
		const char *path, *text, *why;
	} rows[] = {
		{ "/etc/cdi/a.json", "{", "/etc/cdi/a.json: " },
		{ "/etc/cdi/a.yaml", "a: [", "/etc/cdi/a.yaml: line 1: " },
		{ "a.yaml", "kind: a/b\n", "a.yaml: it has no cdiVersion" },
		{ "a.yaml", "cdiVersion: 0.6.0\nkind: b\n",
		  "a.yaml: its kind is not vendor/class" },
		{ "a.yaml", "cdiVersion: 0.6.0\nkind: a/b\n", "a.yaml: it has no devices" },
		{ "a.yaml", "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- name: x\n",
		  "a.yaml: device x has no containerEdits" },
		{ "a.yaml",
		  "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- {name: x, containerEdits: {}}\n"
		  "- {name: x, containerEdits: {}}\n",
		  "a.yaml: two devices are called x" },
		{ "a.yaml",
		  "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- {name: 'x y', containerEdits: {}}\n",
		  "a.yaml: device 0 has no proper name" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cdi_spec s;
		struct err e;

		ck_assert_int_eq(
			cdi_parse(&s, rows[i].path, rows[i].text, strlen(rows[i].text), &e), -1);
		ck_assert_msg(str_has_prefix(e.text, rows[i].why), "%s", e.text);
	}
}
END_TEST

static void borrow(struct loan *l, const char *host, const char *name)
{
	strv_fini(&l->config.devices);
	strv_add(&l->config.devices, name);
	loan_make(l, host, "glibc231");
}

START_TEST(a_device_brings_its_own_and_the_common_edits)
{
	auto_loan struct loan l = { .config = { .own_dev = true } };

	borrow(&l, "el9-nv550", "nvidia.com/gpu=1");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "cdi nvidia.com/gpu=1: /dev/nvidia1: given");
	ck_says(&l, "cdi nvidia.com/gpu=1: /dev/nvidiactl: given");
	ck_silent(&l, "cdi nvidia.com/gpu=1: /dev/nvidia0");
	ck_says(&l, "cdi nvidia.com/gpu=1: libcuda.so.1: given: /usr/lib64/libcuda.so.550.54.14");
	ck_says(&l, "/.singularity.d/libs/libcuda.so <- libcuda.so.1");
	ck_says(&l, "NVIDIA_VISIBLE_DEVICES 0 void");
	ck_says(&l, "/usr/bin/nvidia-smi <- /usr/bin/nvidia-smi");
	ck_says(&l, "cdi nvidia.com/gpu=1: /usr/lib/xorg/nvidia_drv.so: skipped: a link outside");
}
END_TEST

START_TEST(a_later_directory_hides_an_earlier_one)
{
	auto_loan struct loan l = { .config = { .own_dev = true } };

	borrow(&l, "el9-nv550", "vendor.com/net=x");
	ck_says(&l, "WHERE 0 run");
	strv_add(&l.config.cdi_dirs, "/opt/cdi");
	borrow(&l, "el9-nv550", "vendor.com/net=x");
	ck_says(&l, "WHERE 0 opt");
	borrow(&l, "el9-nv550", "vendor.com/net=twice");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(l.e.text, "--device vendor.com/net=twice: /etc/cdi/t1.json and "
				   "/etc/cdi/t2.json both have it");
}
END_TEST

START_TEST(what_cannot_be_done_is_said_and_with_strict_an_error)
{
	auto_loan struct loan l = { .config = { .own_dev = true } };

	borrow(&l, "el9-nv550", "vendor.com/net=hooked");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l,
		"note: cdi vendor.com/net=hooked: hook: /usr/bin/vendor-hook setup is not known "
		"and is not run");
	ck_says(&l, "note: /etc/cdi/bad.yaml: line 2: ");
	ck_says(&l, "note: /etc/cdi/new.yaml: CDI version 7.0.0 is newer than what is known");
	l.config.strict = true;
	borrow(&l, "el9-nv550", "vendor.com/net=hooked");
	ck_assert_int_eq(l.r, -1);
	l.config.strict = false;
	borrow(&l, "el9-nv550", "vendor.com/net=gone");
	ck_assert_int_eq(l.r, -1);
	ck_assert(str_has_prefix(
		l.e.text,
		"cdi vendor.com/net=gone: device /dev/gone is not on this host; the spec"));
	borrow(&l, "el9-nv550", "nvidia.com/gpu=9");
	ck_assert_int_eq(l.e.kind, ERR_NOTFOUND);
	ck_assert_str_eq(l.e.text,
			 "--device nvidia.com/gpu=9: no such device; there are 0, 1, all");
	borrow(&l, "bare", "nvidia.com/gpu=0");
	ck_assert(str_has_prefix(l.e.text, "--device nvidia.com/gpu=0: no CDI spec in /etc/cdi"));
	borrow(&l, "el9-nv550", "gpu");
	ck_assert_int_eq(l.e.kind, ERR_USAGE);
}
END_TEST

START_TEST(what_only_root_can_do_is_a_warning_and_with_strict_an_error)
{
	static const struct {
		const char *name, *note;
	} rows[] = {
		{ "proc", "mount: /p is a mount of type proc, and only bind and tmpfs are made" },
		{ "group", "additionalGids: you are not a member of group 4000000" },
		{ "rdt", "intelRdt: cache and memory bandwidth classes are set by root only" },
		{ "nic", "netDevices: network devices are moved by root only" },
	};
	auto_loan struct loan l = { .config = { .own_dev = true } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *device = xasprintf("vendor.com/odd=%s", rows[i].name);
		auto_free char *note = xasprintf("note: cdi %s: %s", device, rows[i].note);

		l.config.strict = false;
		borrow(&l, "el9-nv550", device);
		ck_assert_int_eq(l.r, 0);
		ck_says(&l, note);
		l.config.strict = true;
		borrow(&l, "el9-nv550", device);
		ck_assert_int_eq(l.r, -1);
		ck_assert(str_has_prefix(l.e.text, note + strlen("note: ")));
	}
	borrow(&l, "el9-nv550", "vendor.com/odd=mine");
	ck_assert_int_eq(l.r, 0);
	borrow(&l, "el9-nv550", "vendor.com/odd=mem");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "/scratch <- mode=0700,size=8m");
	ck_assert(l.lent.items[0].writable && l.lent.items[0].noexec);
}
END_TEST

START_TEST(the_job_names_its_devices)
{
	static const struct loan_case cases[] = {
		{ { "SLURM_JOB_GPUS=1", "CUDA_VISIBLE_DEVICES=0" },
		  { "cdi nvidia.com/gpu=1: /dev/nvidia1: given" },
		  { "cdi nvidia.com/gpu=0" } },
		{ { "CUDA_VISIBLE_DEVICES=0,1" },
		  { "cdi nvidia.com/gpu=0: /dev/nvidia0: given",
		    "cdi nvidia.com/gpu=1: /dev/nvidia1: given" },
		  { NULL } },
	};
	auto_loan struct loan l = { .config = { .own_dev = true } };

	strv_add(&l.config.devices, "all-of-job");
	loan_cases(&l, "el9-nv550", "glibc231", cases, ARRAY_LEN(cases));
	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, -1);
	ck_assert(str_has_prefix(l.e.text, "--device=all-of-job: no scheduler has named GPUs"));
}
END_TEST

UNIT(cdi, names_have_a_vendor_a_class_and_a_device, a_bad_spec_says_what_is_wrong,
     a_device_brings_its_own_and_the_common_edits, a_later_directory_hides_an_earlier_one,
     what_cannot_be_done_is_said_and_with_strict_an_error,
     what_only_root_can_do_is_a_warning_and_with_strict_an_error, the_job_names_its_devices)
