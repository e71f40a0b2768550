/* What tests/lab/owners.sh does, from another C library: threads that chown, and a child that
 * becomes somebody else, whose set*id calls go through all threads. */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *arg)
{
	char name[32];
	struct stat st;

	snprintf(name, sizeof(name), "musl%ld", (long)arg);
	close(open(name, O_CREAT | O_WRONLY, 0644));
	if (chown(name, 100 + (long)arg, 7) || stat(name, &st) || st.st_gid != 7)
		return (void *)1;
	return NULL;
}

int main(void)
{
	pthread_t t[8];
	gid_t group = 4343;
	int status = 0;
	void *bad;

	for (long i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, work, (void *)i))
			return 1;
	for (int i = 0; i < 8; i++)
		if (pthread_join(t[i], &bad) || bad)
			return 2;
	mkdir("muslhome", 0777);
	chmod("muslhome", 0777);
	if (fork() == 0) {
		if (setgroups(1, &group) || setgid(4343) || setuid(4242) || getuid() != 4242)
			_exit(3);
		if (setuid(0) == 0 || seteuid(0) == 0 || getgroups(1, &group) != 1 || group != 4343)
			_exit(4);
		_exit(mkdir("muslhome/d", 0755) || symlink("x", "muslhome/l") ? 5 : 0);
	}
	wait(&status);
	return WEXITSTATUS(status);
}
