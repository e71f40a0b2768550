/* dl: libraries that are loaded when first needed.
 *
 * Starting a container must not pay for what only a pull needs: linked in the
 * usual way, libcurl and its thirty dependencies cost every start about ten
 * times what Berth itself costs.  The adapter file of such a library declares
 * a table of the functions that it calls:
 *
 *	static struct { __typeof__(&curl_easy_init) easy_init; ... } curl;
 *	static const struct dl_symbol curl_symbols[] = {
 *		DL_SYMBOL(curl.easy_init, "curl_easy_init"), ...
 *	};
 *	static struct dl_library curl_lib = { "libcurl.so.4", "libcurl4", curl_symbols,
 *					      ARRAY_LEN(curl_symbols) };
 *	if (dl_load(&curl_lib, e) < 0) ...
 *	curl.easy_init();
 *
 * Headers give the types, so a wrong call does not compile. */
#ifndef BASE_DL_H
#define BASE_DL_H

#include <stddef.h>

#include "src/base/err.h"

struct dl_symbol {
	void **to; /* where the address goes */
	const char *name;
};
#define DL_SYMBOL(field, name)            \
	{                                 \
		(void **)&(field), (name) \
	}

struct dl_library {
	const char *soname;  /* with its ABI version: "libcurl.so.4" */
	const char *package; /* Debian's name, for the message */
	const struct dl_symbol *symbols;
	size_t n;
	int loaded; /* private */
};

/* Loads the library once; later calls cost one atomic read.  Safe from several
 * threads.  ERR_HOST names the library, the package and the loader's reason. */
int dl_load(struct dl_library *lib, struct err *e);

#endif
