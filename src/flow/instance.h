/* instance: what is done with instances that run: list, stop, stats.
 *
 *	flow_instance_list(&text, &(struct instance_list_req){ .glob = "web*" }, e);
 *	flow_instance_stop(&(struct instance_stop_req){ .glob = "web", .timeout = 10 }, e);
 *
 * The texts are those of Apptainer, byte for byte, because tools read them. */
#ifndef FLOW_INSTANCE_H
#define FLOW_INSTANCE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct instance_list_req {
	const char *glob; /* NULL: all */
	bool json, logs;
};

int flow_instance_list(struct buf *out, const struct instance_list_req *req, struct err *e);

struct instance_stop_req {
	const char *glob;   /* NULL: all */
	const char *signal; /* "TERM", "SIGTERM", "15"; NULL: what the start noted */
	unsigned timeout;   /* seconds until SIGKILL */
	bool force;	    /* SIGKILL at once */
};

/* Comes back when the last process of all of them has ended.  ERR_NOTFOUND when none matches. */
int flow_instance_stop(const struct instance_stop_req *req, struct err *e);

struct instance_stats_req {
	const char *name;
	bool json, no_stream;
};

/* Calls print once, or every second until the instance ends or a signal ends us. */
int flow_instance_stats(const struct instance_stats_req *req,
			int (*print)(const struct buf *text, struct err *e), struct err *e);

#endif
