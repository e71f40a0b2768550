/* settings: the site's berth.conf and the user's, read where something is started.
 *
 *	settings_use_file("my.conf");                        // -c; once, by main
 *	auto_conf struct conf c = { 0 };
 *	settings_read(&c, environ, &notes, e);
 *
 *	auto_run_settings struct run_settings s = { 0 };
 *	run_settings_begin(&s, &req, e);                     // req's lists become s's own
 *	run_settings_image(&s, &image, e);
 *
 * The site's file has one place, which is compiled in.  The user's is what -c names, else
 * $XDG_CONFIG_HOME/berth/berth.conf, else ~/.config/berth/berth.conf.  Where neither is there a
 * start pays for two open() that fail. */
#ifndef FLOW_SETTINGS_H
#define FLOW_SETTINGS_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/run_image.h"
#include "src/flow/run_images.h"
#include "src/plan/conf.h"
#include "src/plan/request.h"

/* In place of the user's own file, for the rest of the process; borrowed. */
void settings_use_file(const char *path);

/* Files that are not there say nothing, but for one that -c named: ERR_NOTFOUND.  A file that
 * cannot be read is an error, as is all of conf_parse(). */
int settings_read(struct conf *c, char *const *environment, struct strv *notes, struct err *e);

struct run_settings {
	struct conf conf;
	struct strv notes;
	struct strv no_mount, site_binds; /* req's, while it lasts */
	bool listed;			  /* req's image, of admit_uri() */
};

void run_settings_fini(struct run_settings *s);
#define auto_run_settings auto_(run_settings_fini)

/* Reads, asks policy_request() and admit_uri(), and settles in req what its options leave open. */
int run_settings_begin(struct run_settings *s, struct run_req *req, struct err *e);

/* For a program in an instance that runs, whose image and mounts were judged when it started: reads
 * and asks policy_request(); req stays as it is. */
int run_settings_join(struct run_settings *s, const struct run_req *req, struct err *e);

/* May this image be started (admit.h)? */
int run_settings_image(const struct run_settings *s, const struct run_image *image, struct err *e);

/* May the images beside it be used? */
int run_settings_images(const struct run_settings *s, const struct run_images *images,
			struct err *e);

#endif
