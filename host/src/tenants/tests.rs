//! The room's own tests: keys and tenants as operators make them and servers see them.

use super::*;
use crate::clock::ManualClock;

fn open(folder: &Path, clock: &Arc<ManualClock>) -> Tenants {
    Tenants::open(folder, None, Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

#[test]
fn a_server_sees_what_another_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
    let server = open(folder.path(), &clock);
    assert!(!server.keyed());
    assert!(server.policy(&TenantId::local()).is_some());

    let operator = open(folder.path(), &clock);
    let tenant = operator.create(None, "one", Policy::default()).unwrap();
    let made = operator
        .create_key(&tenant.id, user("ada"), Permissions::ALL)
        .unwrap();
    clock.advance(REFRESH);
    assert!(server.keyed());
    assert!(server.policy(&TenantId::local()).is_none());
    let opened = server.key(&made.key.id).unwrap().expect("it is good");
    assert_eq!(opened.secret, made.secret.as_bytes());
    assert_eq!(opened.principal.tenant, tenant.id);
    assert_eq!(opened.principal.caller, Caller::User(user("ada")));

    operator.suspend(&tenant.id, true).unwrap();
    clock.advance(REFRESH);
    assert!(server.key(&made.key.id).unwrap().is_none());
    assert!(server.policy(&tenant.id).is_none());
    operator.suspend(&tenant.id, false).unwrap();
    clock.advance(REFRESH);
    assert!(server.key(&made.key.id).unwrap().is_some());

    operator.revoke(&made.key.id).unwrap();
    clock.advance(REFRESH);
    assert!(server.key(&made.key.id).unwrap().is_none());
    assert!(server.keyed(), "a revoked key opens no door to everybody");
}

#[test]
fn secrets_lie_sealed_and_open_with_their_own_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
    let tenants = open(folder.path(), &clock);
    let tenant = tenants.create(None, "one", Policy::default()).unwrap();
    let made = tenants
        .create_key(&tenant.id, user("ada"), Permissions::ALL)
        .unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let secret = made.secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let other: AccessKeyId = "AKKLAAAAAAAAAAAAAAAA".parse().unwrap();
    let sealed = tenants.0.seal.seal(&made.key.id, "s").unwrap();
    assert_eq!(tenants.0.seal.unseal(&made.key.id, &sealed).unwrap(), b"s");
    assert!(tenants.0.seal.unseal(&other, &sealed).is_err());
    assert!(tenants.0.seal.unseal(&made.key.id, &sealed[..20]).is_err());

    drop(tenants);
    std::fs::write(folder.path().join("master.key"), [7; 32]).unwrap();
    let error = open(folder.path(), &clock).key(&made.key.id).err().unwrap();
    assert!(matches!(error, Error::Unsealed), "{error}");
    std::fs::write(folder.path().join("master.key"), [7; 33]).unwrap();
    let error = Tenants::open(folder.path(), None, clock).err().unwrap();
    assert!(matches!(error, Error::MasterKey), "{error}");
}

#[test]
fn the_key_of_programs_is_that_of_the_master_key_and_tells_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
    let key = open(folder.path(), &clock).program_key();
    assert_eq!(open(folder.path(), &clock).program_key(), key);
    let master = std::fs::read(folder.path().join("master.key")).unwrap();
    assert_ne!(key.as_slice(), master);
    std::fs::write(folder.path().join("master.key"), [7; 32]).unwrap();
    assert_ne!(open(folder.path(), &clock).program_key(), key);
}

#[test]
fn names_and_numbers_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let tenants = open(
        folder.path(),
        &Arc::new(ManualClock::new(Timestamp::from_millis(1_000))),
    );
    for name in ["", "a\nb", &"a".repeat(129)] {
        assert!(tenants.create(None, name, Policy::default()).is_err());
    }
    let id: TenantId = "123456789012".parse().unwrap();
    tenants
        .create(Some(id.clone()), "one", Policy::default())
        .unwrap();
    let again = tenants.create(Some(id.clone()), "two", Policy::default());
    assert!(matches!(again, Err(Error::Exists(_))));
    let nobody: TenantId = "999999999999".parse().unwrap();
    let key = tenants.create_key(&nobody, user("ada"), Permissions::ALL);
    assert!(matches!(key.err(), Some(Error::NoTenant(_))));
    let unknown = "AKKLAAAAAAAAAAAAAAAA".parse().unwrap();
    assert!(matches!(tenants.revoke(&unknown), Err(Error::NoKey(_))));
}

#[test]
fn the_data_directory_and_the_master_key_are_the_servers_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    open(
        &data,
        &Arc::new(ManualClock::new(Timestamp::from_millis(1_000))),
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("master.key")), 0o600);
}
