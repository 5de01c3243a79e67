use wasmparser::{Parser, Payload, Validator};

use super::*;

#[test]
fn a_manifest_is_a_section_of_the_component_itself() {
    let component = wat::parse_str("(component (core module))").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &component).unwrap();
    add(file.path(), "memory_mib = 64\n").unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    assert!(bytes.starts_with(&component));
    Validator::new().validate_all(&bytes).unwrap();
    let sections: Vec<(&str, &[u8])> = Parser::new(0)
        .parse_all(&bytes)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) => Some((section.name(), section.data())),
            _ => None,
        })
        .collect();
    assert_eq!(sections, [(SECTION, b"memory_mib = 64\n".as_slice())]);
}
