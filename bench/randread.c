/* randread: random reads of one file, the same sequence every time.
 *
 *	randread FILE BYTES COUNT THREADS [SEED]
 *
 * COUNT aligned reads of BYTES by each of THREADS, through the page cache.  fio's psync engine does
 * the same, but its set-up (0.2 s and more) would be most of a sample and pull every ratio to 1. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd;
static size_t bytes;
static long count;
static uint64_t blocks, seed;

static void *reader(void *arg)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + (uintptr_t)arg * 0xbf58476d1ce4e5b9u;
	char *buf = malloc(bytes);

	for (long i = 0; i < count; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (pread(fd, buf, bytes, (off_t)(x % blocks * bytes)) != (ssize_t)bytes) {
			perror("randread: read");
			_exit(1);
		}
	}
	free(buf);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[64];
	struct stat st;
	long n = argc > 4 ? atol(argv[4]) : 0;

	if (n < 1 || n > 64) {
		fprintf(stderr, "usage: randread FILE BYTES COUNT THREADS [SEED]\n");
		return 2;
	}
	bytes = strtoul(argv[2], NULL, 10);
	count = atol(argv[3]);
	seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 7;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(argv[1]);
		return 1;
	}
	blocks = (uint64_t)st.st_size / bytes;
	if (blocks == 0) {
		fprintf(stderr, "randread: %s is smaller than one read\n", argv[1]);
		return 1;
	}
	for (long i = 0; i < n; i++)
		pthread_create(&t[i], NULL, reader, (void *)(uintptr_t)i);
	for (long i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	return 0;
}
