// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the cases of the corpus share. Each case shows one thing that an object can be; what is to
 * become of it stands in the table of tests/tests/corpus.rs.
 */
#ifndef MARROW_CORPUS_CASE_H
#define MARROW_CORPUS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* A hook that every kernel has and that calls rarely. */
#define HOOK SEC("tracepoint/sched/sched_process_exec")

#define LICENSED char LICENSE[] SEC("license") = "Dual BSD/GPL"

/* libbpf 1.5 has it; Debian 12 brings 1.1. */
#ifndef __ulong
#define __ulong(name, val) enum { ___concat(__unique_value, __LINE__) = val } name
#endif

#endif
