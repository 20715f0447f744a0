// SPDX-License-Identifier: GPL-2.0-only
/* The same over IPv6. */
/* zdtm: opts=--tcp-established */
#define FAMILY AF_INET6
#include "tcp-pair00.c"
