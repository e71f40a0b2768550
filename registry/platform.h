/* platform: for which machine an image was made, as an index says it and as
 * --arch asks for it.
 *
 *	struct platform p;
 *	if (platform_parse(&p, "arm64/v8", e) < 0) ...   // NULL: this machine's
 *	rank = platform_rank(&p, &offered);              // smaller is better, -1 no match
 *
 * Plain values, nothing to free. */
#ifndef REGISTRY_PLATFORM_H
#define REGISTRY_PLATFORM_H

#include "src/base/err.h"

struct platform {
	char os[16];	  /* "linux" */
	char arch[24];	  /* GOARCH: "amd64", "arm64", "arm", "386", "ppc64le", ... */
	char variant[16]; /* "v7", "v8"; "" when there is none */
};

#define PLATFORM_TEXT_MAX 64

/* "amd64", "x86_64", "arm/v7", "linux/arm64/v8", "arm64v8", "arm32v7"; NULL or ""
 * is the machine that this program was built for.  ERR_USAGE names the words known. */
int platform_parse(struct platform *out, const char *text, struct err *e);
/* "linux/arm/v7" into buf; returns buf. */
const char *platform_text(const struct platform *p, char buf[static PLATFORM_TEXT_MAX]);
/* How well an image made for offered runs on want: 0 best, -1 not at all.
 *
 * arm runs its own level and those below; for arm64, v8 and none are one.  On amd64
 * the variant (v2..v4) is used only up to the level asked for, and nothing asked
 * means the baseline: a cluster's nodes differ, and the one that pulls is
 * often the newest. */
int platform_rank(const struct platform *want, const struct platform *offered);

#endif
