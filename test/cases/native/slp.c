#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>
int main()
{
	printf("ready\n");
	fflush(stdout);
	unsigned r = sleep(60);
	printf("woke, %u s were left\n", r);
	return 0;
}