//! One build.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::tools::Tools;
use crate::{Error, Language, Project, Result, c, go, manifest, pack, python, rust, typescript};

/// How to build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the component goes; `NAME.wasm` in the project's folder otherwise.
    pub out: Option<PathBuf>,
    /// Environment variables that module-level code sees, which in Python and JavaScript runs while the agent is built.
    pub env: BTreeMap<String, String>,
    /// Where toolchains are kept; `.kellion/tools` in the project's folder otherwise.
    pub tools: Option<PathBuf>,
    /// What the agent asks for, as the server reads it; put into the component's section [`SECTION`](crate::SECTION).
    pub manifest: Option<String>,
    /// Where the SDK is unpacked, and what the build needs in between is kept; `.kellion` in the project's folder otherwise.
    pub own: Option<PathBuf>,
    /// Whether the project comes from a stranger, with all that it needs in it, as AgentCore's direct code deployment has it.
    /// Then no package is installed on its behalf but what the SDK itself brings, nothing outside of its folder is read, and
    /// the build may move and remove its files.
    pub vendored: bool,
}

/// Who watches a build. A function that takes lines is one.
pub trait Watch {
    /// Is told each command before it runs, and other news.
    fn says(&self, line: &str);

    /// Everything that has to be fetched is there, and from here on the author's code runs. What this fails of, the build
    /// fails of.
    fn has_all(&self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: Fn(&str)> Watch for F {
    fn says(&self, line: &str) {
        self(line);
    }
}

/// What a build has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component.
    pub component: PathBuf,
    /// What may surprise its author: names of things that the agent uses and that will not work in a cell.
    pub warnings: Vec<String>,
}

/// What a language's builder is given.
pub(crate) struct Job<'a> {
    pub(crate) project: &'a Project,
    pub(crate) env: &'a BTreeMap<String, String>,
    /// The SDK of the project's language.
    pub(crate) sdk: PathBuf,
    /// The contract.
    pub(crate) wit: PathBuf,
    /// See [`Options::vendored`].
    pub(crate) vendored: bool,
    /// For what the build needs in between; kept for the next one.
    pub(crate) work: PathBuf,
    pub(crate) tools: Tools,
    /// Where the component goes.
    pub(crate) out: PathBuf,
    /// Says what is done.
    pub(crate) talk: &'a dyn Fn(&str),
    watch: &'a dyn Watch,
}

impl Job<'_> {
    /// To be called when nothing has to be fetched any more, before the author's code runs.
    pub(crate) fn has_all(&self) -> Result<()> {
        self.watch.has_all().map_err(Error::Watch)
    }
}

/// Makes the project's component.
///
/// Everything that the build needs beside the sources is kept in the project's folder `.kellion`, which ignores itself.
pub fn build(project: &Project, options: &Options, watch: &dyn Watch) -> Result<Built> {
    let own = options
        .own
        .clone()
        .unwrap_or_else(|| project.folder.join(".kellion"));
    let language = project.language.name();
    let talk = |line: &str| watch.says(line);
    let job = Job {
        project,
        env: &options.env,
        sdk: own.join("sdk").join(language),
        wit: own.join("wit"),
        vendored: options.vendored,
        work: own.join("build").join(&project.name),
        tools: Tools::new(options.tools.clone().unwrap_or_else(|| own.join("tools"))),
        out: options
            .out
            .clone()
            .unwrap_or_else(|| project.folder.join(format!("{}.wasm", project.name))),
        talk: &talk,
        watch,
    };
    fs::create_dir_all(&job.work).map_err(Error::file("create", &job.work))?;
    let ignore = own.join(".gitignore");
    fs::write(&ignore, "*\n").map_err(Error::file("write", &ignore))?;
    pack::unpack("wit", &job.wit)?;
    pack::unpack(&format!("sdk/{language}"), &job.sdk)?;
    let warnings = match project.language {
        Language::Rust => rust::build(&job),
        Language::Python => python::build(&job),
        Language::TypeScript => typescript::build(&job),
        Language::Go => go::build(&job),
        Language::C => c::build(&job),
    }?;
    if let Some(text) = &options.manifest {
        manifest::add(&job.out, text)?;
    }
    Ok(Built {
        component: job.out,
        warnings,
    })
}
