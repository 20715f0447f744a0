/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_UTSNAME_H
#define HOST_LINUX_UTSNAME_H
struct host_utsname {
	char nodename[65];
};
static inline const struct host_utsname *init_utsname(void)
{
	static const struct host_utsname name = { "host" };

	return &name;
}
#endif
