#include "tests/unit/plan_fixture.h"

static const char *refusal(struct fixture *x, struct err *e)
{
	*e = (struct err){ 0 };
	ck_assert_int_eq(plan_make(&x->plan, &x->req, &x->facts, e), -1);
	return e->text;
}

START_TEST(the_host_s_files_are_shown_by_the_server_or_bound_over_a_directory)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.is_dir = true;
	make(&x);
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/run/resolv.conf");
	plan_free(x.plan);
	x.facts.image.is_dir = false;
	strv_add(&x.req.binds, "/file:/etc/resolv.conf");
	strv_add(&x.req.no_mount, "/etc/hosts,/etc/group");
	make(&x);
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/file");
	ck_assert_str_eq(on(&x, "/etc/hosts"), "(none)");
	ck_assert_str_eq(text_of(&x, "/etc/group"), "");
	ck_assert_str_ne(text_of(&x, "/etc/passwd"), "");
	fixture_fini(&x);
}
END_TEST

START_TEST(overlays_become_layers_and_one_upper)
{
	static const struct fact_image images[] = {
		{ .path = "/file", .use = FACT_IMAGE_OVERLAY, .inner = "/", .mode = DIR },
	};
	static const struct fact_image_file files[] = { { "/file", 0, 4096 } };
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.facts.images = images;
	x.facts.nimages = 1;
	x.facts.image_files = files;
	x.facts.nimage_files = 1;
	strv_add(&x.req.overlays, "/file,/data:ro");
	strv_add(&x.req.overlays, "/work");
	make(&x);
	ck_assert_uint_eq(x.plan->nlayers, 2);
	ck_assert_ptr_null(x.plan->layers[0].dir);
	ck_assert_str_eq(x.plan->layers[1].dir, "/data/upper");
	ck_assert_int_eq(x.plan->upper, PLAN_UPPER_DIR);
	ck_assert_str_eq(x.plan->upper_dir, "/work");
	ck_assert(!plan_needs_lifeline(x.plan));
	plan_free(x.plan);
	x.plan = NULL;
	strv_add(&x.req.overlays, "/tmp/x");
	ck_assert_str_eq(refusal(&x, &e), "--overlay /work and --overlay /tmp/x: only one can be "
					  "written to; give the others as DIR:ro");
	strv_fini(&x.req.overlays);
	x.req.overlays = (struct strv){ 0 };
	strv_add(&x.req.overlays, "/gone");
	ck_assert_str_eq(refusal(&x, &e), "--overlay /gone: No such file or directory");
	strv_fini(&x.req.overlays);
	fixture_fini(&x);
}
END_TEST

START_TEST(the_layer_in_memory_is_as_large_as_the_job_may_be)
{
	struct fixture x;

	fixture_init(&x);
	x.req.writable_tmpfs = true;
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=50%,mode=0755");
	plan_free(x.plan);
	x.facts.memory_limit = (uint64_t)4 << 30;
	x.facts.memory_from = "/sys/fs/cgroup/job_7/memory.max";
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=4294967296,mode=0755");
	ck_assert_str_eq(x.plan->upper_size_from, "/sys/fs/cgroup/job_7/memory.max");
	plan_free(x.plan);
	x.req.tmpfs_size = 1 << 20;
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=1048576,mode=0755");
	fixture_fini(&x);
}
END_TEST

START_TEST(writable_is_for_directories_and_takes_no_overlay)
{
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.req.writable = true;
	ck_assert_ptr_nonnull(strstr(refusal(&x, &e), "/a.sif is an image file"));
	x.facts.image.is_dir = true;
	x.req.writable_tmpfs = true;
	make(&x);
	ck_assert(x.plan->writable && x.plan->upper == PLAN_UPPER_NONE);
	ck_assert_str_eq(x.plan->notes.v[0],
			 "--writable-tmpfs is not used: --writable takes the changes");
	plan_free(x.plan);
	x.plan = NULL;
	strv_add(&x.req.overlays, "/data");
	ck_assert_ptr_nonnull(strstr(refusal(&x, &e), "exclude each other"));
	strv_fini(&x.req.overlays);
	fixture_fini(&x);
}
END_TEST

START_TEST(workdir_and_scratch_are_on_disk_or_in_memory)
{
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.req.contain = true;
	strv_add(&x.req.scratch, "/s,/data/t");
	make(&x);
	ck_assert_str_eq(on(&x, "/s"), "tmpfs");
	ck_assert_str_eq(on(&x, "/tmp"), "tmpfs");
	plan_free(x.plan);
	x.req.workdir = "/work";
	make(&x);
	ck_assert_str_eq(on(&x, "/s"), "/work/scratch/s");
	ck_assert_str_eq(on(&x, "/data/t"), "/work/scratch/data/t");
	ck_assert_str_eq(on(&x, "/tmp"), "/work/tmp");
	ck_assert_str_eq(on(&x, "/var/tmp"), "/work/var_tmp");
	ck_assert_str_eq(on(&x, "/home/ada"), "/work/home");
	ck_assert_uint_eq(x.plan->ndirs, 5);
	plan_free(x.plan);
	x.plan = NULL;
	x.req.workdir = "/gone";
	ck_assert_str_eq(refusal(&x, &e), "--workdir /gone: No such file or directory");
	x.req.workdir = "/file";
	ck_assert_str_eq(refusal(&x, &e), "--workdir /file: Not a directory");
	strv_fini(&x.req.scratch);
	fixture_fini(&x);
}
END_TEST

UNIT(plan_layers, the_host_s_files_are_shown_by_the_server_or_bound_over_a_directory,
     overlays_become_layers_and_one_upper, the_layer_in_memory_is_as_large_as_the_job_may_be,
     writable_is_for_directories_and_takes_no_overlay, workdir_and_scratch_are_on_disk_or_in_memory)
