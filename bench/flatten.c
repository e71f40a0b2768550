/* berth-bench-flatten: the writer alone, for row P3.
 *
 *	berth-bench-flatten LAYER.tar OUT.sqfs [COMPRESSION[:LEVEL] [THREADS]]
 *
 * One layer, no registry, no SIF around it, nothing hashed that tar2sqfs does not hash. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/flatten.h"

static int open_layer(struct stream **out, void *arg, struct err *e)
{
	(void)e;
	*out = stream_fd(*(int *)arg, 0, -1);
	return 0;
}

int main(int argc, char **argv)
{
	struct flatten_opts o = { .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) };
	struct flatten_stat st;
	struct err e = { 0 };
	int in, out;

	if (argc < 3) {
		fprintf(stderr,
			"usage: berth-bench-flatten LAYER.tar OUT.sqfs [zstd:3 [THREADS]]\n");
		return 2;
	}
	in = open(argv[1], O_RDONLY | O_CLOEXEC);
	out = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (in < 0 || out < 0) {
		perror(in < 0 ? argv[1] : argv[2]);
		return 1;
	}
	if (argc > 4)
		o.threads = (unsigned)atoi(argv[4]);
	if ((argc > 3 && flatten_compression_parse(&o, argv[3], &e) < 0) ||
	    flatten(out, 0,
		    &(struct layer_input){ .name = argv[1], .open = open_layer, .arg = &in }, 1,
		    NULL, 0, &o, &st, &e) < 0) {
		fprintf(stderr, "berth-bench-flatten: %s\n", e.text);
		return 1;
	}
	printf("%u inodes, %llu bytes\n", st.inodes, (unsigned long long)st.bytes);
	return 0;
}
