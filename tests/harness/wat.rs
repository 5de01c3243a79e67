//! Agents in WebAssembly text, for what no compiler would emit.

use std::path::Path;

use wasm_encoder::{ComponentSection, ComponentSectionId, InstanceSection, ModuleArg, RawSection};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a module needs to be an agent, beside `invoke`: an allocator that never gives back, and one page of memory.
///
/// The context arrives flattened behind one pointer; an answer is a pointer to 16 bytes: 0 (an answer) or 1 (an error) as
/// a byte, then a pointer and a length. `$answer` makes one of bytes in memory.
pub(crate) const PRELUDE: &str = r#"
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 65536))
    (func $realloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $free (i32.add (local.get $at) (local.get $size)))
        (block $enough
            (br_if $enough (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
            (br_if $enough (i32.ne (i32.const -1) (memory.grow
                (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
            (unreachable))
        (local.get $at))
    (func $answer (param $at i32) (param $length i32) (result i32)
        (i32.store (i32.const 32) (i32.const 0))
        (i32.store (i32.const 36) (local.get $at))
        (i32.store (i32.const 40) (local.get $length))
        (i32.const 32))
"#;

/// An agent of the items of a core module, beside which [`PRELUDE`] stands. It exports `invoke`, from the address of its
/// parameters to that of its answer.
pub(crate) fn agent(items: &str) -> Vec<u8> {
    component(&format!("(module {items} {PRELUDE})"))
}

/// An agent of a whole core module, which may import what the contract and `wasi.wit` have, and which exports `memory`,
/// `cabi_realloc` and `invoke`.
pub(crate) fn component(module: &str) -> Vec<u8> {
    wider("", StringEncoding::UTF8, module)
}

/// The same with more imports and exports, as the items of a world, and strings in another encoding.
pub(crate) fn wider(items: &str, strings: StringEncoding, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).expect("the text is a module");
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(wit).expect("the contract can be read");
    resolve
        .push_str("wasi.wit", include_str!("wasi.wit"))
        .expect("what is added to the contract can be read");
    let world =
        format!("package test:hostile; world hostile {{ include kellion:hostile/agent; {items} }}");
    let package = resolve
        .push_str("hostile.wit", &world)
        .expect("the items are of a world");
    let world = resolve
        .select_world(&[package], Some("hostile"))
        .expect("the world was defined just now");
    embed_component_metadata(&mut module, &resolve, world, strings)
        .expect("a module takes a section more");
    let encoder = ComponentEncoder::default().validate(true);
    let mut encoder = encoder.module(&module).expect("the module fits the world");
    encoder.encode().expect("the module becomes a component")
}

/// The same component with more core modules in it, each instantiated once.
pub(crate) fn with_modules(component: &[u8], modules: &[&str]) -> Vec<u8> {
    let (mut module_count, mut depth) = (0, 0);
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload.expect("the component is valid") {
            wasmparser::Payload::ModuleSection { .. } => {
                module_count += u32::from(depth == 0);
                depth += 1;
            }
            wasmparser::Payload::ComponentSection { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    let mut component = component.to_vec();
    for (module, index) in modules.iter().zip(module_count..) {
        let module = wat::parse_str(module).expect("the text is a module");
        let section = RawSection {
            id: ComponentSectionId::CoreModule.into(),
            data: &module,
        };
        section.append_to_component(&mut component);
        let mut instances = InstanceSection::new();
        instances.instantiate(index, None::<(&str, ModuleArg)>);
        instances.append_to_component(&mut component);
    }
    component
}
