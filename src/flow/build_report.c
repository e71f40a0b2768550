#include "src/flow/build_report.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "src/base/json.h"

void build_report(const struct build *b, bool from_store, double seconds, struct buf *text)
{
	auto_free char *real = realpath(b->req->out, NULL);
	struct jw w = { .out = text };
	struct stat st;

	jw_obj(&w, NULL);
	jw_str(&w, "output", real ? real : b->req->out);
	jw_str(&w, "format", b->req->sandbox ? "sandbox" : "sif");
	if (!b->req->sandbox && stat(b->req->out, &st) == 0)
		jw_int(&w, "bytes", st.st_size);
	jw_bool(&w, "from_store", from_store);
	jw_int(&w, "steps", b->hits + b->misses);
	jw_int(&w, "steps_from_store", b->hits);
	jw_int(&w, "seconds", (int64_t)(seconds + 0.5));
	jw_end(&w);
	buf_addch(text, '\n');
}
