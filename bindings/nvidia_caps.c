/* Which library serves what, and what a driver's version means.  The names of a driver's libraries
 * are in its README, "Installed Components"; the newest CUDA of a driver in the CUDA Toolkit's
 * release notes, table "CUDA Toolkit and Corresponding Driver Versions". */
#include "bindings/nvidia.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int nvidia_caps_parse(unsigned *caps, const char *text, struct err *e)
{
	static const struct {
		const char *word;
		unsigned cap;
	} known[] = {
		{ "compute", NV_COMPUTE },   { "utility", NV_UTILITY }, { "graphics", NV_GRAPHICS },
		{ "video", NV_VIDEO },	     { "display", NV_DISPLAY }, { "ngx", NV_NGX },
		{ "compat32", NV_COMPAT32 }, { "all", NV_ALL },
	};
	auto_strv struct strv words = { 0 };

	*caps = 0;
	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && strcmp(known[k].word, words.v[i]) != 0)
			k++;
		if (k == ARRAY_LEN(known))
			return err_set(e, ERR_USAGE,
				       "NVIDIA_DRIVER_CAPABILITIES: \"%s\" is none of compute, "
				       "utility, graphics, video, display, ngx, compat32, all",
				       words.v[i]);
		*caps |= known[k].cap;
	}
	return 0;
}

unsigned nvidia_lib_caps(const char *name)
{
	static const struct {
		const char *prefix;
		unsigned caps;
	} known[] = {
		{ "libcuda.so", NV_COMPUTE },
		{ "libcudadebugger.so", NV_COMPUTE },
		{ "libnvidia-opencl.so", NV_COMPUTE },
		{ "libOpenCL.so", NV_COMPUTE },
		{ "libnvidia-ptxjitcompiler.so", NV_COMPUTE },
		{ "libnvidia-nvvm", NV_COMPUTE },
		{ "libnvidia-fatbinaryloader.so", NV_COMPUTE },
		{ "libnvidia-compiler", NV_COMPUTE },
		{ "libnvidia-allocator.so", NV_COMPUTE | NV_GRAPHICS },
		{ "libnvidia-gpucomp.so", NV_COMPUTE | NV_GRAPHICS },
		{ "libnvidia-pkcs11", NV_COMPUTE },
		{ "libnvidia-sandboxutils.so", NV_COMPUTE | NV_UTILITY },
		{ "libnvidia-ml.so", NV_UTILITY },
		{ "libnvidia-cfg.so", NV_UTILITY },
		{ "libnvidia-nscq.so", NV_UTILITY },
		{ "libvdpau_nvidia.so", NV_VIDEO },
		{ "libnvcuvid.so", NV_VIDEO },
		{ "libnvidia-encode.so", NV_VIDEO },
		{ "libnvidia-opticalflow.so", NV_VIDEO },
		{ "libnvidia-ngx.so", NV_NGX },
		{ "libglxserver_nvidia.so", NV_DISPLAY },
		{ "libnvidia-gtk", NV_DISPLAY },
		{ "libnvidia-wayland-client.so", NV_DISPLAY },
		{ "nvidia_drv.so", NV_DISPLAY },
		{ "libnvidia-", NV_GRAPHICS },
		{ "libGL", NV_GRAPHICS },
		{ "libEGL", NV_GRAPHICS },
		{ "libOpenGL", NV_GRAPHICS },
		{ "libnvoptix.so", NV_GRAPHICS },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_has_prefix(name, known[i].prefix))
			return known[i].caps;
	return NV_ALL;
}

/* The first word that is digits with one or two dots. */
bool nvidia_version_parse(char *out, size_t n, const char *text)
{
	for (const char *p = text; *p; p += strspn(p, " \t\n")) {
		size_t len = strcspn(p, " \t\n"), digits = strspn(p, "0123456789.");
		unsigned major, minor;

		if (len && len == digits && len < n && sscanf(p, "%u.%u", &major, &minor) == 2 &&
		    isdigit((unsigned char)p[len - 1])) {
			memcpy(out, p, len);
			out[len] = '\0';
			return true;
		}
		p += len;
	}
	return false;
}

const char *nvidia_cuda_of(const char *driver)
{
	static const struct {
		unsigned branch;
		const char *cuda;
	} known[] = {
		{ 590, "13.1" }, { 580, "13.0" }, { 575, "12.9" }, { 570, "12.8" }, { 565, "12.7" },
		{ 560, "12.6" }, { 555, "12.5" }, { 550, "12.4" }, { 545, "12.3" }, { 535, "12.2" },
		{ 530, "12.1" }, { 525, "12.0" }, { 520, "11.8" }, { 515, "11.7" }, { 510, "11.6" },
		{ 495, "11.5" }, { 470, "11.4" }, { 465, "11.3" }, { 460, "11.2" }, { 455, "11.1" },
		{ 450, "11.0" }, { 440, "10.2" }, { 418, "10.1" },
	};
	unsigned branch = 0;

	sscanf(driver, "%u", &branch);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (branch >= known[i].branch)
			return known[i].cuda;
	return NULL;
}

const char *nvidia_brand_of(const char *model)
{
	static const struct {
		const char *word, *brand;
	} known[] = {
		{ "GeForce", "geforce" }, { "TITAN", "titan" },	      { "Quadro", "quadro" },
		{ "GRID", "grid" },	  { "RTX PRO", "nvidiartx" }, { "RTX A", "nvidiartx" },
		{ "NVS", "nvs" },	  { "Orin", "orin" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(model, known[i].word))
			return known[i].brand;
	return "tesla";
}

/* "12.4" against "12.10", number by number. */
static int version_cmp(const char *a, const char *b)
{
	for (;;) {
		unsigned long x = strtoul(a, (char **)&a, 10), y = strtoul(b, (char **)&b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a += *a == '.';
		b += *b == '.';
		if (!isdigit((unsigned char)*a) && !isdigit((unsigned char)*b))
			return 0;
	}
}

static bool constraint_met(const char *text, const struct nvidia_facts *f)
{
	const struct {
		const char *key, *value;
		bool version;
	} facts[] = {
		{ "cuda", f->cuda, true },
		{ "driver", f->driver, true },
		{ "arch", f->arch, true },
		{ "brand", f->brand, false },
	};
	size_t n = strcspn(text, "<>=!");
	const char *op = text + n, *want = op + strspn(op, "<>=!");
	size_t oplen = (size_t)(want - op);

	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		int cmp;

		if (strlen(facts[i].key) != n || strncmp(facts[i].key, text, n) != 0)
			continue;
		if (!facts[i].value || !oplen)
			return true;
		cmp = facts[i].version ? version_cmp(facts[i].value, want)
				       : strcmp(facts[i].value, want);
		if (op[0] == '!')
			return cmp != 0;
		if (op[0] == '=')
			return cmp == 0;
		if (op[0] == '>')
			return cmp > 0 || (cmp == 0 && oplen > 1);
		return cmp < 0 || (cmp == 0 && oplen > 1);
	}
	return true; /* a word of a later kind */
}

bool nvidia_require_met(const char *expr, const struct nvidia_facts *f)
{
	auto_strv struct strv any = { 0 };

	strv_split(&any, expr, ' ');
	for (size_t i = 0; i < any.n; i++) {
		auto_strv struct strv all = { 0 };
		bool met = true;

		strv_split(&all, any.v[i], ',');
		for (size_t k = 0; k < all.n; k++)
			met = met && constraint_met(all.v[k], f);
		if (met)
			return true;
	}
	return any.n == 0;
}
