//! The contract in `wit/`, as Rust. Everything that authors need of it has a better name elsewhere.

wit_bindgen::generate!({
    path: "../../wit",
    world: "agent",
    pub_export_macro: true,
    export_macro_name: "export_agent",
    default_bindings_module: "kellion_sdk::bindings",
    additional_derives: [PartialEq, serde::Deserialize, serde::Serialize],
});
