#include "src/plan/emulation.h"

#include <string.h>

#include "src/base/mem.h"

static const char *const names[] = { [EMULATION_FULL] = "full",
				     [EMULATION_LIGHT] = "light",
				     [EMULATION_NONE] = "none",
				     [EMULATION_SUBUID] = "subuid" };

int emulation_parse(enum emulation *out, const char *text, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], text)) {
			*out = (enum emulation)i;
			return 0;
		}
	return err_set(e, ERR_USAGE, "--emulation %s: write full, light, none or subuid", text);
}

const char *emulation_name(enum emulation m)
{
	return names[m];
}
