//! A field with its attributes, judged: what comes out of here can be generated without further questions.

use crate::attrs::{self, Change, FieldAttrs, Nesting, Role};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, GenericArgument, Ident, PathArguments, Result, Type};

/// What a Rust type is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Bool,
    Whole,
    Collection,
    Map,
    Any,
    Secret,
    /// A struct of ours, or something that is not known.
    Named,
}

/// One field.
pub struct Member {
    pub ident: Ident,
    pub name: String,
    pub doc: String,
    pub ty: Type,
    /// The type inside `Option`, or `ty`.
    pub inner: Type,
    pub is_option: bool,
    pub form: Form,
    pub attrs: FieldAttrs,
    pub role: Role,
}

/// The fields of a struct, in order.
pub fn members(input: &DeriveInput) -> Result<Vec<Member>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(&fields.named),
            Fields::Unnamed(_) | Fields::Unit => None,
        },
        Data::Enum(_) | Data::Union(_) => None,
    };
    let fields = named.ok_or_else(|| syn::Error::new(input.ident.span(), "this needs a struct with named fields"))?;
    let mut problems: Option<syn::Error> = None;
    let mut found: Vec<Member> = Vec::new();
    for field in fields {
        let judged = member(field).and_then(|member| match found.iter().find(|m| m.name == member.name) {
            Some(_) => Err(syn::Error::new(field.span(), format!("`{}` stands twice", member.name))),
            None => Ok(member),
        });
        match (judged, &mut problems) {
            (Ok(member), _) => found.push(member),
            (Err(problem), Some(all)) => all.combine(problem),
            (Err(problem), None) => problems = Some(problem),
        }
    }
    problems.map_or(Ok(found), Err)
}

fn member(field: &Field) -> Result<Member> {
    let span = field.span();
    let ident = field.ident.clone().ok_or_else(|| syn::Error::new(span, "this field has no name"))?;
    let attrs = attrs::field(&field.attrs, span)?;
    let role = attrs.role.ok_or_else(|| {
        let roles = "`required`, `optional`, `optional_computed`, `computed` or `write_only`";
        syn::Error::new(span, format!("a role is missing: one of {roles}"))
    })?;
    let (inner, is_option) = match argument(&field.ty, "Option") {
        Some(inner) => (inner.clone(), true),
        None => (field.ty.clone(), false),
    };
    let text = ident.to_string();
    let name = attrs.name.clone().unwrap_or_else(|| text.strip_prefix("r#").unwrap_or(&text).to_owned());
    let form = form(&inner);
    let doc = attrs::doc(&field.attrs, span)?;
    let member = Member { ident, name, doc, ty: field.ty.clone(), inner, is_option, form, attrs, role };
    match member.problem() {
        Some(problem) => Err(syn::Error::new(span, format!("`{}`: {problem}", member.name))),
        None => Ok(member),
    }
}

impl Member {
    /// The first thing about the field that makes no sense.
    fn problem(&self) -> Option<&'static str> {
        self.role_problem().or_else(|| self.shape_problem()).or_else(|| self.detail_problem())
    }

    fn role_problem(&self) -> Option<&'static str> {
        let holds_nothing = self.is_option || matches!(self.form, Form::Any | Form::Secret);
        let is_plain = !holds_nothing && !matches!(self.form, Form::Collection | Form::Map);
        let has_default = self.attrs.default.is_some();
        match self.role {
            Role::Required if self.is_option => {
                Some("a required attribute is always there: take `Option` away, or make it optional")
            }
            Role::Optional if self.is_option && has_default => {
                Some("an attribute with a default is always there: take `Option` away")
            }
            Role::Optional if is_plain && !has_default => {
                Some("an optional attribute may be missing: it needs `Option` or a default")
            }
            Role::OptionalComputed | Role::Computed if !holds_nothing => {
                Some("a computed attribute may be unknown: it needs `Option`")
            }
            Role::WriteOnly if !holds_nothing => Some("a write-only attribute cannot be read back: it needs `Option`"),
            Role::Required | Role::OptionalComputed | Role::Computed | Role::WriteOnly if has_default => {
                Some("only an optional attribute can have a default")
            }
            Role::Computed if self.attrs.severity.is_some() => {
                Some("nobody writes a computed attribute, so it does not drift and has no severity")
            }
            Role::Computed if self.attrs.change.is_some() || self.attrs.disrupts.is_some() => {
                Some("nobody writes a computed attribute, so a change of it cannot replace, be refused or disrupt")
            }
            Role::Required | Role::Optional | Role::OptionalComputed | Role::Computed | Role::WriteOnly => None,
        }
    }

    fn shape_problem(&self) -> Option<&'static str> {
        let is_struct = self.form == Form::Named;
        match self.attrs.nesting {
            None => None,
            Some(_) if self.attrs.default.is_some() => Some("a block has no default; its attributes have"),
            Some(_) if self.role == Role::WriteOnly => Some("a block is not write-only; its attributes are"),
            Some(Nesting::Single) => (!is_struct).then_some("`block` needs a struct with `#[derive(Block)]`"),
            Some(Nesting::List | Nesting::Set) if self.element().is_none() => {
                Some("`block_list` and `block_set` need a `Vec` of a struct with `#[derive(Block)]`")
            }
            Some(Nesting::List | Nesting::Set) => None,
        }
    }

    fn detail_problem(&self) -> Option<&'static str> {
        let attrs = &self.attrs;
        if attrs.is_secret != (self.form == Form::Secret) {
            return Some("a secret is kept as an expression: `secret` and the type `Secret` go together");
        }
        if !attrs.one_of.is_empty() && !matches!(self.form, Form::Text | Form::Collection) {
            return Some("`one_of` lists texts: it needs `String` or a collection of it");
        }
        if attrs.range.is_some() && !matches!(self.form, Form::Text | Form::Whole | Form::Collection) {
            return Some("`range` limits a number or the length of a text");
        }
        if attrs.unit.is_some() && !matches!(self.form, Form::Whole | Form::Any) {
            return Some("`unit` belongs to a number");
        }
        if attrs.disrupts.is_some() && matches!(attrs.change, Some(Change::Replaces | Change::Refused(_))) {
            return Some("`disrupts` tells about a change in place, and this one is not made in place");
        }
        None
    }

    /// The type of the elements of a `Vec` or `BTreeSet`.
    pub fn element(&self) -> Option<&Type> {
        argument(&self.inner, "Vec").or_else(|| argument(&self.inner, "BTreeSet"))
    }

    /// Where the field stands.
    pub fn span(&self) -> Span {
        self.ident.span()
    }
}

fn form(ty: &Type) -> Form {
    let Type::Path(path) = ty else { return Form::Named };
    let Some(last) = path.path.segments.last() else { return Form::Named };
    match last.ident.to_string().as_str() {
        "String" => Form::Text,
        "bool" => Form::Bool,
        "i64" | "i32" | "u64" | "u32" | "u16" | "u8" => Form::Whole,
        "Vec" | "BTreeSet" => Form::Collection,
        "BTreeMap" => Form::Map,
        "Value" => Form::Any,
        "Secret" => Form::Secret,
        _ => Form::Named,
    }
}

/// The argument of the generic type `name`.
fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
