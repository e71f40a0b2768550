#include "src/base/dl.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int load(struct dl_library *lib, struct err *e)
{
	void *h = dlopen(lib->soname, RTLD_NOW | RTLD_LOCAL);

	if (!h)
		return err_set(e, ERR_HOST, "%s cannot be loaded (install %s): %s", lib->soname,
			       lib->package, dlerror());
	for (size_t i = 0; i < lib->n; i++) {
		*lib->symbols[i].to = dlsym(h, lib->symbols[i].name);
		if (!*lib->symbols[i].to)
			return err_set(e, ERR_HOST, "%s has no %s: another version of %s is needed",
				       lib->soname, lib->symbols[i].name, lib->package);
	}
	__atomic_store_n(&lib->loaded, 1, __ATOMIC_RELEASE);
	return 0;
}

int dl_load(struct dl_library *lib, struct err *e)
{
	int r = 0;

	if (__atomic_load_n(&lib->loaded, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&lock);
	if (!lib->loaded)
		r = load(lib, e);
	pthread_mutex_unlock(&lock);
	return r;
}
