//! The syntax tree: what stands in a file, with the span of every part, and no meaning yet.

use std::sync::Arc;
use terrane_core::{Number, Operator, Span, Text};

/// A parsed file. Parts that could not be read are missing; the problems say where.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// What stands in it.
    pub body: Body,
}

/// Attributes and blocks in the order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// `name = value`.
    pub attributes: Vec<Attribute>,
    /// `kind "label" { .. }`.
    pub blocks: Vec<Block>,
    /// What began as one of these and is neither. A problem says why.
    pub fragments: Vec<Fragment>,
}

/// The beginning of an argument or block: `na`, `resource "eks_`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    /// Its words, the first of which is the name of the argument or the kind of the block to be.
    pub words: Vec<Ident>,
}

/// `name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: Ident,
    /// The value.
    pub value: Expr,
}

/// `kind "label" { .. }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its kind: `resource`.
    pub kind: Ident,
    /// Its labels, quoted or bare.
    pub labels: Vec<Ident>,
    /// What stands inside.
    pub body: Body,
    /// From the kind to the last label: what messages point at.
    pub header: Span,
    /// From `{` to behind `}`; without a `}`, to where the next thing outside begins.
    pub braces: Span,
    /// Whether it has its `}`.
    pub is_closed: bool,
}

/// A name with its place. Quoted labels are unquoted here; their span holds the quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub text: Text,
    /// Where it stands.
    pub span: Span,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression is: 24 bytes, everything longer stands behind a pointer. A large configuration is a tree of many.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, read exactly.
    Number(Number),
    /// A string without interpolation, escapes resolved, NFC-normalised.
    String(Text),
    /// A string or heredoc with interpolation or directives.
    Template(Vec<TemplatePart>),
    /// `[a, b]`.
    Tuple(Vec<Expr>),
    /// `{ a = b }`.
    Object(Vec<ObjectItem>),
    /// The root of a reference: `var`, `each`, `eks_cluster`, a loop variable.
    Name(Text),
    /// `of.name`.
    Attr(Box<AttrOf>),
    /// `of[key]`; also the old form `of.0`.
    Index {
        /// What it is taken from.
        of: Box<Expr>,
        /// The key.
        key: Box<Expr>,
    },
    /// `of[*]<each>` and `of.*<each>`. In `each`, [`ExprKind::SplatItem`] stands for the element.
    Splat {
        /// What is walked.
        of: Box<Expr>,
        /// What is taken from each element.
        each: Box<Expr>,
    },
    /// The element inside the `each` of a splat.
    SplatItem,
    /// `name(arguments)`.
    Call(Box<Call>),
    /// `!a`, `-a`.
    Unary {
        /// [`Operator::Not`] or [`Operator::Negate`].
        operator: Operator,
        /// The operand.
        operand: Box<Expr>,
    },
    /// `a + b` and so on.
    Binary {
        /// The operator.
        operator: Operator,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `condition ? yes : no`.
    Conditional {
        /// The condition.
        condition: Box<Expr>,
        /// When true.
        yes: Box<Expr>,
        /// When false.
        no: Box<Expr>,
    },
    /// `[for ..]`, `{for ..}`.
    For(Box<ForExpr>),
    /// `(inner)`: kept, because `{ (a) = b }` and `{ a = b }` differ.
    Parens(Box<Expr>),
    /// A part that could not be read to its end, and what could be read of it: an expression in which names
    /// and operands that are missing are empty. A problem says why. The part means nothing, whatever it holds.
    Broken(Option<Box<Expr>>),
}

/// `of.name`.
#[derive(Clone, Debug, PartialEq)]
pub struct AttrOf {
    /// What it is taken from.
    pub of: Expr,
    /// The attribute.
    pub name: Ident,
}

/// `name(arguments)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub name: Ident,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Whether the last is spread: `f(list...)`.
    pub is_spread: bool,
}

/// `key = value` inside `{ }`.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectItem {
    /// The key: a [`ExprKind::Name`] stands for itself, anything else is evaluated.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// A `for` expression.
#[derive(Clone, Debug, PartialEq)]
pub struct ForExpr {
    /// Name of the key, where one is given.
    pub key_name: Option<Ident>,
    /// Name of the value.
    pub value_name: Ident,
    /// What is walked.
    pub collection: Expr,
    /// In the object form: the key of the result.
    pub result_key: Option<Expr>,
    /// The element of the result.
    pub result: Expr,
    /// The `...` of the object form.
    pub is_grouped: bool,
    /// The filter.
    pub condition: Option<Expr>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text, escapes resolved, trims (`~`) applied.
    Text(Text),
    /// `${ value }`.
    Value(Expr),
    /// `%{ if condition } .. %{ else } .. %{ endif }`.
    If {
        /// The condition.
        condition: Expr,
        /// When true.
        yes: Vec<TemplatePart>,
        /// When false.
        no: Vec<TemplatePart>,
    },
    /// `%{ for key, value in collection } .. %{ endfor }`.
    For {
        /// Name of the key, where one is given.
        key_name: Option<Ident>,
        /// Name of the value.
        value_name: Ident,
        /// What is walked.
        collection: Expr,
        /// What is repeated.
        body: Vec<TemplatePart>,
    },
}

/// Shared text of a file.
pub type Source = Arc<str>;
