// SPDX-License-Identifier: GPL-2.0-only
/* A named pipe with data in it, open for reading, for writing and for both. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "name of the FIFO");

#define SIZE 9000

int main(int argc, char **argv)
{
	static char data[SIZE];
	uint32_t crc = CRC_INIT;
	int rw, rd, wr, later;
	char c;

	test_init(argc, argv);
	datagen(data, SIZE, &crc);
	if (mkfifo(filename, 0600) || (rw = open(filename, O_RDWR)) < 0 ||
	    (rd = open(filename, O_RDONLY | O_NONBLOCK)) < 0 ||
	    (wr = open(filename, O_WRONLY)) < 0 || write(wr, data, SIZE) != SIZE || close(rw)) {
		pr_perror("cannot set up %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	memset(data, 0, SIZE);
	if (read(rd, data, SIZE) != SIZE || datachk(data, SIZE, crc))
		fail("the data changed");
	else if (read(rd, &c, 1) != -1 || errno != EAGAIN)
		fail("there is more than was written");
	else if ((later = open(filename, O_WRONLY | O_NONBLOCK)) < 0 || write(later, "n", 1) != 1)
		fail_errno("the FIFO cannot be opened by its name");
	else if (read(rd, &c, 1) != 1 || c != 'n')
		fail("the name leads to another FIFO");
	else if (close(later) || close(wr) || read(rd, &c, 1) != 0)
		fail("no end of file: somebody holds the FIFO");
	else
		pass();
	unlink(filename);
	return 0;
}
