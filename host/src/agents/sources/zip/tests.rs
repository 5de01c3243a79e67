use std::io::Cursor;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const LIMIT: u64 = 1 << 20;

/// A zip of these entries.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Result<Archive<Cursor<&[u8]>>, String> {
    Archive::open(Cursor::new(bytes), LIMIT)
}

#[track_caller]
fn refused(bytes: &[u8], told: &str) {
    let error = open(bytes).map(drop).unwrap_err();
    assert!(error.contains(told), "{told:?} is not in {error:?}");
}

/// The same bytes with each of these in place of those, as a writer of zips would not write them.
fn forged(bytes: &[u8], this: &[u8], that: &[u8]) -> Vec<u8> {
    assert_eq!(this.len(), that.len());
    let mut forged = bytes.to_vec();
    for at in 0..=forged.len() - this.len() {
        if forged[at..].starts_with(this) {
            forged[at..at + this.len()].copy_from_slice(that);
        }
    }
    forged
}

#[test]
fn the_entry_point_names_a_component_or_a_file_of_sources() {
    let other = [COMPONENT.as_slice(), b"other"].concat();
    let module = b"\0asm\x01\0\0\0";
    let one = zip(&[
        ("a/b.wasm", &COMPONENT),
        ("lib/core.wasm", module),
        ("agent.py", b"x"),
    ]);
    let mut one = open(&one).unwrap();
    assert_eq!(one.choose(None), Ok(Choice::Component(0)));
    assert_eq!(one.choose(Some("main.py")), Ok(Choice::Component(0)));
    assert_eq!(one.choose(Some("./agent.py")), Ok(Choice::Source(2)));

    let several = zip(&[("a.wasm", &COMPONENT), ("b.wasm", &other)]);
    let mut several = open(&several).unwrap();
    assert_eq!(several.choose(Some("b.wasm")), Ok(Choice::Component(1)));
    let error = several.choose(Some("agent.py")).unwrap_err();
    assert!(error.contains("a.wasm, b.wasm"), "{error}");
    let mut copied = Vec::new();
    several.copy(1, &mut copied).unwrap();
    assert_eq!(copied, other);

    let none = zip(&[("core.wasm", module)]);
    let error = open(&none).unwrap().choose(Some("agent.py")).unwrap_err();
    assert!(
        error.contains("neither a component nor the entry point \"agent.py\""),
        "{error}"
    );
}

#[test]
fn a_name_that_leads_out_is_refused() {
    for name in [
        "../x",
        "a/../../x",
        "/etc/x",
        "a//b",
        "./x",
        "a\\b",
        "c:x",
        "a/./b",
    ] {
        let honest = "n".repeat(name.len());
        let bytes = zip(&[(&honest, b"x")]);
        refused(
            &forged(&bytes, honest.as_bytes(), name.as_bytes()),
            "leads out",
        );
    }
    assert!(stays_inside("package/sub/") && stays_inside("..data"));
}

#[test]
fn what_is_no_plain_file_is_refused_by_its_name() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    refused(&writer.finish().unwrap().into_inner(), "\"link\" is a link");

    let plain = zip(&[("secret.txt", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxx")]);
    let central = plain.windows(4).position(|at| at == b"PK\x01\x02").unwrap();
    let mut encrypted = plain.clone();
    (encrypted[6], encrypted[central + 8]) = (1, 1);
    refused(&encrypted, "\"secret.txt\" is encrypted");
    let mut packed = plain;
    (packed[8], packed[central + 10]) = (14, 14);
    refused(&packed, "\"secret.txt\" is compressed by");
}

#[test]
fn the_sizes_are_bounded_before_and_while_unpacking() {
    let zeros = vec![0; (LIMIT + 1) as usize];
    let bomb = zip(&[("zeros", &zeros)]);
    assert!(bomb.len() < 10_000);
    refused(&bomb, "at most 1 MiB");

    // One that says it is small.
    let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    let liar = forged(&bomb, &size, &10_u32.to_le_bytes());
    let error = open(&liar).unwrap().copy(0, &mut Vec::new()).unwrap_err();
    assert!(error.contains("\"zeros\""), "{error}");
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let few = zip(&[("a", b""), ("b", b"")]);
    let end = few.windows(4).position(|at| at == b"PK\x05\x06").unwrap();
    let mut many = few.clone();
    many[end + 8..end + 12].copy_from_slice(&[0x21, 0x4e, 0x21, 0x4e]);
    refused(&many, "20000");
    refused(&few[..few.len() - 30], "cannot be read");
    refused(b"PK\x03\x04", "cannot be read");
    refused(b"", "cannot be read");
}

#[test]
fn an_unpacked_zip_is_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_directory("empty", SimpleFileOptions::default())
        .unwrap();
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("a/b/c.txt", stored).unwrap();
    writer.write_all(b"text").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    open(&bytes).unwrap().unpack(folder.path()).unwrap();
    assert_eq!(
        std::fs::read(folder.path().join("a/b/c.txt")).unwrap(),
        b"text"
    );

    let clash = zip(&[("a", b"x"), ("a/b", b"y")]);
    let folder = tempfile::tempdir().unwrap();
    let error = open(&clash).unwrap().unpack(folder.path()).unwrap_err();
    assert!(error.contains("cannot be unpacked"), "{error}");
}
