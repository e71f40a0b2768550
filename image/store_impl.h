/* store_impl: what the three sources of the store share; nobody else includes it. */
#ifndef IMAGE_STORE_IMPL_H
#define IMAGE_STORE_IMPL_H

#include <stdint.h>
#include <sys/types.h>

#include "image/store.h"

#define STORE_MAX_SITES 8

struct store {
	char *dir; /* DIR/v1 */
	int root;  /* that, open */
	int tmp;   /* its tmp */
	/* Stores of the site, for reading only, in their order. */
	struct site_store {
		int fd;
		char *dir;
	} site[STORE_MAX_SITES];
	size_t nsites;
};

/* The value of key in an environment list; NULL when it is absent or empty. */
const char *store_env(char *const *env, const char *key);
/* "blobs/sha256/4f/4f53..." as a heap string. */
char *store_blob_path(const struct digest *d);
/* size bytes of in, from its start, to out; inside the kernel where that works.  -1 with errno. */
int store_copy_fd(int in, int out, off_t size);

/* Notes that a file is used now: at times of file systems that keep none (noatime). */
void store_touch(int fd);

#define STORE_FILE_MODE 0600

#endif
