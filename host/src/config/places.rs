//! Where everything is that processes in jail may open: named by the configuration and the environment, or by custom.

use std::path::{Path, PathBuf};

use super::{Config, artifact_access, default_tools};
use crate::jail::Places;

/// What every program opens that finds hosts, certificates, the time, and its own libraries.
const SYSTEM: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo",
    // Where the system's resolver is told what to ask.
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    // A process's own folder in it is another one whenever the system likes. What is secret of others stays closed.
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
];

/// Where the system's programs are.
const PROGRAMS: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
];

/// What is written by everybody and kept by nobody.
const SINKS: &[&str] = &["/dev/null", "/dev/zero", "/dev/full"];

/// What toolchains are called.
const TOOLS: [&str; 8] = [
    "python3", "node", "npm", "cargo", "rustc", "rustup", "uv", "cc",
];

/// Files of the home folder by which package managers are told where packages come from.
const PACKAGES: [&str; 5] = [".npmrc", ".pip", ".config/pip", ".netrc", ".pyenv/version"];

/// Names a file that may be replaced by another one of its name.
const AWS_FILES: [&str; 7] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

const BUILD_FILES: [&str; 5] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "PIP_FIND_LINKS",
];

/// What a server opens while it serves. Whatever of it has to be there already must be made before.
///
/// A file whose path is among these and that is replaced by another one is closed to the server until it starts again; that
/// is so of `/etc/resolv.conf` where it is no link. Of certificates, tokens and credentials it has the folders.
pub fn of_server(config: &Config, executable: &Path) -> Places {
    let mut places = Places {
        read: SYSTEM.iter().map(PathBuf::from).collect(),
        run: loaded(executable),
        write: SINKS.iter().map(PathBuf::from).collect(),
        own: Vec::new(),
    };
    places.write.push(config.data.clone());
    let around = |file: &Path| around(file, &config.data);
    match &config.master_key {
        Some(key) if key.exists() => places.read.push(key.clone()),
        // It is made at the first start.
        Some(key) => places.write.extend(key.parent().map(PathBuf::from)),
        None => {}
    }
    if let Some(tls) = &config.server.tls {
        places.read.extend(around(&tls.certificate));
        places.read.extend(around(&tls.key));
    }
    places
        .read
        .extend(config.server.operator_token_file.clone());
    let access = artifact_access();
    places
        .read
        .extend(access.docker.iter().flat_map(|file| around(file)));
    for file in AWS_FILES.into_iter().filter_map(set) {
        places.read.extend(around(&file));
    }
    if let Some(aws) = home().map(|home| home.join(".aws")) {
        // Where logins are refreshed.
        places.write.push(aws.join("sso/cache"));
        if [aws.join("config"), aws.join("credentials")]
            .into_iter()
            .chain(set("AWS_CONFIG_FILE"))
            .any(|file| names_a_process(&file))
        {
            // Credentials that a program of the operator's gives: it needs what programs need.
            places.run.extend(PROGRAMS.iter().map(PathBuf::from));
            places.run.extend(search_path());
            places.write.push(aws.join("cli/cache"));
        }
        places.read.push(aws);
    }
    if config.build.python || config.build.node {
        let tools = config.build.tools.clone().or_else(default_tools);
        let builds = of_builds(&config.data, tools.as_deref());
        places.read.extend(builds.read);
        places.run.extend(builds.run);
        places.write.extend(builds.write);
        places.own.extend(builds.own);
        // Toolchains run what they make, and the folder of builds is a new one after each start.
        places.own.push(config.data.clone());
    }
    places
}

/// What a build opens that runs in this folder: the system's programs and their settings, toolchains, where packages come
/// from, and folders of its own.
///
/// As root it reads all settings of the system, also those that are for root alone: a server that builds for strangers runs
/// as a user of its own.
pub fn of_builds(room: &Path, tools: Option<&Path>) -> Places {
    let mut places = Places {
        read: SYSTEM.iter().map(PathBuf::from).collect(),
        run: PROGRAMS.iter().map(PathBuf::from).collect(),
        write: SINKS.iter().map(PathBuf::from).collect(),
        own: vec![room.to_owned()],
    };
    places.read.push("/etc".into());
    places.own.extend(tools.map(PathBuf::from));
    for file in BUILD_FILES.into_iter().filter_map(set) {
        places.read.extend(around(&file, room));
    }
    for folder in search_path() {
        for tool in TOOLS {
            if let Ok(tool) = folder.join(tool).canonicalize() {
                let own = tool.parent().unwrap_or(&tool).to_owned();
                places.run.extend(installation(&own, room));
            }
        }
        places.run.extend(installation(&folder, room));
    }
    let home = home();
    let folder = |name, custom: &str| {
        let customary = || home.as_ref().map(|home| home.join(custom));
        set(name).or_else(customary)
    };
    if let Some(cargo) = folder("CARGO_HOME", ".cargo") {
        places.write.push(cargo.join("registry"));
        places.write.push(cargo.join("git"));
        places.run.push(cargo);
    }
    places.run.extend(folder("RUSTUP_HOME", ".rustup"));
    if let Some(home) = &home {
        places.read.extend(PACKAGES.map(|file| home.join(file)));
    }
    places
}

/// What is left of this when all is fetched, and what a stranger has sent is built: toolchains are used, not changed.
pub fn of_strangers_builds(room: &Path, tools: Option<&Path>) -> Places {
    let mut places = of_builds(room, None);
    places.write = SINKS.iter().map(PathBuf::from).collect();
    places.run.extend(tools.map(PathBuf::from));
    places
}

/// A folder with programs, and what belongs to them: all that is beside it, unless that is somebody's home, or has the room
/// in it.
fn installation(folder: &Path, room: &Path) -> Vec<PathBuf> {
    let is_part = folder
        .file_name()
        .is_some_and(|name| ["bin", "sbin", "shims"].iter().any(|part| name == *part));
    match folder.parent() {
        Some(whole) if is_part && is_narrow(whole, room) => vec![whole.to_owned()],
        Some(whole) if is_part => vec![folder.to_owned(), whole.join("lib"), whole.join("libexec")],
        _ => vec![folder.to_owned()],
    }
}

/// A file that is replaced now and then, and may be a link to another one: the folders of both, unless they are too much.
fn around(file: &Path, data: &Path) -> Vec<PathBuf> {
    let mut places = vec![file.to_owned()];
    let real = file.canonicalize().ok();
    let folders = [Some(file), real.as_deref()].into_iter().flatten();
    let folders = folders.filter_map(Path::parent);
    places.extend(
        folders
            .filter(|folder| is_narrow(folder, data))
            .map(PathBuf::from),
    );
    places
}

/// Whether a folder is not one of those that have everything in them.
fn is_narrow(folder: &Path, inside: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    let inside = inside.canonicalize().unwrap_or_else(|_| inside.to_owned());
    let is_in = |path: &Path| path.starts_with(&folder);
    let is_home = home().is_some_and(|home| is_in(&home.canonicalize().unwrap_or(home)));
    let is_system = ["/etc/passwd", "/tmp/x", "/var/tmp/x", "/run/x"];
    !is_home
        && !is_in(&inside)
        && !is_system
            .iter()
            .any(|path| Path::new(path).parent() == Some(&folder))
        && folder != Path::new("/")
}

/// This program, and what the system has loaded for it.
fn loaded(executable: &Path) -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files: Vec<PathBuf> = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .filter(|file| file.is_file())
        .collect();
    files.push(executable.to_owned());
    files.sort();
    files.dedup();
    files
}

/// Whether a file of AWS's settings has a program give credentials.
fn names_a_process(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .any(|line| line.trim_start().starts_with("credential_process"))
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map_or_else(Vec::new, |path| std::env::split_paths(&path).collect())
}

fn home() -> Option<PathBuf> {
    set("HOME")
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_all_beside_its_programs_unless_that_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let room = root.join("share/kellion/building/x");
        let tools = root.join("python/bin");
        for made in [&room, &tools] {
            std::fs::create_dir_all(made).unwrap();
        }
        assert_eq!(installation(&tools, &room), [root.join("python")]);
        let beside = installation(&root.join("bin"), &room);
        assert!(!beside.contains(&root.to_owned()), "{beside:?}");
        assert!(beside.contains(&root.join("bin")), "{beside:?}");
        assert_eq!(installation(&root.join("odd"), &room), [root.join("odd")]);
    }

    #[test]
    fn a_file_that_is_a_link_counts_with_both_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (live, archive) = (folder.path().join("live"), folder.path().join("archive"));
        std::fs::create_dir(&live).unwrap();
        std::fs::create_dir(&archive).unwrap();
        std::fs::write(archive.join("key1"), "x").unwrap();
        let key = live.join("key");
        std::os::unix::fs::symlink("../archive/key1", &key).unwrap();
        let places = around(&key, &folder.path().join("data"));
        assert_eq!(places, [key, live, archive.canonicalize().unwrap()]);
    }

    #[test]
    fn nobody_is_given_everything() {
        let data = Path::new("/var/lib/kellion");
        for all in ["/", "/etc", "/tmp", "/var", "/var/lib"] {
            let places = around(&Path::new(all).join("file"), data);
            assert!(!places.contains(&PathBuf::from(all)), "{places:?}");
        }
    }
}
