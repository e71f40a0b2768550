/* secret: strings that leave nothing behind when freed. */
#ifndef REGISTRY_SECRET_H
#define REGISTRY_SECRET_H

#include <stdlib.h>
#include <string.h>

#include "src/base/mem.h"

/* NULL is fine. */
static inline void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}
static inline void secret_free_p_(char **s)
{
	secret_free(*s);
}
#define auto_secret auto_(secret_free_p_)

#endif
