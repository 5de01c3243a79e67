use super::{missing, name};

#[test]
fn a_line_names_its_package_as_the_index_spells_it() {
    let lines = [
        ("Jinja2==3.1 # templates", Some("jinja2")),
        ("strands_agents[otel]>=1.0", Some("strands-agents")),
        ("  ruamel.yaml ; python_version > '3'", Some("ruamel-yaml")),
        ("-r other.txt", None),
        ("# nothing", None),
        ("", None),
    ];
    for (line, named) in lines {
        assert_eq!(name(line).as_deref(), named, "{line}");
    }
}

#[test]
fn what_pip_cannot_find_is_read_from_its_words() {
    let direct = "ERROR: Could not find a version that satisfies the requirement numpy>=2 (from versions: none)\n\
                  ERROR: No matching distribution found for numpy>=2";
    assert_eq!(missing(direct), ["numpy>=2"]);

    let listed = "The conflict is caused by:\n    jinja2 3.1 depends on MarkupSafe>=2.0\n\n\
                  Additionally, some packages in these conflicts have no matching distributions available for your \
                  environment:\n    markupsafe\n\nTo fix this you could try to:\n";
    assert_eq!(missing(listed), ["markupsafe"]);

    assert!(missing("ERROR: Could not open requirements file").is_empty());
}
