/* packages: the databases in which distributions keep what is installed, from their bytes.
 *
 *	auto_package_list struct package_list list = { 0 };
 *	packages_dpkg(text, n, &list); packages_sort(&list); */
#ifndef FLOW_PACKAGES_H
#define FLOW_PACKAGES_H

#include <stddef.h>

#include "src/base/mem.h"

struct package {
	char *name, *version, *arch; /* escaped for a terminal */
};
struct package_list {
	struct package *v;
	size_t n, cap;
};
void package_list_fini(struct package_list *l);
#define auto_package_list auto_(package_list_fini)

/* /var/lib/dpkg/status: those with the state "installed".  -1: it is damaged. */
int packages_dpkg(const char *text, size_t n, struct package_list *out);
/* /lib/apk/db/installed. */
int packages_apk(const char *text, size_t n, struct package_list *out);
/* rpmdb.sqlite; Packages.db ("ndb").  Berkeley's Packages is not read. */
int packages_rpm_sqlite(const char *text, size_t n, struct package_list *out);
int packages_rpm_ndb(const char *text, size_t n, struct package_list *out);
/* For the readers.  -1: there are too many. */
int package_add(struct package_list *out, const char *name, const char *version, const char *arch);
void packages_sort(struct package_list *l);

#endif
