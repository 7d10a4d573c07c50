// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values of the kernel's configuration, one of them weak. */
#include "case.h"

LICENSED;

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern char CONFIG_NO_SUCH_OPTION[12] __kconfig __weak;

__u64 seen;

HOOK int look(void *ctx)
{
	if (CONFIG_BPF_SYSCALL && CONFIG_NO_SUCH_OPTION[0] == 0)
		seen = LINUX_KERNEL_VERSION;
	return 0;
}
