// SPDX-License-Identifier: GPL-2.0-only
/* Much memory that is executable, above all libraries, as compilers have it that work at run time. */
#include "zdtmtst.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
	const size_t size = 100 << 20;
	/* Between the stack and the end of the address space. */
	char *const above = (char *)0x7ffffff00000 - size;
	char *memory;

	test_init(argc, argv);
	memory = mmap(above, size, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (memory == MAP_FAILED && errno == EEXIST)
		skip("the stack is at the very end of the address space");
	if (memory != above) {
		pr_perror("mmap");
		return 1;
	}
	memset(memory, 0x90, 4096);

	test_daemon();
	test_waitsig();

	if (memory[0] != (char)0x90 || memory[4095] != (char)0x90)
		fail("the memory has other contents");
	else
		pass();
	return 0;
}
