#include "src/flow/instance.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/enter/init.h"
#include "src/flow/instances.h"
#include "src/flow/table.h"
#include "src/host/process.h"
#include "src/host/signals.h"

#define KILL_MS 20000 /* after SIGKILL */

static void list_json(struct buf *out, const struct instances *all)
{
	struct jw w = { .out = out, .indent = -1, .html = true };

	jw_obj(&w, NULL);
	jw_arr(&w, "instances");
	for (size_t i = 0; i < all->n; i++) {
		const struct instance *in = &all->v[i];

		jw_obj(&w, NULL);
		jw_str(&w, "instance", in->name);
		jw_int(&w, "pid", in->pid);
		jw_str(&w, "img", in->image);
		jw_str(&w, "ip", "");
		jw_str(&w, "logErrPath", in->log_err);
		jw_str(&w, "logOutPath", in->log_out);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addch(out, '\n');
}

static void list_text(struct buf *out, const struct instances *all, bool logs)
{
	auto_table struct table t = { .columns = logs ? 3 : 4 };

	table_add(&t, "INSTANCE NAME");
	table_add(&t, "PID");
	if (!logs)
		table_add(&t, "IP");
	table_add(&t, logs ? "LOGS" : "IMAGE");
	for (size_t i = 0; i < all->n; i++) {
		const struct instance *in = &all->v[i];

		table_add(&t, in->name);
		table_addf(&t, "%ld", (long)in->pid);
		table_add(&t, logs ? in->log_err : "");
		if (logs) {
			table_add(&t, "");
			table_add(&t, "");
		}
		table_add(&t, logs ? in->log_out : in->image);
	}
	table_print(&t, out);
}

int flow_instance_list(struct buf *out, const struct instance_list_req *req, struct err *e)
{
	auto_instances struct instances all = { 0 };

	if (req->json && req->logs)
		return err_set(e, ERR_USAGE, "--json shows the logs already: leave --logs out");
	if (instances_list(&all, req->glob, e) < 0)
		return -1;
	if (req->json)
		list_json(out, &all);
	else
		list_text(out, &all, req->logs);
	return 0;
}

int flow_instance_stop(const struct instance_stop_req *req, struct err *e)
{
	auto_instances struct instances all = { 0 };
	int sig = req->signal ? signal_parse(req->signal) : 0;
	int64_t end = now_ms() + (int64_t)req->timeout * 1000;
	int r = 0;

	if (req->signal && !sig)
		return err_set(e, ERR_USAGE, "--signal %s: no such signal", req->signal);
	if (instances_list(&all, req->glob, e) < 0)
		return -1;
	if (!all.n)
		return err_set(e, ERR_NOTFOUND, "no instance found");
	for (size_t i = 0; i < all.n; i++) {
		const struct instance *in = &all.v[i];

		log_info("Stopping %s instance of %s (PID=%ld)", in->name, in->image,
			 (long)in->pid);
		if (init_stop(in->pidfd, req->force ? SIGKILL
					 : sig	    ? sig
						    : in->stop) < 0 &&
		    errno != ESRCH)
			r = err_sys(e, "stop instance %s (PID=%ld)", in->name, (long)in->pid);
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct instance *in = &all.v[i];
		int64_t left = end - now_ms();

		if (!process_wait(in->pidfd, left > 0 ? (int)MIN(left, INT32_MAX) : 0)) {
			log_warn("Killing %s instance of %s (PID=%ld) (Timeout)", in->name,
				 in->image, (long)in->pid);
			init_stop(in->pidfd, SIGKILL);
		}
		if (!process_wait(in->pidfd, KILL_MS))
			r = err_set(e, ERR_HOST,
				    "instance %s (PID=%ld) does not end, not even by SIGKILL: it "
				    "waits in the kernel, perhaps for a file system that does not "
				    "answer; it ends when that does",
				    in->name, (long)in->pid);
		else
			instance_drop(in);
	}
	return r;
}
