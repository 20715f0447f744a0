#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static char *a, *p;
static int fd;
static void t(int s)
{
	(void)s;
	a[0] = 'X';
	a[4096] = 'Y';
	char b = 0;
	pread(fd, &b, 1, 0);
	printf("after: fd sees '%c' (want X), untouched private page sees '%c' (want Y)\n", b,
	       p[4096]);
	fflush(stdout);
	_exit(0);
}
int main()
{
	a = mmap(0, 3 * 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	a[0] = 'a';
	a[4096] = 'b';
	char n[64];
	sprintf(n, "/proc/self/map_files/%lx-%lx", (long)a, (long)a + 3 * 4096);
	fd = open(n, O_RDWR);
	p = mmap(0, 3 * 4096, 3, MAP_PRIVATE, fd, 0);
	p[0] = 'P';
	signal(SIGTERM, t);
	printf("ready fd %d: shared %p private %p\n", fd, a, p);
	fflush(stdout);
	for (;;)
		pause();
}
