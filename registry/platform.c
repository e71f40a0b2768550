#include "registry/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/buf.h"

#if defined(__x86_64__)
#define HOST_ARCH "amd64"
#elif defined(__aarch64__)
#define HOST_ARCH "arm64"
#elif defined(__arm__)
#define HOST_ARCH "armhf"
#elif defined(__i386__)
#define HOST_ARCH "386"
#elif defined(__powerpc64__)
#define HOST_ARCH "ppc64le"
#elif defined(__s390x__)
#define HOST_ARCH "s390x"
#elif defined(__riscv)
#define HOST_ARCH "riscv64"
#else
#error "name this architecture as an image index does"
#endif

static const struct {
	const char *word, *arch, *variant;
} words[] = {
	{ "amd64", "amd64", "" },     { "x86_64", "amd64", "" },      { "x86-64", "amd64", "" },
	{ "arm64", "arm64", "" },     { "aarch64", "arm64", "" },     { "arm64v8", "arm64", "v8" },
	{ "arm", "arm", "v7" },	      { "armhf", "arm", "v7" },	      { "arm32v7", "arm", "v7" },
	{ "armel", "arm", "v6" },     { "arm32v6", "arm", "v6" },     { "arm32v5", "arm", "v5" },
	{ "386", "386", "" },	      { "i386", "386", "" },	      { "i686", "386", "" },
	{ "ppc64le", "ppc64le", "" }, { "s390x", "s390x", "" },	      { "riscv64", "riscv64", "" },
	{ "loong64", "loong64", "" }, { "mips64le", "mips64le", "" },
};

static int unknown(const char *text, struct err *e)
{
	auto_buf struct buf shown = { 0 };

	buf_add_escaped(&shown, text, strnlen(text, 60));
	return err_set(e, ERR_USAGE,
		       "\"%s\" is no architecture: known are amd64, arm64, arm/v7, arm/v6, 386, "
		       "ppc64le, s390x, riscv64, loong64, mips64le",
		       buf_str(&shown));
}

int platform_parse(struct platform *out, const char *text, struct err *e)
{
	auto_strv struct strv part = { 0 };
	size_t i = 0, k;

	if (!text || !*text)
		text = HOST_ARCH;
	*out = (struct platform){ .os = "linux" };
	strv_split(&part, text, '/');
	if (part.n > 1 && !strcmp(part.v[0], "linux"))
		i++;
	if (part.n < i + 1 || part.n > i + 2)
		return unknown(text, e);
	for (k = 0; k < ARRAY_LEN(words); k++)
		if (!strcasecmp(part.v[i], words[k].word))
			break;
	if (k == ARRAY_LEN(words))
		return unknown(text, e);
	snprintf(out->arch, sizeof(out->arch), "%s", words[k].arch);
	snprintf(out->variant, sizeof(out->variant), "%s", words[k].variant);
	if (part.n > i + 1) {
		const char *v = part.v[i + 1];

		if (*v == 'v')
			v++;
		if (!*v || strlen(v) > 2 || strspn(v, "0123456789") != strlen(v))
			return unknown(text, e);
		snprintf(out->variant, sizeof(out->variant), "v%.2s", v);
	}
	return 0;
}

const char *platform_text(const struct platform *p, char buf[static PLATFORM_TEXT_MAX])
{
	snprintf(buf, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "",
		 p->variant);
	return buf;
}

/* The number of "v7", base when there is none, -1 for anything else. */
static int level(const char *variant, int base)
{
	if (!*variant)
		return base;
	if (*variant != 'v' || !variant[1] || strlen(variant) > 3 ||
	    strspn(variant + 1, "0123456789") != strlen(variant + 1))
		return -1;
	return atoi(variant + 1);
}

int platform_rank(const struct platform *want, const struct platform *offered)
{
	int base = 1, own, other;

	if (strcmp(want->os, offered->os) != 0 || strcmp(want->arch, offered->arch) != 0)
		return -1;
	if (!strcmp(want->variant, offered->variant))
		return 0;
	if (!strcmp(want->arch, "arm64"))
		base = 8;
	else if (!strcmp(want->arch, "arm"))
		base = 4; /* no variant: older than everything that has one */
	else if (strcmp(want->arch, "amd64") != 0)
		return *want->variant && *offered->variant ? -1 : 1;
	own = level(want->variant, base);
	other = level(offered->variant, base);
	/* Between equal levels, one written and one implied, both are as good. */
	return own < 0 || other < 0 || other > own ? -1 : own - other + 1;
}
