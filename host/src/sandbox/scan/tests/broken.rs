//! Bytes that are not a component any more.

use super::super::Refused;
use super::{ECHO, MEMORY_MIB, component, parse, scan};

/// Always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Small components with something of every kind.
fn samples() -> Vec<Vec<u8>> {
    let small = r#"(component
        (import "i" (instance (export "r" (type (sub resource))) (export "f" (func))))
        (type (component (import "x" (func (param "p" (tuple u8 string)))) (export "y" (instance))))
        (core type (module (import "a" "b" (func (param i32))) (export "m" (memory 1))))
        (component $inner (core module $m (func)) (core instance (instantiate $m)))
        (instance (instantiate $inner))
        (core module $m
            (type (func (param i32) (result i32)))
            (table 2 funcref) (memory 1) (global (mut i32) (i32.const 1))
            (func $f (export "f") (param i32) (result i32) (local i64)
                (block (br_table 0 0 (local.get 0))) (loop (br_if 0 (local.get 0)))
                (if (result i32) (local.get 0) (then (i32.const 1)) (else (call $f (i32.const 0)))))
            (elem (i32.const 0) $f) (data (i32.const 8) "data"))
        (core instance $c (instantiate $m))
        (func (export "f") (param "p" u32) (result u32) (canon lift (core func $c "f"))))"#;
    let mut samples = vec![parse(small), ECHO.component()];
    let inner = samples[0].clone();
    samples.push({
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::RawSection {
            id: wasm_encoder::ComponentSectionId::Component.into(),
            data: &inner,
        });
        outer.finish()
    });
    samples
}

#[test]
fn any_change_of_any_bytes_is_survived() {
    let mut dice = Dice(0x5EED);
    for sample in samples() {
        let times = if sample.len() > 10_000 { 500 } else { 20_000 };
        for _ in 0..times {
            let mut bytes = sample.clone();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(bytes.len());
                match dice.roll(5) {
                    0 => bytes[at] ^= 1 << dice.roll(8),
                    1 => bytes[at] = dice.roll(256) as u8,
                    2 => bytes.insert(at, dice.roll(256) as u8),
                    3 => drop(bytes.drain(at..(at + dice.roll(16)).min(bytes.len()))),
                    _ => bytes.truncate(at.max(8)),
                }
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
            // Whatever it says; a panic or an endless loop is what fails.
            let first = scan(&bytes, MEMORY_MIB).map_err(|refused| refused.to_string());
            let again = scan(&bytes, MEMORY_MIB).map_err(|refused| refused.to_string());
            assert_eq!(first, again);
        }
    }
}

#[test]
fn every_beginning_is_survived() {
    for sample in samples() {
        let step = 1 + sample.len() / 1_000;
        for end in (0..sample.len()).step_by(step) {
            if let Err(refused) = scan(&sample[..end], MEMORY_MIB) {
                assert!(matches!(refused, Refused::Invalid(_)), "{end}: {refused}");
            }
        }
    }
}

#[test]
fn u6_numbers_and_lengths_that_lie() {
    let module = |section: &[u8]| component(&[b"\0asm\x01\0\0\0", section].concat());
    let cases: [(&str, Vec<u8>); 7] = [
        ("overlong", module(&[1, 0x81, 0x80, 0x80, 0x80, 0x80, 0, 0])),
        ("too large", module(&[1, 0xff, 0xff, 0xff, 0xff, 0x7f])),
        ("without end", module(&[1, 0x80])),
        ("past the end", module(&[1, 100, 0])),
        // Two types, of which one is there.
        ("count", module(&[1, 4, 2, 0x60, 0, 0])),
        // So many locals of one kind that their sum is no number any more.
        (
            "locals",
            module(&[
                1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 18, 1, 16, 2, 0xff, 0xff, 0xff, 0xff, 15,
                0x7f, 0xff, 0xff, 0xff, 0xff, 15, 0x7f, 0, 0x0b,
            ]),
        ),
        // More than a thousand million functions, of which none is there.
        ("functions", module(&[3, 5, 0xff, 0xff, 0xff, 0xff, 4])),
    ];
    for (name, bytes) in cases {
        assert!(scan(&bytes, MEMORY_MIB).is_err(), "{name}");
    }
}
