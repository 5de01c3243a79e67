//! What installs the server, held against what it must keep the server from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What of the system the service must not have, use or be: each directive of the unit with its value.
const HARDENING: &[(&str, &str)] = &[
    ("DynamicUser", "yes"),
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("StateDirectory", "kellion"),
    ("StateDirectoryMode", "0700"),
    ("UMask", "0077"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateUsers", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectProc", "invisible"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ("LockPersonality", "yes"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallArchitectures", "native"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("LimitCORE", "0"),
    ("LimitNOFILE", "65536"),
    ("MemoryMax", "90%"),
    ("MemorySwapMax", "0"),
    ("TasksMax", "4096"),
    ("OOMPolicy", "continue"),
    ("IPAddressDeny", "169.254.169.254 fd00:ec2::254"),
];

/// What no image may be run without, as its file says to whoever runs it.
const RUN_WITH: &[&str] = &[
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--tmpfs /tmp",
    "--pids-limit=",
    "--memory=",
    "--ulimit core=0",
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// The directives of the unit's section `[Service]`, each with all its values.
fn service() -> BTreeMap<String, Vec<String>> {
    let mut directives: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = "";
    let text = text("kellion.service");
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[Service]"
            && !line.starts_with('#')
            && let Some((name, value)) = line.split_once('=')
        {
            let values = directives.entry(name.to_owned()).or_default();
            values.push(value.to_owned());
        }
    }
    directives
}

#[test]
fn the_unit_keeps_the_service_from_everything_that_it_does_not_need() {
    let service = service();
    for (name, value) in HARDENING {
        let values = service.get(*name).map_or(&[][..], Vec::as_slice);
        assert!(
            values.iter().any(|found| found == value),
            "{name} is {values:?} and not {value:?}"
        );
        let is_list = *name == "SystemCallFilter";
        assert!(is_list || values.len() == 1, "{name} is {values:?}");
    }
    let more = &service["SystemCallFilter"][1..];
    assert!(
        more.iter().all(|filter| filter.starts_with('~')),
        "further filters only take away: {more:?}"
    );
    assert!(
        !service.contains_key("MemoryDenyWriteExecute"),
        "compiled agents are machine code that is mapped to be run"
    );
    let start = &service["ExecStart"][0];
    assert!(
        start.starts_with("/usr/local/bin/kellion serve ") && start.contains("/var/lib/kellion"),
        "{start}"
    );
}

#[test]
fn systemd_finds_the_unit_well_confined() {
    let analyze = Path::new("/usr/bin/systemd-analyze");
    if !analyze.exists() {
        return;
    }
    let said = Command::new(analyze)
        .args(["security", "--no-pager", "--offline=true", "--threshold=20"])
        .arg(file("kellion.service"))
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "more than 2.0 of 10 is exposed:\n{}\n{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

/// The instructions of the last stage, which alone is what runs.
fn image() -> Vec<(String, String)> {
    let text = text("Containerfile");
    let last = text.rfind("\nFROM ").unwrap();
    let lines = text[last..].lines().filter(|line| !line.is_empty());
    let split = |line: &str| {
        let (instruction, rest) = line.split_once(' ').unwrap();
        (instruction.to_owned(), rest.to_owned())
    };
    lines.map(split).collect()
}

#[test]
fn the_image_holds_the_server_alone_and_runs_it_without_rights() {
    let image = image();
    let all = |name: &str| -> Vec<&str> {
        let of = image.iter().filter(|(instruction, _)| instruction == name);
        of.map(|(_, rest)| rest.as_str()).collect()
    };
    assert_eq!(
        all("FROM"),
        ["gcr.io/distroless/cc-debian12:nonroot"],
        "there is no shell and no package manager"
    );
    assert_eq!(all("USER"), ["65532:65532"]);
    assert_eq!(all("STOPSIGNAL"), ["SIGTERM"]);
    assert_eq!(all("RUN"), [""; 0], "there is nothing that could run it");
    assert_eq!(all("ENV"), [""; 0]);
    assert_eq!(all("ENTRYPOINT"), [r#"["/usr/local/bin/kellion"]"#]);
    assert_eq!(all("VOLUME"), [r#"["/data"]"#]);
    let copied = all("COPY");
    assert_eq!(
        copied.len(),
        2,
        "the server, and a folder for its data: {copied:?}"
    );
    assert!(
        copied
            .iter()
            .all(|copied| copied.starts_with("--from=build ")),
        "nothing of the machine that builds: {copied:?}"
    );
}

#[test]
fn whoever_runs_the_image_is_told_to_confine_it() {
    let text = text("Containerfile");
    let told: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .collect();
    for option in RUN_WITH {
        assert!(
            told.iter().any(|line| line.contains(option)),
            "{option} is not in {told:?}"
        );
    }
    for socket in ["docker.sock", "podman.sock", "--privileged"] {
        assert!(!text.contains(socket), "{socket}");
    }
}

#[test]
fn what_builds_the_image_is_what_builds_the_server() {
    let toolchain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-toolchain.toml");
    let toolchain = std::fs::read_to_string(toolchain).unwrap();
    let text = text("Containerfile");
    let build = text.lines().find(|line| line.starts_with("FROM ")).unwrap();
    let version = build.split(['/', ':', '-']).nth(3).unwrap();
    assert!(
        toolchain.contains(&format!("channel = \"{version}")),
        "{build}: the toolchain is {toolchain}"
    );
    assert!(text.contains("cargo build --release --locked"), "{text}");
}
