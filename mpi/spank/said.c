#include "mpi/spank/said.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define SENTENCES_MAX 32

struct said {
	atomic_ulong hash[SENTENCES_MAX]; /* 0: free */
};

struct said *said_new(void)
{
	void *p = mmap(NULL, sizeof(struct said), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Fowler-Noll-Vo 1a; never 0. */
static unsigned long hash_of(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	return (unsigned long)(h | 1);
}

static bool is_first(struct said *s, unsigned long h)
{
	for (int i = 0; s && i < SENTENCES_MAX; i++) {
		unsigned long was = 0;

		if (atomic_compare_exchange_strong(&s->hash[i], &was, h))
			return true;
		if (was == h)
			return false;
	}
	return true;
}

void said_once(struct said *s, const char *text, size_t len)
{
	if (is_first(s, hash_of(text, len)))
		(void)!write(STDERR_FILENO, text, len);
}
