//! One function: what compiling it costs beyond its bytes.

use wasmparser::{BlockType, FunctionBody, Operator};

use super::Refused;
use super::budget::{Budget, Meter};
use super::module::{Arity, Module};
use super::proposals;

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

        // A branch carries the locals and what its label takes, each of which may become a value of its own where it leads.
        let mut labels = vec![function.results];
        let carried = |labels: &[u32], depth: u32| {
            let at = labels.len().checked_sub(1 + depth as usize);
            locals + at.map_or(0, |at| u64::from(labels[at]))
        };
        let (mut deepest, mut work) = (0, locals);
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let offset = reader.original_position();
            let operator = reader.read()?;
            proposals::operator(&operator, offset)?;
            let cost = match &operator {
                Operator::Block { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(block.results);
                    block.values()
                }
                Operator::Loop { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(block.params);
                    block.values() + locals
                }
                Operator::If { blockty } => {
                    let block = self.block(*blockty, offset)?;
                    labels.push(block.results);
                    block.values() + locals
                }
                Operator::Else => carried(&labels, 0),
                Operator::End => {
                    labels.pop();
                    0
                }
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    carried(&labels, *relative_depth)
                }
                Operator::BrTable { targets } => (1 + u64::from(targets.len()))
                    .saturating_mul(carried(&labels, targets.default())),
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
