//! Which calls of the system a process may make: seccomp.

use std::collections::BTreeMap;

use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET,
    CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_THREAD, SOCK_RAW, c_int, c_long,
};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

use super::Error;

/// What becomes of a call that is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// It fails.
    Refuse,
    /// It ends the process.
    Kill,
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Calls that only root can make, or that open large parts of the kernel. Nobody here needs them.
const DANGEROUS: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // File systems.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_syslog,
    libc::SYS_acct,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_settimeofday,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that honest programs try and do without: a new one whose arguments a filter cannot see, and a way around filters.
/// They are told that the system does not have them.
const UNKNOWN: &[c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Calls by which a process leaves the group that is ended together.
pub(super) const LEAVE_THE_GROUP: &[c_long] = &[libc::SYS_setsid, libc::SYS_setpgid];

/// Calls by which a process reaches others that did not start it. Pairs of sockets have a call of their own.
pub(super) const REACH_OTHERS: &[c_long] = &[libc::SYS_socket];

/// No further calls.
pub(super) const NONE: &[c_long] = &[];

/// What compiling needs beside what [`allow_computing`] adds with conditions: to read and write what is open, memory, threads
/// that wait for each other, the time, and to end.
const COMPUTING: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_membarrier,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The namespaces that a process could make for itself.
const NAMESPACES: [c_int; 7] = [
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
];

/// Denies all that compiling does not need. A call that is denied fails.
pub(super) fn allow_computing() -> Result<bool, Error> {
    let build = || -> Result<Rules, seccompiler::BackendError> {
        let mut rules: Rules = COMPUTING.iter().map(|call| (*call, Vec::new())).collect();
        let threads = CLONE_THREAD.cast_unsigned().into();
        let mask = NAMESPACES
            .iter()
            .fold(threads, |mask, flag| mask | u64::from(flag.cast_unsigned()));
        // Unknown, see below: that and no refusal has the library fall back to the older call.
        rules.insert(libc::SYS_clone3, Vec::new());
        rules.insert(
            libc::SYS_clone,
            vec![rule(&[(0, MaskedEq(mask), threads)])?],
        );
        rules.insert(
            libc::SYS_prctl,
            either(0, &[libc::PR_SET_NAME, libc::PR_SET_VMA])?,
        );
        rules.insert(
            libc::SYS_fcntl,
            either(
                1,
                &[
                    libc::F_DUPFD_CLOEXEC,
                    libc::F_GETFD,
                    libc::F_SETFD,
                    libc::F_GETFL,
                ],
            )?,
        );
        // To end itself when memory is short.
        let own = std::process::id().into();
        rules.insert(libc::SYS_tgkill, vec![rule(&[(0, Eq, own)])?]);
        Ok(rules)
    };
    unknown()?;
    apply(
        build(),
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        SeccompAction::Allow,
    )
}

/// Denies the calls that nobody here needs, and some more. False if the kernel has no filters.
pub(super) fn deny(denial: Denial, more: &[c_long]) -> Result<bool, Error> {
    let build = || -> Result<Rules, seccompiler::BackendError> {
        let mut rules: Rules = DANGEROUS.iter().map(|call| (*call, Vec::new())).collect();
        let namespaces = NAMESPACES.iter().map(|flag| {
            let flag = flag.cast_unsigned().into();
            rule(&[(0, MaskedEq(flag), flag)])
        });
        rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
        rules.insert(libc::SYS_socket, sockets()?);
        rules.extend(more.iter().map(|call| (*call, Vec::new())));
        #[cfg(target_arch = "x86_64")]
        for (call, rule) in rules.clone() {
            // The same under the numbers of programs with short pointers, where the kernel has those.
            const SHORT: c_long = 0x4000_0000;
            rules.insert(call | SHORT, rule);
        }
        Ok(rules)
    };
    let denied = match denial {
        Denial::Refuse => SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        Denial::Kill => SeccompAction::KillProcess,
    };
    unknown()?;
    apply(build(), SeccompAction::Allow, denied)
}

/// Sockets that are denied: those that see what is not for them, and families that nobody here speaks.
fn sockets() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let number = |flag: c_int| u64::from(flag.cast_unsigned());
    // Beside its kind, a socket's second argument has flags.
    const KIND: u64 = 0xf;
    let spoken = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK];
    let others: Vec<_> = spoken
        .iter()
        .map(|family| (0, Ne, number(*family)))
        .collect();
    let raw = |family| {
        rule(&[
            (0, Eq, number(family)),
            (1, MaskedEq(KIND), number(SOCK_RAW)),
        ])
    };
    Ok(vec![rule(&others)?, raw(AF_INET)?, raw(AF_INET6)?])
}

fn unknown() -> Result<bool, Error> {
    let rules = UNKNOWN.iter().map(|call| (*call, Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    apply(Ok(rules), SeccompAction::Allow, unknown)
}

fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, comparison, value)| {
            SeccompCondition::new(*argument, Dword, comparison.clone(), *value)
        })
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}

/// One rule for each value that an argument may have.
fn either(argument: u8, values: &[c_int]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values
        .iter()
        .map(|value| rule(&[(argument, Eq, u64::from(value.cast_unsigned()))]))
        .collect()
}

/// Has the kernel follow these rules, for all threads and for good. False if it has no filters.
fn apply(
    rules: Result<Rules, seccompiler::BackendError>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<bool, Error> {
    let refused = |source| Error::Refused {
        action: "filter what this process asks of it",
        source,
    };
    let program = rules
        .and_then(|rules| {
            let machine = TargetArch::try_from(std::env::consts::ARCH)?;
            SeccompFilter::new(rules, otherwise, listed, machine)
        })
        .and_then(BpfProgram::try_from)
        .map_err(|error| refused(Box::new(error)))?;
    match apply_filter_all_threads(&program) {
        Ok(()) => Ok(true),
        Err(seccompiler::Error::Seccomp(error)) if has_no_filters(&error) => Ok(false),
        Err(error) => Err(refused(Box::new(error))),
    }
}

fn has_no_filters(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}
