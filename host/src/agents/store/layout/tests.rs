//! Databases of older programs.

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::super::super::{Error, Resource, Tags};
use super::super::{Store, Stored};
use crate::ids::AgentKey;

/// What the program of layout 1 wrote: an agent with tags, two versions and an endpoint, and one without tags that failed.
const LAYOUT_1: &str = include_str!("../../../../../tests/golden/agents-1.sql");

/// A database made of these statements, in a folder of its own.
fn database(sql: &str) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kellion.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    (folder, path)
}

fn named<'a>(stored: &'a [Stored], name: &str) -> &'a Stored {
    let mut named = stored
        .iter()
        .filter(|stored| stored.agent.name.as_str() == name);
    named.next().unwrap()
}

fn tags(tags: &[(&str, &str)]) -> Tags {
    tags.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_database_of_layout_1_goes_on_with_its_agents_and_their_tags() {
    let (_folder, path) = database(LAYOUT_1);
    // The second time it is of this layout already.
    for _ in 0..2 {
        let store = Store::open(&path).unwrap();
        let stored = store.load().unwrap();
        assert_eq!(stored.len(), 2);
        let (probe, plain) = (named(&stored, "probe"), named(&stored, "plain"));
        let agent = |stored: &Stored| Resource::Agent(stored.key.clone());
        assert_eq!(
            store.tags(&agent(probe)).unwrap(),
            tags(&[("stage", "it's \"one\""), ("team", "tests")]),
            "those that it was created with"
        );
        assert_eq!(store.tags(&agent(plain)).unwrap(), Tags::new());
        let kept = Vec::from_iter(
            probe
                .versions
                .iter()
                .map(|version| json!(version.configuration.kept)),
        );
        let network = json!({ "networkMode": "PUBLIC" });
        assert_eq!(
            kept,
            [
                json!({ "networkConfiguration": network, "platformVersion": "V2" }),
                json!({ "networkConfiguration": network }),
            ]
        );
        let endpoints = probe.endpoints.iter().map(|endpoint| {
            let live = endpoint.live.map(|version| version.number());
            (endpoint.name.as_str(), live)
        });
        assert_eq!(
            Vec::from_iter(endpoints),
            [("DEFAULT", Some(2)), ("live", Some(1))]
        );
        assert!(plain.versions[0].failure().is_some());
    }
}

#[test]
fn what_hangs_on_an_agent_of_layout_1_goes_with_it() {
    let (_folder, path) = database(LAYOUT_1);
    let store = Store::open(&path).unwrap();
    let key: AgentKey = named(&store.load().unwrap(), "probe").key.clone();
    store.write(|write| write.delete_agent(&key)).unwrap();
    assert_eq!(store.load().unwrap().len(), 1);
    assert_eq!(store.tags(&Resource::Agent(key)).unwrap(), Tags::new());
}

#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let in_the_way = format!("{LAYOUT_1} CREATE TABLE secrets (own TEXT);");
    let (_folder, path) = database(&in_the_way);
    assert!(matches!(Store::open(&path), Err(Error::Database(_))));
    let connection = Connection::open(&path).unwrap();
    let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("PRAGMA user_version"), 1);
    assert_eq!(
        count("SELECT count(*) FROM sqlite_schema WHERE name = 'tags'"),
        0
    );
    connection.execute_batch("DROP TABLE secrets").unwrap();
    assert_eq!(Store::open(&path).unwrap().load().unwrap().len(), 2);
}

#[test]
fn a_layout_of_the_future_is_refused() {
    let (_folder, path) = database("PRAGMA user_version = 3;");
    let refused = Store::open(&path).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("database layout 3"), "{refused}");
}

#[test]
fn the_secret_of_a_database_stays() {
    let (_folder, path) = database("");
    let mark = Store::open(&path).unwrap().secret().unwrap().mark(&["a"]);
    let again = Store::open(&path).unwrap().secret().unwrap();
    assert!(again.marked(&["a"], &mark) && !again.marked(&["b"], &mark));
    let (_folder, path) = database("");
    let other = Store::open(&path).unwrap().secret().unwrap();
    assert!(!other.marked(&["a"], &mark));
}
