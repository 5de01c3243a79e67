//! Archives: around a component, larger than they look, or with names that lead elsewhere.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{all_refused, case, goes_on, read, stage};
use crate::harness::{ECHO, Host, zip};

/// A tar of one file, as `tar` writes it.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    let size = format!("{:011o}", content.len());
    header[124..135].copy_from_slice(size.as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; content.len().next_multiple_of(512) - content.len() + 1024];
    [&header[..], content, &padding].concat()
}

/// The same without compression, in the form of gzip.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let mut blocks = content.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = block.len() as u16;
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out
}

/// The bytes with each of these names in place of those, as no writer of zips would write them.
fn forged(bytes: Vec<u8>, this: &str, that: &str) -> Vec<u8> {
    assert_eq!(this.len(), that.len());
    let mut bytes = bytes;
    for at in 0..=bytes.len() - this.len() {
        if bytes[at..].starts_with(this.as_bytes()) {
            bytes[at..at + this.len()].copy_from_slice(that.as_bytes());
        }
    }
    bytes
}

/// A zip of so many MiB of zeros.
fn bomb(mib: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("agent.wasm", options)
        .expect("it is in memory");
    zip.write_all(&vec![0; mib << 20]).expect("it is in memory");
    zip.finish().expect("it is in memory").into_inner()
}

/// A zip that says of its only entry that it is small.
fn small_bomb(mib: usize) -> Vec<u8> {
    let mut bytes = bomb(mib);
    let size = ((mib << 20) as u32).to_le_bytes();
    for at in 0..bytes.len() - 4 {
        if bytes[at..].starts_with(&size) {
            bytes[at..at + 4].copy_from_slice(&8_u32.to_le_bytes());
        }
    }
    // A component by its beginning, so that it is unpacked.
    bytes
}

#[tokio::test]
async fn u10_archives_around_a_component() {
    let (host, witness) = stage("").await;
    let echo = read(ECHO);
    let layer = gzip(&tar("agent.wasm", &echo));
    let archive: &[&str] = &["this is an archive, not a component"];
    let cases = vec![
        case("gzip", gzip(&echo), archive),
        case("layer", layer.clone(), archive),
        case(
            "tar",
            tar("agent.wasm", &echo),
            &["does not begin with \\0asm"],
        ),
        case(
            "zip_of_zip",
            zip(&[("agent.zip", &zip(&[("agent.wasm", &echo)]))]),
            &["the zip holds no component"],
        ),
        case(
            "zip_of_layer",
            zip(&[("layer.tar.gz", &layer)]),
            &["the zip holds no component"],
        ),
        case(
            "zip_of_gzip",
            zip(&[("agent.wasm", &gzip(&echo))]),
            &["the zip holds no component"],
        ),
        case(
            "broken",
            zip(&[("agent.wasm", &echo)])[..1_000].to_vec(),
            &["the zip cannot be read"],
        ),
        case("nothing", b"PK\x05\x06".to_vec(), &["the zip"]),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u10_archives_that_are_larger_than_they_look() {
    let (host, witness) = stage("[agents]\nartifact_mib = 1\n").await;
    let bomb = bomb(200);
    assert!(bomb.len() < 1 << 20);
    let echo = read(ECHO);
    let many: Vec<(String, &[u8])> = (0..20_001).map(|n| (n.to_string(), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    let cases = vec![
        case("bomb", bomb, &["209715200 bytes unpacked", "at most 3 MiB"]),
        case("small", small_bomb(200), &["the zip"]),
        case(
            "sum",
            zip(&[
                ("agent.wasm", &echo),
                ("a", &vec![0; 2 << 20]),
                ("b", &vec![0; 2 << 20]),
            ]),
            &["at most 3 MiB"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;

    let (host, witness) = stage("").await;
    all_refused(
        &host,
        vec![case(
            "many",
            zip(&many),
            &["more than the 20000 that are taken"],
        )],
    )
    .await;
    goes_on(&host, witness).await;
}

/// Whether anything is where an archive wanted to write.
fn escaped(host: &Host) -> bool {
    let folder = host.folder();
    let outside = [
        folder.to_owned(),
        folder.join("data"),
        folder.join("data/building"),
    ];
    outside
        .iter()
        .any(|folder| folder.join("evil.wasm").exists())
        || std::path::Path::new("/evil.wasm").exists()
}

#[tokio::test]
async fn u10_names_that_lead_out_of_the_archive() {
    let (host, witness) = stage("").await;
    let echo = read(ECHO);
    let names = [
        "../evil.wasm",
        "a/../../evil.wasm",
        "/evil.wasm",
        "..\\evil.wasm",
        "a//evil.wasm",
        "./evil.wasm",
        "C:evil.wasm",
    ];
    let mut cases = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let honest = "n".repeat(name.len());
        let bytes = forged(
            zip(&[("agent.wasm", &echo), (&honest, &echo)]),
            &honest,
            name,
        );
        cases.push(case(
            &format!("outside{number}"),
            bytes,
            &["has a name that leads out of it"],
        ));
    }
    let two = forged(
        zip(&[("a.wasm", &echo), ("b.wasm", &echo)]),
        "b.wasm",
        "a.wasm",
    );
    cases.push(case("twice", two, &["two entries with one name"]));
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("agent.wasm", "/etc/passwd", SimpleFileOptions::default())
        .expect("it is in memory");
    let link = link.finish().expect("it is in memory").into_inner();
    cases.push(case("link", link, &["a link or a device"]));
    all_refused(&host, cases).await;
    assert!(!escaped(&host));
    goes_on(&host, witness).await;
}
