#include "image/tree.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct node *at(struct tree *t, const char *path)
{
	struct err e = { 0 };
	struct node *n;

	ck_ok(tree_path(t, &n, path, &e), &e);
	return n;
}

static void put(struct tree *t, const char *path, mode_t mode)
{
	struct node *n = at(t, path);

	for (struct node *up = n->parent; up && !up->inode; up = up->parent)
		tree_put(up, tree_inode(t, S_IFDIR | 0755));
	tree_put(n, tree_inode(t, mode));
}

START_TEST(a_path_is_one_node_however_it_is_written)
{
	static const char *const ways[] = { "usr/bin/sh", "/usr/bin/sh", "./usr//bin/./sh",
					    "../usr/bin/sh/", "usr/x/../bin/sh" };
	auto_tree struct tree t;

	tree_init(&t, 100, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		auto_buf struct buf b = { 0 };

		ck_assert_ptr_eq(at(&t, ways[i]), at(&t, ways[0]));
		node_path(at(&t, ways[i]), &b);
		ck_assert_str_eq(buf_str(&b), "/usr/bin/sh");
	}
	ck_assert_ptr_eq(at(&t, "/"), t.root);
	ck_assert_ptr_eq(at(&t, "."), t.root);
	ck_assert_ptr_eq(at(&t, "../.."), t.root);
	ck_assert_ptr_eq(at(&t, "usr/.."), t.root);
	ck_assert_ptr_eq(at(&t, "usr/bin/."), at(&t, "usr/bin"));
}
END_TEST

START_TEST(names_and_depth_and_number_are_bounded)
{
	char name[TREE_PATH_MAX + 3];
	auto_tree struct tree t;
	struct err e = { 0 };
	struct node *n;

	tree_init(&t, 3000, 8 << 20);
	memset(name, 'n', 256);
	name[256] = '\0';
	ck_assert_int_eq(tree_path(&t, &n, name, &e), -1);
	ck_assert_str_eq(e.text, "a name of 256 bytes is over the limit of 255");
	name[255] = '\0';
	ck_ok(tree_path(&t, &n, name, &e), &e);
	memset(name, '/', TREE_PATH_MAX + 1);
	name[TREE_PATH_MAX + 1] = '\0';
	ck_assert_int_eq(tree_path(&t, &n, name, &e), -1);
	ck_assert_str_eq(e.text, "a path of 4096 bytes is over the limit of 4095");
	for (int i = 0; i < 1025; i++)
		memcpy(name + 2 * i, "d/", 3);
	ck_assert_int_eq(tree_path(&t, &n, name, &e), -1);
	ck_assert_str_eq(e.text, "directories are nested deeper than the limit of 1024");
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		if (tree_path(&t, &n, name, &e) < 0)
			break;
	}
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	ck_assert_str_eq(e.text, "the layers name more than 3000 paths; --max-entries raises this "
				 "limit");
}
END_TEST

START_TEST(removing_takes_what_is_below_and_adding_again_starts_empty)
{
	auto_tree struct tree t;
	struct node **v;

	tree_init(&t, 100, 1 << 20);
	put(&t, "d/b", S_IFREG);
	put(&t, "d/a", S_IFREG);
	put(&t, "d/e/f", S_IFREG);
	ck_assert_uint_eq(node_children(at(&t, "d"), &v), 3);
	ck_assert_str_eq(v[0]->name, "a");
	ck_assert_str_eq(v[2]->name, "e");
	free(v);
	tree_remove(at(&t, "d"));
	ck_assert_ptr_null(at(&t, "d/e/f")->inode);
	put(&t, "d/z", S_IFREG);
	ck_assert_uint_eq(node_children(at(&t, "d"), &v), 1);
	ck_assert_str_eq(v[0]->name, "z");
	free(v);
}
END_TEST

START_TEST(an_inode_counts_its_names)
{
	auto_tree struct tree t;
	struct inode *i;

	tree_init(&t, 100, 1 << 20);
	put(&t, "a", S_IFREG);
	i = at(&t, "a")->inode;
	tree_put(at(&t, "b"), i);
	ck_assert_uint_eq(i->nlink, 2);
	tree_remove(at(&t, "a"));
	ck_assert_uint_eq(i->nlink, 1);
	put(&t, "b", S_IFREG);
	ck_assert_uint_eq(i->nlink, 0);
}
END_TEST

UNIT(tree, a_path_is_one_node_however_it_is_written, names_and_depth_and_number_are_bounded,
     removing_takes_what_is_below_and_adding_again_starts_empty, an_inode_counts_its_names)
