/* A stage by its name, and images that no stage is made of: COPY --from=IMAGE and RUN
 * --mount=from=IMAGE name one, which becomes a stage of its own without steps, pulled while the
 * build is planned, behind those of the recipe. */
#include <string.h>

#include "src/flow/build_base.h"
#include "src/flow/build_spec.h"
#include "src/flow/build_state.h"

static int find_image(const struct build *b, const char *name)
{
	for (size_t i = b->nrecipe; i < b->nstages; i++)
		if (!strcmp(b->stages[i].from, name))
			return (int)i;
	return -1;
}

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

static int add_image(struct build *b, const char *name, struct err *e)
{
	struct build_stage *s;

	if (b->nstages == b->cap)
		return err_set(e, ERR_LIMIT, "too many images are copied from");
	s = build_spec_add_stage(b);
	s->name = s->from = arena_strdup(&b->arena, name);
	s->agent = build_spec_docker_agent(name);
	if (build_base_find(b, s, e) < 0 || build_spec_plan(b, b->nstages - 1, e) < 0)
		return -1;
	return (int)(s - b->stages);
}

int build_find_stage(struct build *b, const char *name, struct err *e)
{
	int i = b->def ? def_find_stage(b->def, name, b->nrecipe)
		       : dockerfile_find_stage(b->docker, name, b->nrecipe);

	if (i >= 0)
		return i;
	if (b->def || is_number(name))
		return err_set(e, ERR_INPUT, "no stage is called %s", name);
	i = find_image(b, name);
	return i >= 0 ? i : add_image(b, name, e);
}
