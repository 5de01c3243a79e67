//! Pages of lists: they cover what stays once, whatever goes meanwhile, and their tokens open no other list.

use serde_json::{Value, json};

use crate::harness::{Agent, Host};

/// One page of a list: the member that names its items, and the token of the next page.
async fn page(host: &Host, path: &str, token: Option<&str>) -> (Vec<String>, Option<String>) {
    let token = token.map_or_else(String::new, |token| format!("&nextToken={token}"));
    let page = host.post(&format!("{path}?maxResults=2{token}")).await;
    let page = page.json_of(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = match page.get("runtimeEndpoints") {
        Some(endpoints) => (endpoints, "name"),
        None if path.ends_with("versions/") => (&page["agentRuntimes"], "agentRuntimeVersion"),
        None => (&page["agentRuntimes"], "agentRuntimeId"),
    };
    let items = names.0.as_array().unwrap().iter();
    let items = items.map(|item| text(&item[names.1])).collect();
    (items, page.get("nextToken").map(text))
}

/// The pages from this token on.
async fn rest(host: &Host, path: &str, mut token: Option<String>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(from) = token {
        let (items, next) = page(host, path, Some(&from)).await;
        all.extend(items);
        token = next;
    }
    all
}

/// An agent with versions 1 to 5 and endpoints a to d.
async fn agent(host: &Host, name: &str) -> Agent {
    let agent = host.create(name).await;
    agent.built().await;
    for _ in 2..=5 {
        agent.update(name, json!({})).await;
    }
    for endpoint in ["a", "b", "c", "d"] {
        let input = json!({ "name": endpoint, "agentRuntimeVersion": "5" });
        host.put(&agent.path("runtime-endpoints/"), &input)
            .await
            .json_of(202);
    }
    agent
}

#[tokio::test]
async fn a_page_goes_on_behind_the_last_item_even_when_it_is_gone() {
    let host = Host::start();
    let agent = agent(&host, "many").await;

    let versions = agent.path("versions/");
    let (items, token) = page(&host, &versions, None).await;
    assert_eq!(items, ["5", "4"]);
    host.delete(&agent.path("?version=4")).await.json_of(202);
    assert_eq!(rest(&host, &versions, token).await, ["3", "2", "1"]);

    let endpoints = agent.path("runtime-endpoints/");
    let (items, token) = page(&host, &endpoints, None).await;
    assert_eq!(items, ["DEFAULT", "a"]);
    for gone in ["a", "c"] {
        let path = agent.path(&format!("runtime-endpoints/{gone}/"));
        host.delete(&path).await.json_of(202);
    }
    assert_eq!(rest(&host, &endpoints, token).await, ["b", "d"]);

    let mut made = vec![agent.id];
    for name in ["n1", "n2", "n3"] {
        made.push(host.create(name).await.id);
    }
    let (items, token) = page(&host, "/runtimes/", None).await;
    assert_eq!(items, made[..2]);
    host.delete(&format!("/runtimes/{}/", made[1]))
        .await
        .json_of(202);
    assert_eq!(rest(&host, "/runtimes/", token).await, made[2..]);
}

#[tokio::test]
async fn ten_versions_are_in_the_order_of_their_numbers() {
    let host = Host::start();
    let agent = host.create("many").await;
    agent.built().await;
    for _ in 2..=11 {
        agent.update("many", json!({})).await;
    }
    let versions = agent.path("versions/");
    let (mut all, token) = page(&host, &versions, None).await;
    all.extend(rest(&host, &versions, token).await);
    let expected = (1..=11).rev().map(|number| number.to_string());
    assert_eq!(all, Vec::from_iter(expected));
}

#[tokio::test]
async fn a_token_opens_the_list_that_gave_it_and_no_other() {
    let mut host = Host::builder().alone().start();
    let (first, second) = (agent(&host, "first").await, agent(&host, "second").await);
    host.create("third").await;
    let lists = [
        "/runtimes/".to_owned(),
        first.path("versions/"),
        second.path("versions/"),
        first.path("runtime-endpoints/"),
        second.path("runtime-endpoints/"),
    ];
    let mut tokens = Vec::new();
    for list in &lists {
        tokens.push(page(&host, list, None).await.1.unwrap());
    }
    let refused = async |host: &Host, list: &str, token: &str| {
        let refused = host.post(&format!("{list}?nextToken={token}")).await;
        refused.assert_invalid("nextToken", "not one that this list gave");
    };
    for (own, list) in lists.iter().enumerate() {
        for (other, token) in tokens.iter().enumerate() {
            if own != other {
                refused(&host, list, token).await;
            }
        }
        // One that somebody changed, or made up.
        let token = &tokens[own];
        let middle = token.len() - 4;
        let swapped = if token[middle..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let changed = format!("{}{swapped}{}", &token[..middle], &token[middle + 1..]);
        refused(&host, list, &changed).await;
        refused(&host, list, "eA").await;
    }
    host.restart();
    for (list, token) in lists.iter().zip(&tokens) {
        let (items, _) = page(&host, list, Some(token)).await;
        assert!(!items.is_empty(), "{list}: tokens survive a restart");
    }
}
