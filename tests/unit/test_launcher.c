#include "mpi/launcher.h"

#include <stdio.h>
#include <string.h>

#include "mpi/share.h"
#include "tests/unit/unit.h"

#define ENV(...) ((char *const *)(const char *[]){ __VA_ARGS__, NULL })

static struct launcher find(char *const *environment)
{
	struct launcher l;

	launcher_find(&l, environment);
	return l;
}

START_TEST(each_launcher_is_known_by_its_variables)
{
	static const struct {
		const char *name, *anchor;
		unsigned local;
		long rank;
		const char *env[8];
	} t[] = {
		{ "Slurm",
		  NULL,
		  4,
		  5,
		  { "SLURM_JOB_ID=7", "SLURM_STEP_ID=1", "SLURM_STEP_TASKS_PER_NODE=4(x2)",
		    "SLURM_NODEID=1", "SLURM_PROCID=5" } },
		{ "Open MPI",
		  NULL,
		  2,
		  1,
		  { "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_NAMESPACE=123",
		    "OMPI_COMM_WORLD_RANK=1" } },
		{ "Hydra",
		  "hydra_pmi_proxy",
		  3,
		  2,
		  { "MPI_LOCALNRANKS=3", "MPI_LOCALRANKID=0", "PMI_RANK=2", "PMI_FD=7" } },
		{ "Flux", NULL, 0, 3, { "FLUX_JOB_ID=f23", "FLUX_TASK_RANK=3" } },
		{ "PALS", NULL, 16, 9, { "PALS_APID=x", "PALS_RANKID=9", "PMI_LOCAL_SIZE=16" } },
		{ "PMIx", NULL, 0, 4, { "PMIX_NAMESPACE=prte-1", "PMIX_RANK=4" } },
		{ "jsrun", "", 6, -1, { "JSM_NAMESPACE_LOCAL_SIZE=6" } },
		{ "MVAPICH2", "", 2, -1, { "MV2_COMM_WORLD_LOCAL_SIZE=2" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct launcher l = find((char *const *)t[i].env);

		ck_assert_ptr_nonnull(l.name);
		ck_assert_str_eq(l.name, t[i].name);
		ck_assert_uint_eq(l.local_size, t[i].local);
		ck_assert_int_eq(l.rank, t[i].rank);
		ck_assert(!l.anchor == !t[i].anchor);
		if (l.anchor)
			ck_assert_str_eq(l.anchor, t[i].anchor);
	}
}
END_TEST

START_TEST(a_launch_of_one_rank_or_of_one_node_spans_none)
{
	static const struct {
		bool spans;
		const char *env[8];
	} t[] = {
		{ false, { "HOME=/" } },
		{ false,
		  { "SLURM_STEP_ID=1", "SLURM_STEP_TASKS_PER_NODE=1", "SLURM_STEP_NUM_TASKS=1" } },
		{ false,
		  { "SLURM_STEP_ID=1", "SLURM_STEP_TASKS_PER_NODE=4", "SLURM_STEP_NUM_TASKS=4" } },
		{ true,
		  { "SLURM_STEP_ID=1", "SLURM_STEP_TASKS_PER_NODE=1(x4)", "SLURM_NODEID=0",
		    "SLURM_STEP_NUM_TASKS=4" } },
		{ false, { "MPI_LOCALNRANKS=2", "MPI_LOCALRANKID=0", "PMI_SIZE=2" } },
		{ true, { "MPI_LOCALNRANKS=2", "MPI_LOCALRANKID=0", "PMI_SIZE=8" } },
		{ true, { "MPI_LOCALNRANKS=2", "MPI_LOCALRANKID=0" } }, /* not known */
		{ true, { "FLUX_JOB_ID=f2", "FLUX_TASK_RANK=0", "FLUX_JOB_SIZE=2" } },
		{ false, { "FLUX_JOB_ID=f2", "FLUX_TASK_RANK=0", "FLUX_JOB_SIZE=1" } },
		{ false,
		  { "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_NAMESPACE=1",
		    "OMPI_COMM_WORLD_SIZE=2" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct launcher l = find((char *const *)t[i].env);

		ck_assert_msg(launcher_spans_nodes(&l) == t[i].spans, "row %zu", i);
	}
}
END_TEST

START_TEST(what_is_no_rank_has_no_launcher)
{
	struct launcher l;

	ck_assert(!launcher_find(&l, NULL));
	ck_assert(!launcher_find(&l, ENV("HOME=/x", "SLURM", "=", "")));
	/* A batch script: it is in a job but it is no task of a step. */
	ck_assert(!launcher_find(&l, ENV("SLURM_JOB_ID=1", "SLURM_LOCALID=0", "SLURM_NTASKS=4",
					 "SLURM_TASKS_PER_NODE=4")));
	ck_assert(!launcher_find(&l, ENV("SLURM_STEP_ID=", "SLURM_STEP_TASKS_PER_NODE=2")));
	ck_assert(!launcher_has_peers(&l));
	ck_assert(launcher_is_speaker(&l));
}
END_TEST

START_TEST(mpirun_inside_of_a_slurm_step_wins)
{
	struct launcher l = find(ENV("SLURM_JOB_ID=1", "SLURM_STEP_ID=0", "SLURM_LOCALID=0",
				     "SLURM_STEP_TASKS_PER_NODE=1(x2)", "PMIX_NAMESPACE=77",
				     "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_RANK=0"));

	ck_assert_str_eq(l.name, "Open MPI");
	ck_assert_uint_eq(l.local_size, 2);
	l = find(ENV("SLURM_JOB_ID=1", "SLURM_STEP_ID=0", "SLURM_STEP_TASKS_PER_NODE=1(x2)",
		     "MPI_LOCALNRANKS=2", "MPI_LOCALRANKID=1"));
	ck_assert_str_eq(l.name, "Hydra");
}
END_TEST

START_TEST(the_tasks_of_this_node_come_out_of_slurm_s_list)
{
	static const struct {
		const char *list, *node;
		unsigned n;
	} t[] = {
		{ "4,1(x2)", "0", 4 },
		{ "4,1(x2)", "1", 1 },
		{ "4,1(x2)", "2", 1 },
		{ "4,1(x2)", "3", 0 },
		{ "128", "0", 128 },
		{ "2(x3),5", "3", 5 },
		{ "4,1(x2)", "", 0 },
		{ "4,1(x2)", "-1", 0 },
		{ "4", "x", 4 },
		{ "", "0", 0 },
		{ "x", "0", 0 },
		{ "4(x", "0", 0 },
		{ "4(x2", "0", 0 },
		{ "4(y2)", "0", 0 },
		{ ",,", "0", 0 },
		{ "4;1", "1", 0 },
		{ "1(x0),3", "0", 3 },
		{ "99999999999999999999", "0", 0 },
		{ "1(x99999999999999999999)", "0", 0 },
		{ "-3", "0", 0 },
		{ "4,", "1", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char list[80], node[80];
		struct launcher l;

		snprintf(list, sizeof(list), "SLURM_STEP_TASKS_PER_NODE=%s", t[i].list);
		snprintf(node, sizeof(node), "SLURM_NODEID=%s", t[i].node);
		l = find(ENV("SLURM_STEP_ID=0", "SLURM_JOB_ID=1", list, node));
		ck_assert_msg(l.local_size == t[i].n, "%s at %s: %u", t[i].list, t[i].node,
			      l.local_size);
	}
}
END_TEST

START_TEST(numbers_that_are_none_are_not_known)
{
	struct launcher l = find(ENV("OMPI_COMM_WORLD_LOCAL_SIZE=-5", "PMIX_NAMESPACE=\x01\xff",
				     "OMPI_COMM_WORLD_RANK=1e9",
				     "OMPI_COMM_WORLD_LOCAL_RANK=99999999999999999999999"));

	ck_assert_uint_eq(l.local_size, 0);
	ck_assert_int_eq(l.rank, -1);
	ck_assert_int_eq(l.local_rank, -1);
	ck_assert(launcher_has_peers(&l));
}
END_TEST

START_TEST(a_value_of_a_megabyte_is_cut)
{
	static char big[1 << 20] = "PMIX_NAMESPACE=";
	struct launcher l;

	memset(big + strlen(big), 'x', sizeof(big) - strlen(big) - 1);
	l = find(ENV("PMIX_RANK=0", big));
	ck_assert_uint_eq(strlen(l.id), LAUNCHER_ID_MAX - 1);
}
END_TEST

START_TEST(a_launcher_s_variables_are_its_own)
{
	ck_assert(launcher_owns("PMI_FD=7"));
	ck_assert(launcher_owns("PMIX_SERVER_URI2=x"));
	ck_assert(launcher_owns("SLURM_JOB_ID=1"));
	ck_assert(launcher_owns("MPI_LOCALRANKID=1"));
	ck_assert(launcher_owns("UCX_NET_DEVICES=mlx5_0:1"));
	ck_assert(!launcher_owns("PMI=1"));
	ck_assert(!launcher_owns("MPI_HOME=/opt"));
	ck_assert(!launcher_owns("LD_PRELOAD=x"));
	ck_assert(!launcher_owns(""));
}
END_TEST

START_TEST(directories_of_the_launcher_are_named_once_each)
{
	auto_strv struct strv paths = { 0 };

	launcher_paths(&paths,
		       ENV("PMIX_SERVER_TMPDIR=/var/spool/slurmd/pmix.1.0/",
			   "PMIX_DSTORE_ESH_BASE_PATH=/var/spool/slurmd/pmix.1.0/pmix_dstor_1",
			   "PMIX_DSTORE_21_BASE_PATH=relative", "PALS_RUNDIR=/",
			   "PALS_SPOOL_DIR=/run/../run/palsd"));
	ck_assert_uint_eq(paths.n, 2);
	ck_assert_str_eq(paths.v[0], "/var/spool/slurmd/pmix.1.0");
	ck_assert_str_eq(paths.v[1], "/run/palsd");
}
END_TEST

static const char *name_of(struct share *s, char *const *environment, const char *word, uid_t uid,
			   const char *identity)
{
	static struct launcher l[16];
	static int n;
	struct launcher *mine = &l[n++ % 16];
	struct err e = { 0 };

	launcher_find(mine, environment);
	ck_ok(share_decide(s, word, mine, &e), &e);
	share_key(s, uid, identity, strlen(identity));
	return s->name;
}

START_TEST(ranks_of_one_step_meet_and_no_others)
{
	const char *a[] = { "SLURM_JOB_ID=1", "SLURM_STEP_ID=0", "SLURM_STEP_TASKS_PER_NODE=2",
			    "SLURM_PROCID=0", NULL };
	const char *b[] = { "SLURM_PROCID=1", "SLURM_STEP_ID=0", "SLURM_STEP_TASKS_PER_NODE=2",
			    "SLURM_JOB_ID=1", NULL };
	const char *step[] = { "SLURM_JOB_ID=1", "SLURM_STEP_ID=1", "SLURM_STEP_TASKS_PER_NODE=2",
			       NULL };
	const char *job[] = { "SLURM_JOB_ID=10", "SLURM_STEP_ID=", "SLURM_STEP_ID=0",
			      "SLURM_STEP_TASKS_PER_NODE=2", NULL };
	const char *het[] = { "SLURM_JOB_ID=2", "SLURM_HET_JOB_ID=1", "SLURM_STEP_ID=0",
			      "SLURM_STEP_TASKS_PER_NODE=2", NULL };
	struct share x, y;

	name_of(&x, (char *const *)a, NULL, 5, "image");
	ck_assert(x.wanted);
	ck_assert_str_eq(x.name, name_of(&y, (char *const *)b, "auto", 5, "image"));
	ck_assert_str_eq(x.name, name_of(&y, (char *const *)het, "auto", 5, "image"));
	ck_assert_str_ne(x.name, name_of(&y, (char *const *)step, NULL, 5, "image"));
	ck_assert_str_ne(x.name, name_of(&y, (char *const *)job, NULL, 5, "image"));
	ck_assert_str_ne(x.name, name_of(&y, (char *const *)a, NULL, 6, "image"));
	ck_assert_str_ne(x.name, name_of(&y, (char *const *)a, NULL, 5, "other"));
	ck_assert_str_ne(x.name, name_of(&y, (char *const *)a, "mykey", 5, "image"));
	ck_assert_str_eq(name_of(&x, (char *const *)step, "mykey", 5, "image"),
			 name_of(&y, (char *const *)a, "mykey", 5, "image"));
	ck_assert(!strncmp(x.name, "berth/1/5/", 10));
}
END_TEST

START_TEST(only_where_peers_are_possible_is_a_container_shared)
{
	const char *one[] = { "SLURM_STEP_ID=0", "SLURM_STEP_TASKS_PER_NODE=1(x4)",
			      "SLURM_NODEID=2", NULL };
	struct launcher l;
	struct share s;
	struct err e = { 0 };
	char *long_key = xcalloc(400, 1);

	memset(long_key, 'k', 399);
	launcher_find(&l, (char *const *)one);
	ck_ok(share_decide(&s, NULL, &l, &e), &e);
	ck_assert(!s.wanted);
	ck_ok(share_decide(&s, "node", &l, &e), &e);
	ck_assert(s.wanted);
	ck_ok(share_decide(&s, "none", &l, &e), &e);
	ck_assert(!s.wanted);
	ck_assert_int_eq(share_decide(&s, "", &l, &e), -1);
	ck_assert_int_eq(share_decide(&s, long_key, &l, &e), -1);
	ck_assert_str_eq(e.text, "--share: auto, node, none, or a key of 1 to 256 bytes");
	free(long_key);
}
END_TEST

UNIT(launcher, each_launcher_is_known_by_its_variables,
     a_launch_of_one_rank_or_of_one_node_spans_none, what_is_no_rank_has_no_launcher,
     mpirun_inside_of_a_slurm_step_wins, the_tasks_of_this_node_come_out_of_slurm_s_list,
     numbers_that_are_none_are_not_known, a_value_of_a_megabyte_is_cut,
     a_launcher_s_variables_are_its_own, directories_of_the_launcher_are_named_once_each,
     ranks_of_one_step_meet_and_no_others, only_where_peers_are_possible_is_a_container_shared)
