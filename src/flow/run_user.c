#include "src/flow/run_user.h"

#include "src/plan/security.h"

static void group_take(struct run_user *u, struct facts *f)
{
	f->gid = u->user.gid;
	u->group = (struct fact_group){ u->user.gid, u->user.group };
	f->groups = &u->group;
	f->ngroups = 1;
}

static void name_take(struct run_user *u, struct facts *f)
{
	f->user = u->user.name;
	f->gecos = u->user.gecos;
	f->shell = u->user.shell;
}

/* The caller with other numbers: his home stays, his name too unless the image has one for the
 * id. */
static int numbers(struct run_user *u, const struct security *s, struct run_image *image,
		   struct facts *f, struct err *e)
{
	auto_free char *text = xasprintf("%lu:%lu", (unsigned long)(s->has_uid ? s->uid : f->uid),
					 (unsigned long)(s->has_gid ? s->gid : f->gid));

	run_image_names(image, &f->image);
	if (oci_user_find(&u->user, text, f->image.passwd, f->image.group, e) < 0)
		return -1;
	if (s->has_uid && u->user.uid != f->uid) {
		f->uid = u->user.uid;
		if (u->user.name)
			name_take(u, f);
	}
	if (s->has_gid)
		group_take(u, f);
	return 0;
}

static int image_user(struct run_user *u, struct run_image *image, struct facts *f,
		      struct strv *notes, struct err *e)
{
	auto_buf struct buf more = { 0 };

	run_image_names(image, &f->image);
	if (oci_user_find(&u->user, f->image.user, f->image.passwd, f->image.group, e) < 0)
		return err_wrap(e, "--oci-compat");
	f->uid = u->user.uid;
	name_take(u, f);
	group_take(u, f);
	f->user_home = u->user.home && *u->user.home ? u->user.home : "/";
	for (size_t i = 0; i < u->user.more.n; i++)
		buf_printf(&more, "%s%s", i ? ", " : "", u->user.more.v[i]);
	if (u->user.more.n)
		strv_addf(notes,
			  "--oci-compat: the image has %s in the groups %s, too; without root one "
			  "group can be had",
			  u->user.name, buf_str(&more));
	return 0;
}

int run_user_gather(struct run_user *u, const struct run_req *req, struct run_image *image,
		    struct facts *f, struct strv *notes, struct err *e)
{
	bool named = req->oci_compat && f->image.user && *f->image.user;
	struct security s;

	if (security_parse(&s, req, e) < 0)
		return -1;
	if (s.has_uid || s.has_gid)
		return numbers(u, &s, image, f, e);
	if (!named)
		return 0;
	if (!req->fakeroot)
		return image_user(u, image, f, notes, e);
	strv_addf(notes, "--fakeroot: the program runs as root, not as the image's User %s",
		  f->image.user);
	return 0;
}
