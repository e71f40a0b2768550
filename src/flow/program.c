#include "src/flow/program.h"

#include <stdlib.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/mem.h"
#include "src/base/path.h"

char *program_find(const char *name)
{
	static const char dirs[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *path = getenv("PATH");
	auto_strv struct strv all = { 0 };

	strv_split(&all, path ? path : "", ':');
	strv_split(&all, dirs, ':');
	for (size_t i = 0; i < all.n; i++) {
		auto_free char *full = path_join(all.v[i], name);

		if (access(full, X_OK) == 0)
			return take_ptr(full);
	}
	return NULL;
}
