use std::fs;

use super::{Pin, Wanted};

fn read(text: &str, imports: &[&str]) -> Wanted {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requirements.txt");
    fs::write(&file, text).expect("a file");
    fs::write(folder.path().join("more.txt"), "httpx==0.28.1\n").expect("a file");
    let imports: Vec<String> = imports.iter().map(|name| (*name).to_owned()).collect();
    let pins = [Pin {
        name: "boto3".to_owned(),
        version: "1.44.5+kellion".to_owned(),
    }];
    Wanted::read(Some(&file), &imports, &pins).expect("requirements")
}

#[test]
fn what_an_author_asks_for_stays() {
    let wanted = read("strands-agents==1.60.0  # the one we know\nrich\n", &[]);
    assert_eq!(
        wanted.lines,
        [
            "strands-agents==1.60.0",
            "rich",
            "bedrock-agentcore",
            "tzdata"
        ]
    );
}

#[test]
fn a_package_that_has_one_version_loses_the_author_s() {
    let wanted = read("boto3==1.34.0\npydantic>=2,<3\n", &[]);
    assert_eq!(
        wanted.lines,
        ["boto3", "pydantic", "bedrock-agentcore", "tzdata"]
    );
    let [warning] = &wanted.warnings[..] else {
        panic!("one warning: {:?}", wanted.warnings);
    };
    assert!(warning.contains("boto3==1.34.0"), "{warning}");
    assert!(warning.contains("1.44.5+kellion"), "{warning}");
}

#[test]
fn included_files_are_read() {
    assert!(
        read("-r more.txt\n", &[])
            .lines
            .contains(&"httpx==0.28.1".to_owned())
    );
}

#[test]
fn imports_that_nobody_has_asked_for_are_added_once() {
    let wanted = read("bedrock_agentcore\n", &["strands", "strands_tools", "json"]);
    assert_eq!(
        wanted.lines,
        [
            "bedrock_agentcore",
            "tzdata",
            "strands-agents",
            "strands-agents-tools"
        ]
    );
}

#[test]
fn tried_versions_give_way_to_the_author_s() {
    let wanted = read("strands-agents==1.60.0\nrich\n", &[]);
    assert_eq!(
        wanted.without_named("# tried\nrich==15.0.0\nstrands-agents==1.62.0"),
        "# tried\nrich==15.0.0"
    );
}

#[test]
fn what_deploys_agents_elsewhere_is_left_out() {
    let wanted = read(
        "uv\naws-opentelemetry-distro>=0.10.1\nbedrock-agentcore-starter-toolkit\nuvicorn[standard]>=0.30\nstrands-agents[otel]\n",
        &[],
    );
    assert_eq!(
        wanted.lines,
        [
            "uvicorn>=0.30",
            "strands-agents[otel]",
            "bedrock-agentcore",
            "tzdata"
        ]
    );
}

#[test]
fn what_is_native_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requirements.txt");
    for (line, words) in [
        (
            "langgraph>=1.0",
            "needs langgraph, which needs native packages (ormsgpack",
        ),
        (
            "strands-agents[otel, openai]",
            "needs openai, which needs native packages (jiter)",
        ),
        ("numpy", "needs numpy, which is native code"),
    ] {
        fs::write(&file, line).expect("a file");
        let error = Wanted::read(Some(&file), &[], &[]).expect_err(line);
        assert!(error.to_string().contains(words), "{error}");
    }
}
