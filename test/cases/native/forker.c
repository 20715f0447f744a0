#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
/* keeps 8 children alive that live some ms each, as zdtm/transition/fork2 */
int main(void)
{
	int n = 0;
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		while (n < 8) {
			if (fork() == 0) {
				usleep(10000);
				_exit(0);
			}
			n++;
		}
		while (waitpid(-1, 0, WNOHANG) > 0)
			n--;
	}
}
