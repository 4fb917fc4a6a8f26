/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that the programs read, kept by hand: only the members in use, in any order. CO-RE relocates every
 * access to the running kernel's BTF, so offsets here mean nothing. A `___name` suffix marks the layout of another
 * kernel version.
 */
#ifndef MARTLET_VMLINUX_H
#define MARTLET_VMLINUX_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false = 0, true = 1 };

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
    BPF_MAP_TYPE_SK_STORAGE = 24,
    BPF_MAP_TYPE_RINGBUF = 27,
    BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
    BPF_ANY = 0,
    BPF_NOEXIST = 1,
    BPF_F_NO_PREALLOC = 1,
    BPF_RB_NO_WAKEUP = 1,
    BPF_RB_FORCE_WAKEUP = 2,
    BPF_RB_AVAIL_DATA = 0,
    BPF_RB_CONS_POS = 2,
    BPF_SK_STORAGE_GET_F_CREATE = 1,
    BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

/* What programs on packets see of them: include/uapi/linux/bpf.h. The verifier knows these by offset, not by BTF. */
struct bpf_sock {
    __u32 bound_dev_if;
    __u32 family;
    __u32 type;
    __u32 protocol;
};

struct __sk_buff {
    __u32 len;
    __u32 _pkt_type_to_queue_mapping[3];
    __u32 protocol; /* ETH_P_IP or ETH_P_IPV6, in network order */
    __u32 _vlan_to_tc_classid[14];
    __u32 data;
    __u32 data_end;
    __u32 _napi_id_to_data_meta[15];
    __u64 _flow_keys;
    __u64 tstamp;
    __u32 wire_len;
    __u32 gso_segs;
    __u64 sk; /* struct bpf_sock * */
};
_Static_assert(__builtin_offsetof(struct __sk_buff, data) == 76, "include/uapi/linux/bpf.h");
_Static_assert(__builtin_offsetof(struct __sk_buff, sk) == 168, "include/uapi/linux/bpf.h");

/* include/uapi/linux/ip.h, ipv6.h, tcp.h, udp.h: the parts in use, in their places. */
struct iphdr {
    __u8 ihl_version; /* header length in words, and version */
    __u8 tos;
    __be16 tot_len;
    __be16 id;
    __be16 frag_off;
    __u8 ttl;
    __u8 protocol;
    __sum16 check;
    __be32 saddr;
    __be32 daddr;
};

struct ipv6hdr {
    __u32 version_class_label;
    __be16 payload_len;
    __u8 nexthdr;
    __u8 hop_limit;
    __u8 saddr[16];
    __u8 daddr[16];
};

struct tcphdr {
    __be16 source;
    __be16 dest;
    __be32 seq;
    __be32 ack_seq;
    __u8 data_offset; /* header length in words, upper four bits */
    __u8 flags;
    __be16 window;
    __sum16 check;
    __be16 urg_ptr;
};

struct udphdr {
    __be16 source;
    __be16 dest;
    __be16 len;
    __sum16 check;
};

/* include/net/tcp_states.h */
enum {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT = 2,
    TCP_SYN_RECV = 3,
    TCP_TIME_WAIT = 6,
    TCP_CLOSE = 7,
    TCP_LISTEN = 10,
    TCP_NEW_SYN_RECV = 12,
};

enum {
    AF_INET = 2,
    AF_INET6 = 10,
    ETH_P_IP = 0x0800,
    ETH_P_IPV6 = 0x86dd,
    IPPROTO_TCP = 6,
    IPPROTO_UDP = 17,
    S_IFMT = 0xf000,
    S_IFSOCK = 0xc000,
    SOCK_DONE = 1, /* include/net/sock.h, enum sock_flags: the peer's FIN was received */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/uapi/linux/bpf.h */
enum bpf_func_id { BPF_FUNC_loop = 181 };

/* include/linux/cgroup-defs.h */
enum cgroup_subsys_id { memory_cgrp_id = 4 };

struct kernfs_node {
    __u64 id;
};

struct cgroup_root {
    int hierarchy_id;
};

struct cgroup {
    int level;
    struct kernfs_node *kn;
    struct cgroup_root *root;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

struct css_set {
    struct cgroup_subsys_state *subsys[16];
    struct cgroup *dfl_cgrp;
};

struct sock_cgroup_data {
    struct cgroup *cgroup;
};

/* Before 5.15 one word held either the pointer or net_cls and net_prio numbers; bit 0 tells which. */
struct sock_cgroup_data___before_5_15 {
    __u64 val;
};

typedef struct {
    int counter;
} atomic_t;

struct mm_struct {
    int _opaque;
};

/* include/uapi/linux/taskstats.h */
struct taskstats {
    __u64 cpu_delay_total;
    __u64 blkio_delay_total;
};

struct signal_struct {
    atomic_t live;
    int group_exit_code;
    struct mm_struct *oom_mm;
    struct taskstats *stats;
};

struct sched_info {
    unsigned long long run_delay;
};

struct task_delay_info {
    __u64 blkio_delay;
};

struct file_system_type {
    const char *name;
};

struct super_block {
    __u32 s_dev;
    struct file_system_type *s_type;
};

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
};

struct vfsmount {
    struct super_block *mnt_sb;
};

/* fs/mount.h */
struct mount {
    struct vfsmount mnt;
    int mnt_id;
};

struct path {
    struct vfsmount *mnt;
};

struct file {
    unsigned int f_mode;
    void *private_data;
    struct inode *f_inode;
    struct path f_path;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
    unsigned long *open_fds;
};

struct files_struct {
    struct fdtable *fdt;
};

struct task_struct {
    unsigned int flags;
    int exit_code;
    int pid;
    int tgid;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    __u64 start_boottime;
    char comm[16];
    struct signal_struct *signal;
    struct files_struct *files;
    struct sched_info sched_info;
    struct task_delay_info *delays;
    struct css_set *cgroups;
};

struct linux_binprm {
    const char *filename;
};

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct in6_addr {
    union {
        __u8 u6_addr8[16];
        __u32 u6_addr32[4];
    } in6_u;
};

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    unsigned long skc_flags;
    volatile unsigned char skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
    struct sock_cgroup_data sk_cgrp_data;
};

struct socket {
    struct sock *sk;
};

struct inet_sock {
    struct sock sk;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u64 bytes_received;
    __u64 bytes_sent;
    __u64 bytes_retrans;
    __u32 total_retrans;
    __u32 srtt_us;
    __u32 rcv_nxt;
};

struct seq_file {
    int _opaque;
};

struct bpf_map {
    int _opaque;
};

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 session_id;
    __u64 seq_num;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

struct bpf_iter__tcp {
    struct bpf_iter_meta *meta;
    struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
    struct bpf_iter_meta *meta;
    struct bpf_map *map;
    struct sock *sk;
    void *value;
};

struct bpf_iter__bpf_map_elem {
    struct bpf_iter_meta *meta;
    struct bpf_map *map;
    void *key;
    void *value;
};

#pragma clang attribute pop

#endif
