//! The compact form that the checker lowers syntax to: names are numbers, functions are looked up, texts that
//! cannot change are values. An expression is 48 bytes; everything rare stands behind a pointer.

use crate::functions::Function;
use std::fmt;
use terrane_core::{Operator, Path, PathStep, Span, Text, Value};

/// An expression with its place.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A value that is the same in every evaluation.
    Literal(Value),
    /// `var.x`, by its number in the module.
    Variable(u32),
    /// `local.x`, by its number in the module.
    Local(u32),
    /// A loop variable or the element of a splat, by how many are open around it.
    Slot(u32),
    /// A name that the surroundings give.
    Given(Given),
    /// A resource, data block or module call, with the steps taken from it.
    Reference(Box<Reference>),
    /// `of.name`.
    Attribute(Box<AttributeOf>),
    /// `of[key]`.
    Index(Box<(Expr, Expr)>),
    /// `of[*]`: `each` is evaluated with the element in `slot`.
    Splat(Box<Splat>),
    /// `f(..)`.
    Call(Box<CallOf>),
    /// `!a`, `-a`.
    Unary(Operator, Box<Expr>),
    /// `a + b` and so on.
    Binary(Operator, Box<(Expr, Expr)>),
    /// `condition ? yes : no`.
    Conditional(Box<(Expr, Expr, Expr)>),
    /// `[for ..]`, `{for ..}`.
    For(Box<For>),
    /// Parts joined as text.
    Template(Box<[Expr]>),
    /// The texts of a `%{ for }` joined: the expression inside makes a tuple of texts.
    Join(Box<Expr>),
    /// `[a, b]`.
    Tuple(Box<[Expr]>),
    /// `{ a = b }`: keys and values in the order they were written.
    Object(Box<[(Expr, Expr)]>),
}

/// A name that the surroundings give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// `each.key`
    EachKey,
    /// `each.value`
    EachValue,
    /// `count.index`
    CountIndex,
    /// `self`
    SelfValue,
    /// `path.module`
    PathModule,
    /// `path.root`
    PathRoot,
    /// `path.cwd`
    PathCwd,
    /// `terrane.workspace`
    Workspace,
}

/// What a [`Reference`] leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Referent {
    /// A resource or data block, by its number in the module.
    Resource(u32),
    /// A module call, by its number in the module.
    Call(u32),
}

/// A resource, data block or module call and what is taken from it, so that evaluation asks for one instance.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What is meant.
    pub referent: Referent,
    /// Whether it stands under `count` or `for_each`. With a key one instance is meant, without all of them.
    pub is_repeated: bool,
    /// The key, where one is written.
    pub key: Option<Expr>,
    /// What is taken from the instance.
    pub steps: Box<[Step]>,
}

/// A step of a [`Reference`].
#[derive(Clone, Debug)]
pub enum Step {
    /// `.name`
    Attribute(Text, Span),
    /// `[key]`
    Index(Expr),
}

/// `of.name`.
#[derive(Clone, Debug)]
pub struct AttributeOf {
    /// What it is taken from.
    pub of: Expr,
    /// The attribute.
    pub name: Text,
    /// Where its name stands.
    pub name_span: Span,
}

/// `of[*]<each>`.
#[derive(Clone, Debug)]
pub struct Splat {
    /// What is walked.
    pub of: Expr,
    /// The slot of the element.
    pub slot: u32,
    /// What is taken from each element.
    pub each: Expr,
}

/// `f(arguments)`.
#[derive(Clone)]
pub struct CallOf {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub arguments: Box<[Expr]>,
    /// Whether the last is spread.
    pub is_spread: bool,
}

impl fmt::Debug for CallOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOf")
            .field("function", &self.function.name)
            .field("arguments", &self.arguments)
            .field("is_spread", &self.is_spread)
            .finish()
    }
}

/// A `for` expression. Key and value stand in `slot` and `slot + 1`.
#[derive(Clone, Debug)]
pub struct For {
    /// What is walked.
    pub collection: Expr,
    /// The slot of the key; the value's is the next.
    pub slot: u32,
    /// The filter.
    pub condition: Option<Expr>,
    /// In the object form: the key of the result.
    pub result_key: Option<Expr>,
    /// The element of the result.
    pub result: Expr,
    /// The `...` of the object form.
    pub is_grouped: bool,
}

/// The arguments and nested blocks of a block.
#[derive(Clone, Debug)]
pub struct Body {
    /// Written arguments in the order of the schema.
    pub arguments: Vec<Argument>,
    /// Nested blocks in the order they were written.
    pub blocks: Vec<NestedBlock>,
    /// The header of the block.
    pub span: Span,
}

/// A written argument.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name, as the schema has it.
    pub name: Text,
    /// Position of the attribute in the schema's block.
    pub attribute: u32,
    /// First byte of its name.
    pub start: u32,
    /// Its value.
    pub value: Expr,
}

impl Argument {
    /// Name and value together.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(self.value.span.file, self.start, self.value.span.end)
    }
}

/// A nested block.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Its kind, as the schema has it.
    pub name: Text,
    /// Position of the attribute in the schema's block.
    pub attribute: u32,
    /// What stands inside.
    pub body: Body,
    /// What makes many of it, or none, where it is written as `dynamic`.
    pub dynamic: Option<Box<Dynamic>>,
}

/// What a `dynamic` block repeats over.
#[derive(Clone, Debug)]
pub struct Dynamic {
    /// What is walked.
    pub for_each: Expr,
    /// The slot of the iterator: an object of `key` and `value`.
    pub slot: u32,
}

impl Body {
    /// Where the leaf at `path` is written: the argument or block that is nearest to it. `None` where
    /// nothing of it is written. Positions count the blocks of one kind as they are written; from the first `dynamic`
    /// block on nobody knows how many it makes, so that one is meant.
    #[must_use]
    pub fn span_of(&self, path: &Path) -> Option<Span> {
        let (PathStep::Name(first), rest) = path.0.split_first()? else { return None };
        if let Some(argument) = self.arguments.iter().find(|a| a.name == *first) {
            return Some(part(&argument.value, rest).unwrap_or_else(|| argument.span()));
        }
        let mut blocks = self.blocks.iter().filter(|b| b.name == *first);
        let (block, rest) = match rest.split_first() {
            Some((PathStep::Index(at), rest)) => {
                let at = usize::try_from(*at).ok()?;
                let found = blocks.enumerate().find(|(number, block)| *number == at || block.dynamic.is_some());
                (found?.1, rest)
            }
            _ => (blocks.next()?, rest),
        };
        if rest.is_empty() {
            return Some(block.body.span);
        }
        Some(block.body.span_of(&Path(rest.to_vec())).unwrap_or(block.body.span))
    }
}

/// The place of a part of a value that is written out as `[..]` or `{..}`; `None` for the whole.
pub(crate) fn part(expr: &Expr, path: &[PathStep]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    let inner = match (&expr.kind, first) {
        (ExprKind::Tuple(items), PathStep::Index(at)) => items.get(usize::try_from(*at).ok()?)?,
        (ExprKind::Object(items), PathStep::Name(name)) => {
            let has_name = |key: &Expr| matches!(&key.kind, ExprKind::Literal(v) if v.as_text() == Some(name));
            items.iter().rev().find(|(key, _)| has_name(key)).map(|(_, value)| value)?
        }
        _ => return None,
    };
    Some(part(inner, rest).unwrap_or(inner.span))
}

impl Expr {
    /// A value in the place of an expression.
    #[must_use]
    pub fn literal(value: Value, span: Span) -> Self {
        Self { kind: ExprKind::Literal(value), span }
    }

    /// The value, where it is the same in every evaluation.
    #[must_use]
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Calls `see` with this expression and everything inside, outside first.
    pub fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Variable(_)
            | ExprKind::Local(_)
            | ExprKind::Slot(_)
            | ExprKind::Given(_) => {}
            ExprKind::Reference(reference) => {
                if let Some(key) = &reference.key {
                    key.visit(see);
                }
                for step in &reference.steps {
                    if let Step::Index(key) = step {
                        key.visit(see);
                    }
                }
            }
            ExprKind::Attribute(attribute) => attribute.of.visit(see),
            ExprKind::Unary(_, inner) | ExprKind::Join(inner) => inner.visit(see),
            ExprKind::Index(pair) | ExprKind::Binary(_, pair) => {
                pair.0.visit(see);
                pair.1.visit(see);
            }
            ExprKind::Splat(splat) => {
                splat.of.visit(see);
                splat.each.visit(see);
            }
            ExprKind::Call(call) => call.arguments.iter().for_each(|a| a.visit(see)),
            ExprKind::Conditional(parts) => {
                parts.0.visit(see);
                parts.1.visit(see);
                parts.2.visit(see);
            }
            ExprKind::For(each) => {
                each.collection.visit(see);
                each.condition.iter().chain(&each.result_key).for_each(|e| e.visit(see));
                each.result.visit(see);
            }
            ExprKind::Template(items) | ExprKind::Tuple(items) => items.iter().for_each(|i| i.visit(see)),
            ExprKind::Object(items) => {
                for (key, value) in items {
                    key.visit(see);
                    value.visit(see);
                }
            }
        }
    }
}

impl Body {
    /// Calls `see` with every expression of the body and of its nested blocks.
    pub fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        self.arguments.iter().for_each(|a| a.value.visit(see));
        for block in &self.blocks {
            if let Some(dynamic) = &block.dynamic {
                dynamic.for_each.visit(see);
            }
            block.body.visit(see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_six_words() {
        assert!(std::mem::size_of::<Expr>() <= 48);
    }
}
