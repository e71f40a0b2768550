/* mpi: the program that the suite cluster starts under every launcher.
 *
 *	mpi hello              # rank 0: "size N sum S", after an Allreduce over all
 *	mpi pairs              # process_vm_readv() between every pair of ranks of a node
 *	mpi pingpong BYTES N   # ranks 0 and 1: "BYTES us MB/s", the best of five times N rounds
 *	mpi big BYTES          # both ways at once, contents checked
 *	mpi maps               # rank 0's /proc/self/maps
 *
 * Each line is printed by rank 0 alone, so that N singletons show as N lines. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <mpi.h>

static int rank, size;

static void hello(void)
{
	int mine = rank + 1, sum = 0;

	MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0)
		printf("size %d sum %d\n", size, sum);
}

struct where {
	long pid;
	void *at;
};

/* Every rank reads a word out of every other one of its node. */
static void pairs(void)
{
	static volatile long word;
	struct where me, *all;
	long bad = 0, sum = 0;
	MPI_Comm node;
	int n, r;

	MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
	MPI_Comm_size(node, &n);
	MPI_Comm_rank(node, &r);
	word = 1000 + r;
	me = (struct where){ getpid(), (void *)&word };
	all = calloc((size_t)n, sizeof(*all));
	MPI_Allgather(&me, sizeof(me), MPI_BYTE, all, sizeof(me), MPI_BYTE, node);
	MPI_Barrier(node);
	for (int i = 0; i < n; i++) {
		long got = 0;
		struct iovec here = { &got, sizeof(got) }, there = { all[i].at, sizeof(got) };

		if (process_vm_readv((pid_t)all[i].pid, &here, 1, &there, 1, 0) !=
			    (ssize_t)sizeof(got) ||
		    got != 1000 + i) {
			fprintf(stderr, "rank %d cannot read rank %d: %s\n", r, i, strerror(errno));
			bad++;
		}
	}
	MPI_Barrier(node);
	MPI_Reduce(&bad, &sum, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("size %d unreadable %ld\n", size, sum);
	free(all);
}

static void pingpong(size_t bytes, int rounds)
{
	char *buf = malloc(bytes ? bytes : 1);
	double best = 1e9;

	memset(buf, 1, bytes);
	for (int turn = 0; turn < 6; turn++) {
		double start;

		MPI_Barrier(MPI_COMM_WORLD);
		start = MPI_Wtime();
		for (int i = 0; i < rounds && rank < 2; i++) {
			if (rank == 0)
				MPI_Send(buf, (int)bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
			MPI_Recv(buf, (int)bytes, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			if (rank == 1)
				MPI_Send(buf, (int)bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
		}
		start = (MPI_Wtime() - start) / rounds / 2;
		if (turn && start < best)
			best = start;
	}
	if (rank == 0)
		printf("%zu %.3f us %.1f MB/s\n", bytes, best * 1e6, (double)bytes / best / 1e6);
	free(buf);
}

static void big(size_t bytes)
{
	unsigned char *out = malloc(bytes), *in = malloc(bytes);
	int peer = rank ^ 1, wrong = 0, sum = 0;

	memset(out, rank + 1, bytes);
	if (peer < size)
		MPI_Sendrecv(out, (int)bytes, MPI_BYTE, peer, 0, in, (int)bytes, MPI_BYTE, peer, 0,
			     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	for (size_t i = 0; peer < size && i < bytes; i += 4093)
		wrong += in[i] != peer + 1;
	MPI_Reduce(&wrong, &sum, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("size %d wrong %d\n", size, sum);
	free(out);
	free(in);
}

static void maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];

	while (rank == 0 && f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "hello";
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 8;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (!strcmp(what, "hello"))
		hello();
	else if (!strcmp(what, "pairs"))
		pairs();
	else if (!strcmp(what, "pingpong"))
		pingpong(bytes, argc > 3 ? atoi(argv[3]) : 1000);
	else if (!strcmp(what, "big"))
		big(bytes);
	else if (!strcmp(what, "maps"))
		maps();
	MPI_Finalize();
	return 0;
}
