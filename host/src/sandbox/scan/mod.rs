//! Looks through an upload before anything else does: what would cost the compiler far more than any agent does, and what
//! no agent may use, is refused here.
//!
//! A parser alone, without a validator: each byte is read once, nothing calls itself as deep as the input nests, and what is
//! kept of the input is bounded by the budgets. What it lets through may still be no valid component; that is for the
//! engine to say.

mod body;
mod budget;
mod component;
mod module;
mod proposals;
mod types;

use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use budget::{Budget, Meter};
use component::Component;
use module::Module;

/// Why an upload is not even tried. The text is for its author.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("the component is not valid: {0}")]
    Invalid(#[from] BinaryReaderError),
    /// More than agents have.
    #[error(
        "the component is too complex: {value} {budget}, and at most {limit} are taken (at offset {offset:#x})"
    )]
    TooMuch {
        /// Of what.
        budget: Budget,
        /// How much was met until then.
        value: u64,
        /// How much is taken.
        limit: u64,
        /// Where, in bytes from the beginning.
        offset: usize,
    },
    /// A part of WebAssembly that is not run here.
    #[error(
        "the component uses {proposal}, a WebAssembly proposal that is not run here: build it without ({what} at offset \
         {offset:#x})"
    )]
    Proposal {
        /// The proposal.
        proposal: &'static str,
        /// By what.
        what: &'static str,
        /// Where, in bytes from the beginning.
        offset: usize,
    },
    /// A component of which nobody can say how large it is.
    #[error(
        "the component instantiates a component that it imports or is handed by another, so its size cannot be counted: \
         compose it with what it needs (at offset {offset:#x})"
    )]
    Unsized {
        /// Where, in bytes from the beginning.
        offset: usize,
    },
}

/// Looks through a component that would run with so much memory, in MiB. Takes time in proportion to its bytes.
pub fn scan(component: &[u8], memory_mib: u32) -> Result<(), Refused> {
    look_through(component, &mut Meter::new(memory_mib))
}

/// What is being read.
enum Frame {
    Component(Component),
    Module(Module),
}

fn look_through(bytes: &[u8], meter: &mut Meter) -> Result<(), Refused> {
    let mut frames: Vec<Frame> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let offset = payload.as_section().map_or(0, |(_, range)| range.start);
        match &payload {
            Payload::Version {
                encoding, range, ..
            } => {
                frames.push(match encoding {
                    Encoding::Component => Frame::Component(Component::default()),
                    Encoding::Module => Frame::Module(Module::default()),
                });
                meter.reach(Budget::Nesting, frames.len() as u64, range.start)?;
                continue;
            }
            Payload::End(_) => {
                let ended = frames.pop();
                if let (Some(Frame::Component(inner)), Some(Frame::Component(outer))) =
                    (ended, frames.last_mut())
                {
                    outer.has(&inner);
                }
                continue;
            }
            Payload::CodeSectionEntry(_) => {}
            Payload::CustomSection(custom) => {
                meter.add(Budget::CustomSections, 1, offset)?;
                meter.name(custom.name(), offset)?;
            }
            Payload::ModuleSection { .. } => {
                meter.add(Budget::Sections, 1, offset)?;
                meter.add(Budget::Modules, 1, offset)?;
            }
            _ => meter.add(Budget::Sections, 1, offset)?,
        }
        match frames.split_last_mut() {
            Some((Frame::Component(component), outer)) => {
                component.read(bytes, &payload, outer, meter)?;
            }
            Some((Frame::Module(module), _)) => module.read(bytes, &payload, meter)?,
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
