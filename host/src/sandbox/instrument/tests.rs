//! Components in text form: what is refused, and what the accessor of the others does.

use std::sync::atomic::{AtomicU32, Ordering};

use wasmparser::{Validator, WasmFeatures};
use wasmtime::component::{
    Component, ComponentNamedList, Instance, Lift, Linker, Lower, Resource, ResourceType,
    TypedFunc, WasmList,
};
use wasmtime::{Engine, Store, StoreContextMut};

use super::{ACCESSOR, instrument};

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// The reasons why a component with this core module, instantiated once, is refused.
fn refused_module(fields: &str) -> String {
    refused(&format!(
        "(component (core module $m (memory 1) {fields}) (core instance (instantiate $m)))"
    ))
}

fn refused(text: &str) -> String {
    instrument(&parse(text)).unwrap_err().reasons.join("; ")
}

#[test]
fn state_that_no_image_can_hold_is_refused() {
    for (fields, reason) in [
        (
            "(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))",
            "table.set",
        ),
        (
            "(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))",
            "table.grow",
        ),
        (
            "(table 1 funcref) (func (table.fill (i32.const 0) (ref.null func) (i32.const 1)))",
            "table.fill",
        ),
        (
            "(table 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
            "table.copy",
        ),
        (
            "(table 1 funcref) (elem $e func) (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)))",
            "table.init",
        ),
        ("(data $d \"x\") (func (data.drop $d))", "data.drop"),
        (
            "(table 1 funcref) (elem $e func) (func (elem.drop $e))",
            "elem.drop",
        ),
        ("(global (mut funcref) (ref.null func))", "a reference"),
        ("(global (mut v128) (v128.const i64x2 0 0))", "v128"),
        ("(memory 1 1 shared)", "shared"),
        ("(memory i64 1)", "64 bits"),
        ("(memory 1 (pagesize 1))", "other pages"),
        ("(type (struct (field (mut i32))))", "GC"),
        ("(type $f (func)) (type (cont $f))", "continuation"),
        ("(memory (export \"kellion:image/memory0\") 1)", "reserved"),
    ] {
        let reasons = refused_module(fields);
        assert!(reasons.contains(reason), "{fields}: {reasons}");
    }
    let module = "(core module $m (memory 1))";
    for (text, reason) in [
        ("(module)".to_owned(), "not a component"),
        ("(component)".to_owned(), "no memory"),
        (format!("(component {module} (core instance (instantiate $m)) (core instance (instantiate $m)))"), "more than once"),
        (format!("(component {module} (core instance (instantiate $m)) (component {module}))"), "nested"),
        (format!("(component {module} (core instance (instantiate $m)) (type (resource (rep i32))))"), "resource"),
        (format!("(component {module} (core instance (instantiate $m)) (core func (canon backpressure.inc)))"), "built-in"),
        ("(component (import \"m\" (core module)))".to_owned(), "it imports a module"),
        ("(component (import \"c\" (component)))".to_owned(), "it imports a module, a component"),
        (
            format!("(component (import \"f\" (func $f)) {module} (core instance (instantiate $m)) (start $f))"),
            "a start function",
        ),
        (
            format!("(component $c {module} (core instance (instantiate $m)) (component (alias outer $c $m (core module))))"),
            "alias",
        ),
        (
            "(component (import \"wasi:cli/stdout@0.2.0\" (instance)) (import \"wasi:cli/stdout@0.2.6\" (instance)))".to_owned(),
            "two versions of wasi:cli/stdout",
        ),
        ("(component (import \"f\" (func $f async)) (core func (canon lower (func $f) async)))".to_owned(), "async"),
        (
            format!(
                "(component (core module $m (memory 1) {}) (core instance (instantiate $m)))",
                "(global (mut i32) (i32.const 0))".repeat(8192)
            ),
            "8192 mutable globals",
        ),
    ] {
        let reasons = refused(&text);
        assert!(reasons.contains(reason), "{text}: {reasons}");
    }
    assert!(instrument(b"\0asm").unwrap_err().reasons[0].contains("not a valid component"));
}

#[test]
fn what_is_instrumented_already_is_refused() {
    let done = instrument(&parse(COUNTER)).unwrap();
    assert!(
        instrument(&done)
            .unwrap_err()
            .reasons
            .join(";")
            .contains("itself")
    );
}

#[test]
fn the_same_bytes_give_the_same_bytes() {
    assert!(instrument(&parse(COUNTER)) == instrument(&parse(COUNTER)));
}

/// Two modules, two memories of which the first has no page yet, all types of globals; `step` uses address 0.
const COUNTER: &str = r#"(component
    (core module $empty
        (memory 0 3)
        (func (export "grow") (drop (memory.grow (i32.const 1))) (i32.store (i32.const 65532) (i32.const 7))))
    (core module $m
        (import "e" "grow" (func $grow))
        (memory (export "memory") 1)
        (data (i32.const 0) "\01\02\03\04\05\06\07\08\09")
        (global $a (mut i32) (i32.const -1))
        (global $k i32 (i32.const 3))
        (global $b (mut i64) (i64.const 2))
        (global $c (mut f32) (f32.const nan:0x200001))
        (global $d (export "d") (mut f64) (f64.const -4.5))
        (func (export "step") (result i64)
            (global.set $a (i32.add (global.get $a) (global.get $k)))
            (global.set $b (i64.add (i64.mul (global.get $b) (i64.const 6364136223846793005)) (i64.extend_i32_u (global.get $a))))
            (global.set $c (f32.neg (global.get $c)))
            (global.set $d (f64.add (global.get $d) (f64.const 0.5)))
            (i64.store (i32.const 0) (i64.xor (i64.load (i32.const 0)) (global.get $b)))
            (i64.store (i32.const 5000) (i64.reinterpret_f64 (global.get $d)))
            (i64.add (i64.load (i32.const 0)) (i64.extend_i32_u (i32.reinterpret_f32 (global.get $c)))))
        (func (export "grow") (call $grow) (drop (memory.grow (i32.const 1))) (i64.store (i32.const 131064) (i64.const 42)))
    )
    (core instance $e (instantiate $empty))
    (core instance $i (instantiate $m (with "e" (instance $e))))
    (func (export "step") (result u64) (canon lift (core func $i "step")))
    (func (export "grow") (canon lift (core func $i "grow"))))"#;

struct Guest {
    store: Store<Vec<u32>>,
    instance: Instance,
}

impl Guest {
    fn start(linker: &Linker<Vec<u32>>, component: &Component) -> Guest {
        let mut store = Store::new(component.engine(), Vec::new());
        let instance = linker.instantiate(&mut store, component).unwrap();
        Guest { store, instance }
    }

    fn typed<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
        &mut self,
        inside: bool,
        name: &str,
    ) -> TypedFunc<P, R> {
        let accessor = inside.then(|| {
            self.instance
                .get_export_index(&mut self.store, None, ACCESSOR)
                .unwrap()
        });
        let index = self
            .instance
            .get_export_index(&mut self.store, accessor.as_ref(), name)
            .expect(name);
        self.instance
            .get_typed_func(&mut self.store, index)
            .unwrap()
    }

    fn guest<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
        &mut self,
        name: &str,
        params: P,
    ) -> R {
        self.typed::<P, R>(false, name)
            .call(&mut self.store, params)
            .unwrap()
    }

    fn accessor<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
        &mut self,
        name: &str,
        params: P,
    ) -> R {
        self.typed::<P, R>(true, name)
            .call(&mut self.store, params)
            .unwrap()
    }

    fn read(&mut self, memory: usize, offset: u32, len: u32) -> Vec<u8> {
        let (list,): (WasmList<u8>,) =
            self.accessor(&format!("memory{memory}-read"), (offset, len));
        list.as_le_slice(&self.store).to_vec()
    }

    fn image(&mut self) -> (Vec<Vec<u8>>, Vec<u64>) {
        let memories = (0..2).map(|n| {
            let (pages,): (u32,) = self.accessor(&format!("memory{n}-size"), ());
            if pages == 0 {
                vec![]
            } else {
                self.read(n, 0, pages << 16)
            }
        });
        let memories = memories.collect();
        (
            memories,
            self.accessor::<_, (Vec<u64>,)>("globals-get", ()).0,
        )
    }
}

#[test]
fn an_image_goes_on_where_it_was_taken() {
    let done = instrument(&parse(COUNTER)).unwrap();
    let engine = Engine::default();
    let linker = Linker::new(&engine);
    let component = Component::from_binary(&engine, &done).unwrap();
    let plain = Component::from_binary(&engine, &parse(COUNTER)).unwrap();

    let (mut a, mut p) = (
        Guest::start(&linker, &component),
        Guest::start(&linker, &plain),
    );
    for _ in 0..5 {
        assert_eq!(
            a.guest::<_, (u64,)>("step", ()),
            p.guest::<_, (u64,)>("step", ())
        );
    }
    a.guest::<_, ()>("grow", ());
    p.guest::<_, ()>("grow", ());
    let image = a.image();
    assert_eq!(image, a.image(), "looking changes nothing");
    assert_eq!(
        image.0.iter().map(Vec::len).collect::<Vec<_>>(),
        [1 << 16, 2 << 16]
    );
    assert_eq!(image.0[1][131064], 42);
    assert_eq!(a.read(1, 5000, 8), image.0[1][5000..5008]);

    let mut b = Guest::start(&linker, &component);
    b.guest::<_, (u64,)>("step", ()); // whatever it has done before
    for (n, memory) in image.0.iter().enumerate() {
        let (size,): (u32,) = b.accessor(&format!("memory{n}-size"), ());
        let more = (memory.len() >> 16) as u32 - size;
        assert_eq!(
            b.accessor::<_, (u32,)>(&format!("memory{n}-grow"), (more,)),
            (size,)
        );
        // In two pieces, the later first.
        let write = format!("memory{n}-write");
        let (low, high) = memory.split_at(40000);
        b.accessor::<_, ()>(&write, (&[][..] as &[u8], 40000u32));
        b.accessor::<_, ()>(&write, (high, 0u32));
        b.accessor::<_, ()>(&write, (low, 0u32));
    }
    b.accessor::<_, ()>("globals-set", (&image.1[..],));
    assert_eq!(b.image(), image);
    for _ in 0..5 {
        let step: (u64,) = p.guest("step", ());
        assert_eq!(a.guest::<_, (u64,)>("step", ()), step);
        assert_eq!(b.guest::<_, (u64,)>("step", ()), step);
    }
    assert_eq!(a.image(), b.image());
    let memory0_grow = b.accessor::<_, (u32,)>("memory0-grow", (3u32,));
    assert_eq!(memory0_grow, (u32::MAX,), "beyond its maximum");
}

/// Opens and closes streams as it is told.
const PRINTER: &str = r#"(component
    (import "wasi:io/streams@0.2.6" (instance $streams (export "output-stream" (type (sub resource)))))
    (alias export $streams "output-stream" (type $stream))
    (import "wasi:cli/stdout@0.2.6" (instance $stdout
        (export "output-stream" (type $s (eq $stream)))
        (export "get-stdout" (func (result (own $s))))))
    (import "wasi:cli/stderr@0.2.6" (instance (export "output-stream" (type (eq $stream)))))
    (core func $get (canon lower (func $stdout "get-stdout")))
    (core func $drop (canon resource.drop $stream))
    (core module $m
        (import "" "get" (func $get (result i32)))
        (import "" "drop" (func $drop (param i32)))
        (memory 1)
        (func (export "open") (result i32) (call $get))
        (func (export "close") (param i32) (call $drop (local.get 0))))
    (core instance $i (instantiate $m (with "" (instance (export "get" (func $get)) (export "drop" (func $drop))))))
    (func (export "open") (result u32) (canon lift (core func $i "open")))
    (func (export "close") (param "handle" u32) (canon lift (core func $i "close"))))"#;

#[test]
fn handles_are_those_of_the_guest() {
    let done = instrument(&parse(PRINTER)).unwrap();
    struct Stream;
    let engine = Engine::default();
    let mut linker: Linker<Vec<u32>> = Linker::new(&engine);
    let mut streams = linker.instance("wasi:io/streams@0.2.6").unwrap();
    streams
        .resource(
            "output-stream",
            ResourceType::host::<Stream>(),
            |mut cx, rep| {
                cx.data_mut().push(rep);
                Ok(())
            },
        )
        .unwrap();
    let opened = AtomicU32::new(100);
    let open = move |_: StoreContextMut<'_, Vec<u32>>, (): ()| {
        Ok((Resource::<Stream>::new_own(
            opened.fetch_add(1, Ordering::Relaxed),
        ),))
    };
    linker
        .instance("wasi:cli/stdout@0.2.6")
        .unwrap()
        .func_wrap("get-stdout", open)
        .unwrap();
    linker.instance("wasi:cli/stderr@0.2.6").unwrap();
    let component = Component::from_binary(&engine, &done).unwrap();
    let accessor = component.get_export_index(None, ACCESSOR).unwrap();
    for (function, there) in [
        ("open-stdout", true),
        ("close-output", true),
        ("open-stderr", false),
        ("open-stdin", false),
    ] {
        let found = component.get_export_index(Some(&accessor), function);
        assert_eq!(
            found.is_some(),
            there,
            "{function}: what is not imported is not there"
        );
    }

    // The guest has handles 2 and 3; the next two are 1 and 4.
    let mut a = Guest::start(&linker, &component);
    assert_eq!(
        [(); 3].map(|_| a.guest::<_, (u32,)>("open", ()).0),
        [1, 2, 3]
    );
    a.guest::<_, ()>("close", (1u32,));
    assert_eq!(a.store.data(), &[100]);

    // The same in a fresh instance, through the accessor.
    let mut b = Guest::start(&linker, &component);
    assert_eq!(
        [(); 3].map(|_| b.accessor::<_, (u32,)>("open-stdout", ()).0),
        [1, 2, 3]
    );
    b.accessor::<_, ()>("close-output", (1u32,));
    for guest in [&mut a, &mut b] {
        guest.guest::<_, ()>("close", (3u32,));
        assert_eq!(
            [(); 3].map(|_| guest.guest::<_, (u32,)>("open", ()).0),
            [3, 1, 4]
        );
        guest.guest::<_, ()>("close", (2u32,));
    }
}

#[test]
fn valid_components_stay_valid_and_others_do_not_become_it() {
    let is_valid = |bytes: &[u8]| {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        validator.validate_all(bytes).is_ok()
    };
    let mut instrumented = 0;
    for text in [COUNTER, PRINTER] {
        let whole = parse(text);
        for length in 0..whole.len() {
            if let Ok(done) = instrument(&whole[..length]) {
                assert_eq!(is_valid(&done), is_valid(&whole[..length]), "{length}");
            }
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(done) = instrument(&bytes) {
                assert_eq!(is_valid(&done), is_valid(&bytes), "bit {bit} of {text}");
                instrumented += usize::from(is_valid(&done));
            }
        }
    }
    assert!(instrumented > 100, "only {instrumented}");
}
