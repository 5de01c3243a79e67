//! Python: the author's module is imported in a CPython for WebAssembly, and the component holds the interpreter as it is
//! then.

mod agentcore;
mod component;
mod requirements;
mod scan;
mod vendored;

use std::path::PathBuf;

use crate::job::Job;
use crate::{Error, Result};
use vendored::Vendored;

/// What makes components. Bound to the bindings' names and to the CPython in it, so it has one version.
const TOOLCHAIN: &str = "componentize-py==0.25.1\npip==26.3\n";

/// How an agent of some kind is put together with its packages.
pub(crate) struct Prepared {
    /// Folders of packages, to be found in this order, behind the author's own.
    pub(crate) packages: Vec<PathBuf>,
    /// Whether what these packages import within functions is imported when the component is built.
    pub(crate) ahead: bool,
    /// A module to import before the author's, if there has to be one.
    pub(crate) first: Option<String>,
    /// The module with a function `find(author_module)` that gives the entrypoint: a callable that takes payload and
    /// context, as `kellion.App.entrypoint` takes it.
    pub(crate) finder: String,
}

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let python = job.tools.python("python", TOOLCHAIN, job.talk)?;
    let vendored = job.vendored.then(|| Vendored::separate(job)).transpose()?;
    let mut scan = scan::run(job, &python)?;
    if let Some(vendored) = &vendored {
        let modules = vendored.agentcore().map(str::to_owned);
        scan.imports.extend(modules);
    }
    let site = job.work.join("site");
    let mut prepared = if scan.is_agentcore(job)? {
        agentcore::prepare(job, &python, &scan.imports, &mut scan.warnings)?
    } else {
        requirements::install(job, &python, &site)?;
        Prepared {
            packages: vec![site],
            ahead: true,
            first: None,
            finder: "kellion._start".to_owned(),
        }
    };
    if let Some(vendored) = vendored {
        // What AgentCore's agents have in common is the last of their packages.
        let site = prepared.packages.last().filter(|_| !prepared.ahead);
        let folder = vendored.beside(site.map(PathBuf::as_path))?;
        prepared.packages.push(folder);
    }
    job.has_all()?;
    match component::make(job, &python, &scan.stage, &prepared) {
        Ok(()) => Ok(scan.warnings),
        // What cannot work may well be why.
        Err(Error::Agent(told)) if !scan.warnings.is_empty() => Err(Error::Agent(format!(
            "{told}\n\n{}",
            scan.warnings.join("\n")
        ))),
        Err(error) => Err(error),
    }
}
