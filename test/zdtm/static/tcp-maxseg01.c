// SPDX-License-Identifier: GPL-2.0-only
/* The same over IPv6, where a restore makes them of 32767 bytes at the most, with the options in their headers. */
/* zdtm: opts=--tcp-established */
#define FAMILY AF_INET6
#define LESS 40
#include "tcp-maxseg00.c"
