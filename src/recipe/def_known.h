/* def_known: the words of the definition file language as tables: header keys, sections, bootstrap
 * agents.  Private to the parser, but for the agents. */
#ifndef RECIPE_DEF_KNOWN_H
#define RECIPE_DEF_KNOWN_H

#include "src/base/err.h"
#include "src/recipe/def.h"

enum def_section_kind {
	SECTION_SCRIPT,
	SECTION_LABELS,
	SECTION_FILES,
	SECTION_ARGUMENTS,
	SECTION_APP_TEXT, /* of the app that args name */
	SECTION_APP_LABELS,
	SECTION_APP_FILES
};

struct def_section {
	const char *name; /* "%post" */
	enum def_section_kind kind;
	enum def_script script; /* SECTION_SCRIPT */
	size_t app;		/* SECTION_APP_TEXT: offset of the def_text in struct def_app */
};

/* NULL when there is none of that name ("%post"). */
const struct def_section *def_section_find(const char *name);
/* " (did you mean %post?)" or ""; static or borrowed from a table via buf. */
void def_section_hint(const char *name, struct buf *out);

bool def_key_is_known(const char *key);
void def_key_hint(const char *key, struct buf *out);

/* ERR_INPUT: an unknown agent, or a header that lacks what its agent needs. */
int def_agent_check(const struct def_stage *s, struct err *e);

#endif
