/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The one object of the kernel side. A signal is a header of its own; here they are put together. */
#include "process.bpf.h"
#include "cgroup.bpf.h"
#include "tcp.bpf.h"
#include "file.bpf.h"
#include "request.bpf.h"
#include "tls.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";
