/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_MODULE_H
#define HOST_LINUX_MODULE_H
/* How often the module is pinned. */
extern int host_module_pins;
#define THIS_MODULE ((void *)0)
#define __module_get(m) ((void)(m), (void)host_module_pins++)
#define module_put(m) ((void)(m), (void)host_module_pins--)
#endif
