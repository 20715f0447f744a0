// SPDX-License-Identifier: GPL-2.0-only
/* The same by IPv6 sockets with addresses of IPv4. */
/* zdtm: opts=--tcp-established */
#define FAMILY TCP_MAPPED
#include "tcp-pair00.c"
