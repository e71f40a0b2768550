/* pull: a registry's image becomes one SIF file.
 *
 *	struct pull_req r = { .uri = "docker://debian:12", .out = "debian.sif" };
 *	auto_buf struct buf path = { 0 };
 *	if (flow_pull(&r, &path, e) < 0) ...   // path: the file that is there now
 *
 * Layers download side by side while the top ones are already being written into the SIF;
 * what is in the store is not asked for again.  The output appears complete under its name or
 * not at all; a signal (INT, TERM, HUP) ends the pull with ERR_INTR, and what has come stays
 * in the store for the next run. */
#ifndef FLOW_PULL_H
#define FLOW_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct conf;
struct progress;

struct pull_req {
	const char *uri;      /* "docker://debian:12", "oci:dir:1.2", ... (transport.h) */
	const char *out;      /* NULL: name below, else "<last part>_<tag>.sif" */
	const char *dir;      /* where a relative name goes; NULL: the working directory */
	const char *name;     /* as out, for those who say --name */
	bool into_store;      /* no output of its own: path_out is the store's file, out, dir, name
				 unused */
	bool force;	      /* replace an existing file */
	bool disable_cache;   /* leave nothing in the store, take nothing from it */
	const char *cachedir; /* NULL: store_default_dir() */

	const char *arch;     /* "arm64", "arm/v7", "x86_64"; NULL: this host's */
	const char *compress; /* "zstd:3"; NULL: that */
	unsigned threads;     /* 0: as many as we may use */

	bool no_https;
	const char *user, *password;
	const char *ca_file;
	const char *auth_file;
	unsigned parallel;	/* downloads at once; 0: the default */
	uint64_t limit_rate;	/* bytes a second, all together; 0: no limit */
	const char *library;	/* library://'s server; NULL: the configured remote */
	const char *verify_key; /* a signature by this key is asked for; NULL: by berth.conf's */

	uint64_t max_layer_bytes; /* limits against bombs; 0: flatten's defaults */
	uint64_t max_entries;

	const struct conf *conf;   /* berth.conf, where the caller has read it; NULL: read here */
	struct progress *progress; /* may be NULL */
};

/* ERR_USAGE for words that make no sense, ERR_EXISTS for an output that is there (before the
 * network is touched), ERR_SPACE before the first byte when it cannot fit, ERR_INTR after a
 * signal; else what failed. */
int flow_pull(const struct pull_req *r, struct buf *path_out, struct err *e);

#endif
