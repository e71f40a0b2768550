/* A 32-bit program without a C library: chown by int 0x80, and what stat then says.
 *
 *	gcc -m32 -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector owner32.c */
static long call(long nr, const void *a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return r;
}

void _start(void)
{
	static const char name[] = "by32";
	static unsigned char st[96];
	long bad = 0;

	bad |= call(212, name, 70021, 22);	       /* chown32 */
	bad |= call(195, name, (long)st, 0);	       /* stat64 */
	bad |= *(unsigned *)(st + 24) != 70021;
	bad |= call(182, name, 23, 0xffff);	       /* chown, 16-bit ids, group as it is */
	bad |= call(106, name, (long)st, 0);	       /* stat */
	bad |= *(unsigned short *)(st + 12) != 23 || *(unsigned short *)(st + 14) != 22;
	call(1, (void *)(bad != 0), 0, 0);
	for (;;)
		;
}
