//! Each jail, from inside: this same test program goes in, and tells what it can still do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getppid, test_kill_process};

use super::{Mode, Places, alone, build, serve};

/// Which jail this process goes to, if it is one that tells.
const KIND: &str = "KELLION_TEST_JAIL";

/// A folder with what it may use in `room`, and what it may not beside that.
const FOLDER: &str = "KELLION_TEST_FOLDER";

/// A port that somebody listens on.
const PORT: &str = "KELLION_TEST_PORT";

/// Before each line that tells something.
const MARK: &str = "jail: ";

#[expect(unsafe_code, reason = "these calls have no other name here")]
fn call(number: libc::c_long, arguments: [libc::c_long; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: the calls that are tried here read no memory when they are given null, and change nothing where they succeed
    // but that this process has another child, descriptor, namespace or group.
    match unsafe { libc::syscall(number, a, b, c, d) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn fork() -> io::Result<()> {
    // SAFETY: the child ends at once, without a look at what this process had.
    #[expect(
        unsafe_code,
        reason = "the standard library forks only to run something"
    )]
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => libc::_exit(0),
            _ => Ok(()),
        }
    }
}

fn signal_parent() -> io::Result<()> {
    let parent = getppid().ok_or(io::ErrorKind::NotFound)?;
    test_kill_process(parent).map_err(io::Error::from)
}

fn deeds(folder: &Path, port: u16) -> Vec<(&'static str, io::Result<()>)> {
    let zero = [0; 4];
    let flags = libc::c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD);
    let raw = [libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP, 0].map(libc::c_long::from);
    let packet = [libc::AF_PACKET, libc::SOCK_DGRAM, 0, 0].map(libc::c_long::from);
    let room = folder.join("room");
    vec![
        ("read the system", File::open("/etc/shadow").map(drop)),
        ("read users", File::open("/etc/passwd").map(drop)),
        ("read secrets", File::open(folder.join("secret")).map(drop)),
        ("list secrets", fs::read_dir(folder).map(drop)),
        ("write secrets", fs::write(folder.join("mine"), "x")),
        ("remove secrets", fs::remove_file(folder.join("secret"))),
        ("read the room", File::open(room.join("own")).map(drop)),
        ("write the room", fs::write(room.join("mine"), "x")),
        ("connect", TcpStream::connect(("127.0.0.1", port)).map(drop)),
        ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("send", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("pair", UnixStream::pair().map(drop)),
        (
            "run a program",
            Command::new("/bin/true").status().map(drop),
        ),
        ("fork", fork()),
        ("signal others", signal_parent()),
        ("raw socket", call(libc::SYS_socket, raw)),
        ("packet socket", call(libc::SYS_socket, packet)),
        ("ptrace", call(libc::SYS_ptrace, zero)),
        ("mount", call(libc::SYS_mount, zero)),
        ("bpf", call(libc::SYS_bpf, zero)),
        ("keyctl", call(libc::SYS_keyctl, zero)),
        ("userfaultfd", call(libc::SYS_userfaultfd, zero)),
        ("io_uring", call(libc::SYS_io_uring_setup, zero)),
        ("perf", call(libc::SYS_perf_event_open, zero)),
        ("unshare", call(libc::SYS_unshare, [flags, 0, 0, 0])),
        ("new namespace", call(libc::SYS_clone, [flags, 0, 0, 0])),
        ("setns", call(libc::SYS_setns, zero)),
        ("kexec", call(libc::SYS_kexec_load, zero)),
        ("module", call(libc::SYS_init_module, zero)),
        ("leave the group", call(libc::SYS_setsid, zero)),
    ]
}

/// Not a test of its own: what the tests below run in another process.
#[test]
fn inside() {
    let Ok(kind) = std::env::var(KIND) else {
        return;
    };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let port = std::env::var(PORT).unwrap().parse().unwrap();
    let room = Places {
        own: vec![folder.join("room")],
        ..Places::default()
    };
    match kind.as_str() {
        "alone" => alone(1 << 20).unwrap(),
        "build" => {
            let run = ["/bin", "/usr", "/lib", "/lib64", "/etc/ld.so.cache"];
            build(&Places {
                run: run.map(PathBuf::from).into(),
                write: vec!["/dev/null".into()],
                ..room
            })
            .unwrap();
        }
        "serve" => {
            let state = serve(Mode::Try, &room).unwrap();
            assert!(state.seccomp);
        }
        _ => {}
    }
    for (deed, outcome) in deeds(&folder, port) {
        let outcome = match outcome {
            Ok(()) => "done".to_owned(),
            Err(error) => match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => "refused".to_owned(),
                _ => error.to_string(),
            },
        };
        // A line of its own, whatever the harness has said on this one.
        println!("\n{MARK}{deed}: {outcome}");
    }
}

/// What can be done in a jail.
fn told(kind: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("room")).unwrap();
    for file in ["secret", "room/own"] {
        fs::write(folder.path().join(file), "x").unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "jail::tests::inside", "--nocapture"])
        .env(KIND, kind)
        .env(FOLDER, folder.path())
        .env(PORT, port.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = said.lines().filter_map(|line| line.strip_prefix(MARK));
    let told: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(deed, outcome)| (deed.to_owned(), outcome.to_owned()))
        .collect();
    assert!(
        told.len() == deeds(folder.path(), port).len(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told
}

/// In this jail all is refused but these.
#[track_caller]
fn only(kind: &str, allowed: &[&str]) {
    for (deed, outcome) in told(kind) {
        if allowed.contains(&deed.as_str()) {
            assert_eq!(outcome, "done", "{kind}: {deed}");
        } else {
            assert_eq!(outcome, "refused", "{kind}: {deed}");
        }
    }
}

#[test]
fn t1_who_computes_does_nothing_else() {
    only("alone", &[]);
}

#[test]
fn t1_who_builds_reaches_its_own_places_and_the_network() {
    only(
        "build",
        &[
            "read the room",
            "write the room",
            "connect",
            "listen",
            "send",
            "pair",
            "run a program",
            "fork",
        ],
    );
}

#[test]
fn t1_who_serves_runs_nothing_and_reads_its_own_places_only() {
    only(
        "serve",
        &[
            "read the room",
            "write the room",
            "connect",
            "listen",
            "send",
            "pair",
            "fork",
            "leave the group",
        ],
    );
}

#[test]
fn without_a_jail_most_of_that_is_possible() {
    let told = told("none");
    for deed in [
        "read users",
        "read secrets",
        "write secrets",
        "connect",
        "run a program",
        "fork",
        "pair",
    ] {
        assert_eq!(told[deed], "done", "{deed}");
    }
}
