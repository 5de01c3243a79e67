use super::name;

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
