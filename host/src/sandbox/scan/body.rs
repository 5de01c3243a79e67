//! One function: what compiling it costs beyond its bytes.

use wasmparser::{BlockType, FunctionBody, Operator};

use super::Refused;
use super::budget::{Budget, Meter};
use super::module::{Arity, Module};
use super::proposals;

/// A block that is open.
struct Label {
    /// How many values a branch to it brings.
    takes: u32,
    /// How often a local is set in it.
    sets: u64,
    branches: u64,
}

impl Label {
    fn of(takes: u32) -> Self {
        Self {
            takes,
            sets: 0,
            branches: 0,
        }
    }

    /// Values that the compiler makes where the branches to it and the way through it meet: all of its branches are inside,
    /// so a local that is not set there is the same on every way.
    fn values(&self, locals: u64) -> u64 {
        if self.branches == 0 {
            return 0;
        }
        let each = self.sets.min(locals) + u64::from(self.takes);
        each.saturating_mul(self.branches + 1)
    }
}

/// To a label so far out; to one that is not there, nothing.
fn branch(labels: &mut [Label], depth: u32) {
    let at = labels.len().checked_sub(1 + depth as usize);
    if let Some(label) = at.and_then(|at| labels.get_mut(at)) {
        label.branches += 1;
    }
}

impl Module {
    /// Reads a function of this arity. Where its code is not valid, the figures mean nothing, and the engine refuses it.
    pub(super) fn body(
        &self,
        function: Arity,
        body: &FunctionBody<'_>,
        meter: &mut Meter,
    ) -> Result<(), Refused> {
        let range = body.range();
        let bytes = range.len() as u64;
        meter.reach(Budget::Body, bytes, range.start)?;
        meter.add(Budget::Code, bytes, range.start)?;
        let mut locals = u64::from(function.params);
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            proposals::value(ty, range.start)?;
            locals += u64::from(count);
        }
        meter.reach(Budget::Locals, locals, range.start)?;

        let mut labels = vec![Label::of(function.results)];
        let (mut deepest, mut work) = (0, locals);
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let offset = reader.original_position();
            let operator = reader.read()?;
            proposals::operator(&operator, offset)?;
            let cost = match &operator {
                Operator::Block { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(Label::of(block.results));
                    block.values()
                }
                Operator::Loop { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(Label::of(block.params));
                    block.values()
                }
                Operator::If { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(Label::of(block.results));
                    // Past what follows, which is a branch as well.
                    branch(&mut labels, 0);
                    block.values()
                }
                Operator::End => {
                    let ended = labels.pop();
                    if let (Some(ended), Some(outer)) = (&ended, labels.last_mut()) {
                        outer.sets = outer.sets.saturating_add(ended.sets);
                    }
                    ended.map_or(0, |ended| ended.values(locals))
                }
                Operator::LocalSet { .. } | Operator::LocalTee { .. } => {
                    if let Some(label) = labels.last_mut() {
                        label.sets += 1;
                    }
                    0
                }
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    branch(&mut labels, *relative_depth);
                    0
                }
                Operator::BrTable { targets } => {
                    for target in targets.targets() {
                        branch(&mut labels, target?);
                    }
                    branch(&mut labels, targets.default());
                    0
                }
                Operator::Return => u64::from(function.results),
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    self.function(*function_index).values()
                }
                Operator::CallIndirect { type_index, .. }
                | Operator::ReturnCallIndirect { type_index, .. } => {
                    self.arity(*type_index).values()
                }
                Operator::RefNull { hty } => {
                    proposals::heap(*hty, offset)?;
                    0
                }
                Operator::TypedSelect { ty } => {
                    proposals::value(*ty, offset)?;
                    0
                }
                _ => 0,
            };
            work = cost.saturating_add(work);
            deepest = deepest.max(labels.len());
        }
        meter.reach(Budget::Blocks, deepest as u64, range.start)?;
        meter.reach(Budget::Work, work, range.start)?;
        meter.add(Budget::AllWork, work, range.start)
    }

    fn block(&self, ty: BlockType, offset: usize) -> Result<Arity, Refused> {
        Ok(match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(ty) => {
                proposals::value(ty, offset)?;
                Arity {
                    params: 0,
                    results: 1,
                }
            }
            BlockType::FuncType(index) => self.arity(index),
        })
    }
}
