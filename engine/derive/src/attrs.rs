//! What stands in `#[attr(..)]` and `#[resource(..)]`, read but not judged.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, LitInt, LitStr, RangeLimits, Result, Token, UnOp, parenthesized};

/// Who writes an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Required,
    Optional,
    OptionalComputed,
    Computed,
    WriteOnly,
}

/// What a change means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Replaces,
    Refused(String),
}

/// How bad it is when somebody else changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// How a nested block may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    Single,
    List,
    Set,
}

/// Everything in the `#[attr(..)]` of one field.
#[derive(Default)]
pub struct FieldAttrs {
    pub role: Option<Role>,
    pub change: Option<Change>,
    pub disrupts: Option<String>,
    pub is_secret: bool,
    pub default: Option<Expr>,
    pub unit: Option<String>,
    pub range: Option<(i64, i64)>,
    pub one_of: Vec<String>,
    pub example: Option<String>,
    pub source: Option<String>,
    pub name: Option<String>,
    pub nesting: Option<Nesting>,
    pub severity: Option<Severity>,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Resource,
    Data,
    Provider,
}

/// A rule over several arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Conflicts,
    ExactlyOne,
    Requires,
    AnyTrue,
    AtMost,
}

/// Everything in the `#[resource(..)]` of a struct.
pub struct ResourceAttrs {
    pub type_name: String,
    pub version: u32,
    pub kind: Kind,
    pub rules: Vec<(Rule, Vec<String>)>,
    /// How bad it is when somebody else takes the object away.
    pub gone: Severity,
}

/// Reads the `#[attr(..)]` of a field.
pub fn field(attributes: &[Attribute], span: Span) -> Result<FieldAttrs> {
    let mut found = FieldAttrs::default();
    let mut is_there = false;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("attr")) {
        is_there = true;
        attribute.parse_nested_meta(|meta| found.take(&meta))?;
    }
    if is_there { Ok(found) } else { Err(syn::Error::new(span, "this field needs `#[attr(..)]` with a role")) }
}

impl FieldAttrs {
    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.require_ident()?.to_string();
        let role = match name.as_str() {
            "required" => Some(Role::Required),
            "optional" => Some(Role::Optional),
            "optional_computed" => Some(Role::OptionalComputed),
            "computed" => Some(Role::Computed),
            "write_only" => Some(Role::WriteOnly),
            _ => None,
        };
        let nesting = match name.as_str() {
            "block" => Some(Nesting::Single),
            "block_list" => Some(Nesting::List),
            "block_set" => Some(Nesting::Set),
            _ => None,
        };
        if let Some(role) = role {
            return once(&mut self.role, role, meta, "a role was given already: an attribute has exactly one");
        }
        if let Some(nesting) = nesting {
            return once(&mut self.nesting, nesting, meta, "a block is one of `block`, `block_list`, `block_set`");
        }
        self.take_detail(&name, meta)
    }

    fn take_detail(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        const CHANGE: &str = "a change either replaces or is refused, not both";
        match name {
            "replaces" => once(&mut self.change, Change::Replaces, meta, CHANGE),
            "refused" => once(&mut self.change, Change::Refused(text(meta)?), meta, CHANGE),
            "disrupts" => once(&mut self.disrupts, text(meta)?, meta, "`disrupts` stands twice"),
            "secret" => {
                self.is_secret = true;
                Ok(())
            }
            "default" => once(&mut self.default, meta.value()?.parse()?, meta, "`default` stands twice"),
            "unit" => once(&mut self.unit, text(meta)?, meta, "`unit` stands twice"),
            "range" => once(&mut self.range, range(meta)?, meta, "`range` stands twice"),
            "one_of" => {
                self.one_of.extend(texts(meta)?);
                Ok(())
            }
            "example" => once(&mut self.example, text(meta)?, meta, "`example` stands twice"),
            "source" => once(&mut self.source, text(meta)?, meta, "`source` stands twice"),
            "severity" => once(&mut self.severity, severity(meta)?, meta, "`severity` stands twice"),
            "name" => once(&mut self.name, text(meta)?, meta, "`name` stands twice"),
            other => Err(meta.error(format!("`{other}` is nothing an attribute can be"))),
        }
    }
}

/// Reads the `#[resource(..)]` of a struct.
pub fn resource(attributes: &[Attribute], span: Span) -> Result<ResourceAttrs> {
    let (mut type_name, mut version, mut kind, mut gone, mut rules) = (None, None, None, None, Vec::new());
    for attribute in attributes.iter().filter(|a| a.path().is_ident("resource")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let rule = match name.as_str() {
                "conflicts" => Rule::Conflicts,
                "exactly_one" => Rule::ExactlyOne,
                "requires" => Rule::Requires,
                "any_true" => Rule::AnyTrue,
                "at_most" => Rule::AtMost,
                "type" => return once(&mut type_name, text(&meta)?, &meta, "`type` stands twice"),
                "version" => {
                    let number: LitInt = meta.value()?.parse()?;
                    return once(&mut version, number.base10_parse()?, &meta, "`version` stands twice");
                }
                "kind" => return once(&mut kind, schema_kind(&meta)?, &meta, "`kind` stands twice"),
                "gone" => return once(&mut gone, severity(&meta)?, &meta, "`gone` stands twice"),
                other => return Err(meta.error(format!("`{other}` is nothing a resource can have"))),
            };
            rules.push((rule, rule_paths(rule, &meta)?));
            Ok(())
        })?;
    }
    let missing = |what: &str| syn::Error::new(span, format!("`#[resource({what})]` is missing"));
    Ok(ResourceAttrs {
        type_name: type_name.ok_or_else(|| missing("type = \"..\""))?,
        version: version.ok_or_else(|| missing("version = 1"))?,
        kind: kind.unwrap_or(Kind::Resource),
        rules,
        gone: gone.unwrap_or(Severity::High),
    })
}

fn severity(meta: &ParseNestedMeta<'_>) -> Result<Severity> {
    let name: LitStr = meta.value()?.parse()?;
    match name.value().as_str() {
        "low" => Ok(Severity::Low),
        "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        "critical" => Ok(Severity::Critical),
        _ => Err(syn::Error::new(name.span(), "a severity is \"low\", \"medium\", \"high\" or \"critical\"")),
    }
}

fn schema_kind(meta: &ParseNestedMeta<'_>) -> Result<Kind> {
    let ident: syn::Ident = meta.value()?.parse()?;
    match ident.to_string().as_str() {
        "resource" => Ok(Kind::Resource),
        "data" => Ok(Kind::Data),
        "provider" => Ok(Kind::Provider),
        _ => Err(syn::Error::new(ident.span(), "a kind is `resource`, `data` or `provider`")),
    }
}

fn rule_paths(rule: Rule, meta: &ParseNestedMeta<'_>) -> Result<Vec<String>> {
    let paths = texts(meta)?;
    let (is_right, wanted) = match rule {
        Rule::Conflicts | Rule::ExactlyOne | Rule::AnyTrue => (paths.len() >= 2, "at least two paths"),
        Rule::Requires | Rule::AtMost => (paths.len() == 2, "two paths"),
    };
    if is_right { Ok(paths) } else { Err(meta.error(format!("this rule takes {wanted}"))) }
}

/// The doc comment, its lines joined by spaces.
pub fn doc(attributes: &[Attribute], span: Span) -> Result<String> {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &attribute.meta.require_name_value()?.value {
            lines.push(line.value().trim().to_owned());
        }
    }
    let text = lines.join(" ").trim().to_owned();
    if text.is_empty() {
        Err(syn::Error::new(span, "a doc comment is missing: it is what users read"))
    } else {
        Ok(text)
    }
}

fn once<T>(slot: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>, problem: &str) -> Result<()> {
    if slot.is_some() {
        return Err(meta.error(problem));
    }
    *slot = Some(value);
    Ok(())
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

fn texts(meta: &ParseNestedMeta<'_>) -> Result<Vec<String>> {
    let inside;
    parenthesized!(inside in meta.input);
    let items = Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?;
    Ok(items.iter().map(LitStr::value).collect())
}

fn range(meta: &ParseNestedMeta<'_>) -> Result<(i64, i64)> {
    let expr: Expr = meta.value()?.parse()?;
    let wrong = |span| syn::Error::new(span, "a range is written `low..=high`, with whole numbers");
    let Expr::Range(range) = &expr else { return Err(wrong(expr.span())) };
    if !matches!(range.limits, RangeLimits::Closed(_)) {
        return Err(wrong(expr.span()));
    }
    let bound = |end: &Option<Box<Expr>>| end.as_deref().and_then(whole);
    match (bound(&range.start), bound(&range.end)) {
        (Some(low), Some(high)) if low <= high => Ok((low, high)),
        _ => Err(wrong(expr.span())),
    }
}

fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => whole(&unary.expr).map(|n: i64| -n),
        _ => None,
    }
}
