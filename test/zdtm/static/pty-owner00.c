// SPDX-License-Identifier: GPL-2.0-only
/* The owner and the mode of a slave, as mesg(1) and login(1) set them; and of one that nobody has open. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char open_one[64], closed_one[64];
	int master, slave, other;
	struct stat st;

	test_init(argc, argv);
	other = posix_openpt(O_RDWR | O_NOCTTY);
	if (openpty(&master, &slave, open_one, NULL, NULL) || other < 0 ||
	    ptsname_r(other, closed_one, sizeof(closed_one)) || fchown(slave, 1234, 5) || fchmod(slave, 0622) ||
	    chown(closed_one, 4321, 6) || chmod(closed_one, 0604)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(slave, &st) || st.st_uid != 1234 || st.st_gid != 5 || (st.st_mode & 07777) != 0622)
		fail_errno("%s is %d:%d, mode %o", open_one, st.st_uid, st.st_gid, st.st_mode);
	else if (stat(closed_one, &st) || st.st_uid != 4321 || st.st_gid != 6 || (st.st_mode & 07777) != 0604)
		fail_errno("%s is %d:%d, mode %o", closed_one, st.st_uid, st.st_gid, st.st_mode);
	else
		pass();
	return 0;
}
