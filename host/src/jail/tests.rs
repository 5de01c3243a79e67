//! Each jail, from inside: this same test program goes in, and tells what it can still do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getppid, test_kill_process};

use super::{Mode, Places, alone, build, cut_off, serve};

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
    // SAFETY: the calls that are tried here read no memory when they are given zeros, and change nothing where they succeed
    // but that this process has another descriptor, namespace or group.
    match unsafe { libc::syscall(number, a, b, c, d) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Makes a child, in namespaces of its own if flags say so.
fn fork(flags: libc::c_int) -> io::Result<()> {
    let flags = libc::c_long::from(flags | libc::SIGCHLD);
    #[expect(
        unsafe_code,
        reason = "the standard library forks only to run something"
    )]
    // SAFETY: as `fork` does it; the child ends at once, without a look at what this process had.
    unsafe {
        match libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) {
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

type Deed<'a> = Box<dyn Fn() -> io::Result<()> + 'a>;

/// What anybody can do.
fn deeds<'a>(folder: &'a Path, port: u16) -> Vec<(&'static str, Deed<'a>)> {
    let room = folder.join("room");
    let (own, mine) = (room.join("own"), room.join("mine"));
    vec![
        (
            "read users",
            Box::new(|| File::open("/etc/passwd").map(drop)),
        ),
        (
            "read secrets",
            Box::new(move || File::open(folder.join("secret")).map(drop)),
        ),
        (
            "list secrets",
            Box::new(move || fs::read_dir(folder).map(drop)),
        ),
        (
            "write secrets",
            Box::new(move || fs::write(folder.join("mine"), "x")),
        ),
        (
            "remove secrets",
            Box::new(move || fs::remove_file(folder.join("secret"))),
        ),
        (
            "read the room",
            Box::new(move || File::open(&own).map(drop)),
        ),
        ("write the room", Box::new(move || fs::write(&mine, "x"))),
        (
            "connect",
            Box::new(move || TcpStream::connect(("127.0.0.1", port)).map(drop)),
        ),
        (
            "listen",
            Box::new(|| TcpListener::bind("127.0.0.1:0").map(drop)),
        ),
        (
            "send",
            Box::new(|| UdpSocket::bind("127.0.0.1:0").map(drop)),
        ),
        ("pair", Box::new(|| UnixStream::pair().map(drop))),
        (
            "run a program",
            Box::new(|| Command::new("/bin/true").status().map(drop)),
        ),
        ("fork", Box::new(|| fork(0))),
        ("signal others", Box::new(signal_parent)),
        (
            "leave the group",
            Box::new(|| call(libc::SYS_setsid, [0; 4])),
        ),
    ]
}

/// What nobody has to do.
fn misdeeds() -> Vec<(&'static str, Deed<'static>)> {
    let raw = [libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP, 0].map(libc::c_long::from);
    let packet = [libc::AF_PACKET, libc::SOCK_DGRAM, 0, 0].map(libc::c_long::from);
    let user = [libc::c_long::from(libc::CLONE_NEWUSER), 0, 0, 0];
    let calls = [
        ("raw socket", libc::SYS_socket, raw),
        ("packet socket", libc::SYS_socket, packet),
        ("ptrace", libc::SYS_ptrace, [0; 4]),
        ("mount", libc::SYS_mount, [0; 4]),
        ("bpf", libc::SYS_bpf, [0; 4]),
        ("keyctl", libc::SYS_keyctl, [0; 4]),
        ("userfaultfd", libc::SYS_userfaultfd, [0; 4]),
        ("io_uring", libc::SYS_io_uring_setup, [0; 4]),
        ("perf", libc::SYS_perf_event_open, [0; 4]),
        ("unshare", libc::SYS_unshare, user),
        ("setns", libc::SYS_setns, [0; 4]),
        ("kexec", libc::SYS_kexec_load, [0; 4]),
        ("module", libc::SYS_init_module, [0; 4]),
    ];
    let mut misdeeds: Vec<(_, Deed<'static>)> =
        vec![("new namespace", Box::new(|| fork(libc::CLONE_NEWUSER)))];
    for (name, number, arguments) in calls {
        misdeeds.push((name, Box::new(move || call(number, arguments))));
    }
    misdeeds
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
        "build" | "cut off" => {
            let run = ["/bin", "/usr", "/lib", "/lib64", "/etc/ld.so.cache"];
            let places = Places {
                run: run.map(PathBuf::from).into(),
                write: vec!["/dev/null".into()],
                ..room
            };
            build(&places).unwrap();
            if kind == "cut off" {
                cut_off(&places).unwrap();
            }
        }
        "serve" => {
            let state = serve(Mode::Try, &room).unwrap();
            assert!(state.seccomp);
        }
        _ => {}
    }
    let mut all = deeds(&folder, port);
    if kind != "none" {
        all.extend(misdeeds());
    }
    for (deed, attempt) in all {
        let outcome = match attempt() {
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
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::create_dir(folder.path().join("room")).expect("the folder is writable");
    for file in ["secret", "room/own"] {
        fs::write(folder.path().join(file), "x").expect("the folder is writable");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it listens").port();
    let output = Command::new(std::env::current_exe().expect("this is a program"))
        .args(["--exact", "jail::tests::inside", "--nocapture"])
        .env(KIND, kind)
        .env(FOLDER, folder.path())
        .env(PORT, port.to_string())
        .output()
        .expect("this program can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = said.lines().filter_map(|line| line.strip_prefix(MARK));
    let told: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(deed, outcome)| (deed.to_owned(), outcome.to_owned()))
        .collect();
    let mut expected = deeds(folder.path(), port).len();
    if kind != "none" {
        expected += misdeeds().len();
    }
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told.len(), expected, "{said}{error}");
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
fn t1_who_builds_of_what_a_stranger_sent_reaches_nobody() {
    only(
        "cut off",
        &[
            "read the room",
            "write the room",
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
