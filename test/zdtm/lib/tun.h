/* SPDX-License-Identifier: GPL-2.0-only */
/* Network devices of /dev/net/tun, for the tests that have one. */
#ifndef ZDTM_LIB_TUN_H
#define ZDTM_LIB_TUN_H

#include <sys/types.h>

/*
 * A device whose flags are IFF_TUN and so on: a descriptor, or -1 with errno. tun_up() gives it an address of a network
 * of 256 and an MTU, and turns it on: 0 or -1. tun_mtu(): -1 where there is none.
 */
int tun_open(const char *name, int flags);
int tun_up(const char *name, const char *address, int mtu);
int tun_mtu(const char *name);
/* Sends a datagram to an address: 0 or -1. The packet comes to a descriptor, 20 seconds at most: how many bytes are in
 * front of the text, or -1. */
int tun_send(const char *address, const char *text);
ssize_t tun_receive(int fd, const char *text);

#endif
