//! Builds a project: `cargo run -p kellion-build --example build -- PATH OUT [TOOLS]`.

use std::path::Path;

fn main() -> Result<(), kellion_build::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let project = kellion_build::Project::find(Path::new(&arguments[0]))?;
    let options = kellion_build::Options {
        out: Some(arguments[1].clone().into()),
        tools: arguments.get(2).map(Into::into),
        ..Default::default()
    };
    let built = kellion_build::build(&project, &options, &|line: &str| eprintln!("{line}"))?;
    eprintln!("{built:?}");
    Ok(())
}
