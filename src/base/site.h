/* site: where a site keeps its configuration: berth.conf, lists, modules.
 *
 *	path_join(site_dir(), "bindings.d")
 *
 * Decided when Berth is built (CMAKE_INSTALL_SYSCONFDIR); nothing at run time may move it, since
 * what stands there outranks the caller.  "berth buildcfg APPTAINER_CONFDIR" prints it. */
#ifndef BASE_SITE_H
#define BASE_SITE_H

/* "/etc/berth". */
const char *site_dir(void);
/* Its berth.conf. */
const char *site_file(void);

#endif
