// SPDX-License-Identifier: GPL-2.0-only
/* The same over IPv6: FIN-WAIT-2 and CLOSE-WAIT. */
/* zdtm: opts=--tcp-established */
#define FAMILY AF_INET6
#include "tcp-half00.c"
