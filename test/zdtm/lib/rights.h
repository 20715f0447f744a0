/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors that travel in UNIX sockets: SCM_RIGHTS of unix(7). */
#ifndef ZDTM_LIB_RIGHTS_H
#define ZDTM_LIB_RIGHTS_H

struct ucred;

/* Both take one message of one byte with n descriptors, at most 16. 0, or -1 with errno. */
int send_fds(int to, const int *fds, int n);
/*
 * Waits for nothing. EPROTO: what came is another kind of message, or has not n descriptors.
 * creds: NULL, or where the sender's credentials go if they come with it.
 */
int receive_fds(int from, int *fds, int n, struct ucred *creds);

#endif
