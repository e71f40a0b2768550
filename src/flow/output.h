/* output: a file that appears complete under its name, or not at all.
 *
 *	auto_output struct output out = { 0 };
 *	if (output_check(&out, "dir/debian.sif", false, e) < 0 ||  // before anything costs time
 *	    output_create(&out, e) < 0) ...
 *	... write to out.fd ...
 *	output_publish(&out, e);                                   // fsync, rename
 *
 * Until then the bytes lie in ".berth-<owner>.part" in the same directory.  What is not
 * published is removed by output_fini(); what a killed process left, by the next
 * output_check() for that directory. */
#ifndef FLOW_OUTPUT_H
#define FLOW_OUTPUT_H

#include <stdbool.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct output {
	char *path; /* as given; NULL: not in use */
	char *dir, *base;
	int dirfd;
	int fd;	   /* of the private file, -1 before output_create() */
	char *tmp; /* private name below dirfd, NULL: none to remove */
	bool force;
};

/* ERR_EXISTS when path is there and not force, ERR_USAGE when it is a directory, a device or the
 * like, ERR_NOTFOUND, ERR_SYS when nothing can be made in its directory. */
int output_check(struct output *o, const char *path, bool force, struct err *e);
int output_create(struct output *o, struct err *e);
/* The private name of a file that the caller makes himself, below dirfd. */
const char *output_private_name(struct output *o);
int output_publish(struct output *o, struct err *e);
void output_fini(struct output *o);
#define auto_output auto_(output_fini)

/* A private directory beside the output, "<dir>/.berth-<owner>.store" as a heap string, made by
 * whoever opens a store in it; output_remove_tree() removes it. */
char *output_private_dir(const struct output *o);
void output_remove_tree(int dirfd, const char *name);
/* Removes what killed processes left under private names in the directory. */
void output_sweep(int dirfd);

#endif
