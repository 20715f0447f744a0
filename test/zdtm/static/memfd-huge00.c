// SPDX-License-Identifier: GPL-2.0-only
/* A memfd of huge pages, mapped both ways, with a hole and a seal. */
/* zdtm: needs=huge-pages */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const size_t huge = 2 << 20;
	volatile unsigned char *shared, *private;
	struct stat before, now;
	char c = 0;
	int fd;

	test_init(argc, argv);
	fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)(3 * huge)) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		pr_perror("memfd_create, ftruncate, seal");
		return 1;
	}
	shared = mmap(NULL, 3 * huge, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, (off_t)huge);
	if (shared == MAP_FAILED || private == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	shared[0] = 'a';
	shared[2 * huge] = 's';
	private[huge] = 'p';
	if (fstat(fd, &before)) {
		pr_perror("fstat");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(fd, &now) || now.st_size != before.st_size || now.st_blocks != before.st_blocks ||
	    now.st_blksize != before.st_blksize)
		fail("%ld bytes in %ld blocks of pages of %ld bytes: was %ld, %ld, %ld", (long)now.st_size,
		     (long)now.st_blocks, (long)now.st_blksize, (long)before.st_size, (long)before.st_blocks,
		     (long)before.st_blksize);
	else if (fcntl(fd, F_GET_SEALS) != F_SEAL_SHRINK)
		fail("the seals are %x", fcntl(fd, F_GET_SEALS));
	else if (shared[0] != 'a' || shared[2 * huge] != 's' || private[huge] != 'p')
		fail("the memory has other contents");
	else {
		shared[1] = 'x';
		if (pread(fd, &c, 1, 1) != 1 || c != 'x')
			fail("the mapping is not of the memfd");
		else
			pass();
	}
	return 0;
}
