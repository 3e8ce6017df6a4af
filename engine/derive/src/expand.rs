//! From judged fields to code.

use crate::attrs::{self, Change, Kind, Nesting, Role, Rule, Severity};
use crate::model::{self, Form, Member};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr, ExprArray, ExprLit, Lit, Result};

/// The code of `#[derive(Resource)]`.
pub fn resource(input: &DeriveInput) -> Result<TokenStream> {
    let attrs = attrs::resource(&input.attrs, input.ident.span())?;
    let doc = attrs::doc(&input.attrs, input.ident.span())?;
    let block = block(input)?;
    let ident = &input.ident;
    let (type_name, version) = (&attrs.type_name, attrs.version);
    let kind = match attrs.kind {
        Kind::Resource => quote!(Resource),
        Kind::Data => quote!(Data),
        Kind::Provider => quote!(Provider),
    };
    let rules = attrs.rules.iter().map(|(rule, paths)| rule_code(*rule, paths));
    let gone = severity_code(attrs.gone);
    Ok(quote! {
        #block
        impl #ident {
            /// The declaration.
            #[must_use]
            pub fn schema() -> ::terrane_core::Schema {
                ::terrane_core::Schema {
                    type_name: #type_name.into(),
                    kind: ::terrane_core::schema::SchemaKind::#kind,
                    version: #version,
                    doc: #doc.into(),
                    body: <Self as ::terrane_provider::typed::TypedBlock>::block(),
                    rules: ::std::vec![#(#rules),*],
                    gone: #gone,
                }
            }
        }
    })
}

fn severity_code(severity: Severity) -> TokenStream {
    match severity {
        Severity::Low => quote!(::terrane_core::DriftSeverity::Low),
        Severity::Medium => quote!(::terrane_core::DriftSeverity::Medium),
        Severity::High => quote!(::terrane_core::DriftSeverity::High),
        Severity::Critical => quote!(::terrane_core::DriftSeverity::Critical),
    }
}

fn rule_code(rule: Rule, paths: &[String]) -> TokenStream {
    let variant = match rule {
        Rule::Conflicts => quote!(Conflicts),
        Rule::ExactlyOne => quote!(ExactlyOne),
        Rule::Requires => quote!(Requires),
        Rule::AnyTrue => quote!(AnyTrue),
        Rule::AtMost => quote!(AtMost),
    };
    let paths = paths.iter().map(|path| quote!(::terrane_core::Path::dotted(#path)));
    match rule {
        Rule::Requires | Rule::AtMost => quote!(::terrane_core::schema::Rule::#variant(#(#paths),*)),
        Rule::Conflicts | Rule::ExactlyOne | Rule::AnyTrue => {
            quote!(::terrane_core::schema::Rule::#variant(::std::vec![#(#paths),*]))
        }
    }
}

/// The code of `#[derive(Block)]`.
pub fn block(input: &DeriveInput) -> Result<TokenStream> {
    let members = model::members(input)?;
    let ident = &input.ident;
    let attributes = members.iter().map(attribute).collect::<Result<Vec<_>>>()?;
    let reads = members.iter().map(read).collect::<Result<Vec<_>>>()?;
    let writes = members.iter().map(write);
    Ok(quote! {
        impl ::terrane_provider::typed::TypedBlock for #ident {
            fn block() -> ::terrane_core::Block {
                ::terrane_core::Block { attributes: ::std::vec![#(#attributes),*] }
            }
        }
        impl ::terrane_provider::typed::Typed for #ident {
            fn ty() -> ::terrane_core::Type {
                <Self as ::terrane_provider::typed::TypedBlock>::block().implied_type()
            }
            fn from_value(
                value: &::terrane_core::Value,
            ) -> ::std::result::Result<Self, ::terrane_provider::typed::TypedError> {
                ::terrane_provider::typed::expect_object(value)?;
                ::std::result::Result::Ok(Self { #(#reads),* })
            }
            fn to_value(&self) -> ::terrane_core::Value {
                ::terrane_core::Value::object(::std::vec![#(#writes),*])
            }
        }
    })
}

fn attribute(member: &Member) -> Result<TokenStream> {
    let (name, doc, attrs) = (&member.name, &member.doc, &member.attrs);
    let shape = shape(member);
    let role = match member.role {
        Role::Required => quote!(Required),
        Role::Optional => quote!(Optional),
        Role::OptionalComputed => quote!(OptionalComputed),
        Role::Computed => quote!(Computed),
        Role::WriteOnly => quote!(WriteOnly),
    };
    let mut sets = vec![quote!(attribute.doc = #doc.into();)];
    match &attrs.change {
        Some(Change::Replaces) => sets.push(quote!(attribute.change = ::terrane_core::OnChange::Replaces;)),
        Some(Change::Refused(why)) => {
            sets.push(quote!(attribute.change = ::terrane_core::OnChange::Refused(#why.into());));
        }
        None => {}
    }
    if attrs.is_secret {
        sets.push(quote!(attribute.is_secret = true;));
    }
    if let Some(default) = default(member)? {
        let ty = &member.ty;
        sets.push(quote! {
            let default: #ty = #default;
            attribute.default = ::std::option::Option::Some(::terrane_provider::typed::Typed::to_value(&default));
        });
    }
    if member.form == Form::Whole {
        sets.push(quote!(attribute.is_whole = true;));
    }
    if let Some((low, high)) = attrs.range {
        sets.push(quote!(attribute.range = ::std::option::Option::Some((#low, #high));));
    }
    if !attrs.one_of.is_empty() {
        let allowed = &attrs.one_of;
        sets.push(quote!(attribute.one_of = ::std::vec![#(#allowed.into()),*];));
    }
    if let Some(severity) = attrs.severity.map(severity_code) {
        sets.push(quote!(attribute.severity = ::std::option::Option::Some(#severity);));
    }
    let texts = [
        (quote!(disrupts), &attrs.disrupts),
        (quote!(unit), &attrs.unit),
        (quote!(example), &attrs.example),
        (quote!(source), &attrs.source),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            sets.push(quote!(attribute.#field = ::std::option::Option::Some(#text.into());));
        }
    }
    Ok(quote!({
        let mut attribute = ::terrane_core::Attribute::new(#name, #shape, ::terrane_core::Role::#role);
        #(#sets)*
        attribute
    }))
}

fn shape(member: &Member) -> TokenStream {
    let ty = &member.inner;
    let nested = |ty: &syn::Type, nesting: TokenStream| {
        quote!(::terrane_core::Shape::Block {
            block: <#ty as ::terrane_provider::typed::TypedBlock>::block(),
            nesting: ::terrane_core::Nesting::#nesting,
        })
    };
    let element = member.element().unwrap_or(ty);
    match member.attrs.nesting {
        None => quote!(::terrane_core::Shape::Value(<#ty as ::terrane_provider::typed::Typed>::ty())),
        Some(Nesting::Single) => nested(ty, quote!(Single)),
        Some(Nesting::List) => nested(element, quote!(List)),
        Some(Nesting::Set) => nested(element, quote!(Set)),
    }
}

fn read(member: &Member) -> Result<TokenStream> {
    let (ident, name) = (&member.ident, &member.name);
    Ok(match default(member)? {
        Some(default) => quote!(#ident: ::terrane_provider::typed::field_or(value, #name, || #default)?),
        None => quote!(#ident: ::terrane_provider::typed::field(value, #name)?),
    })
}

fn write(member: &Member) -> TokenStream {
    let (ident, name) = (&member.ident, &member.name);
    let value = match member.attrs.nesting {
        Some(Nesting::Set) => {
            quote!(::terrane_provider::typed::as_set(::terrane_provider::typed::Typed::to_value(&self.#ident)))
        }
        Some(Nesting::Single | Nesting::List) | None => {
            quote!(::terrane_provider::typed::Typed::to_value(&self.#ident))
        }
    };
    quote!((#name.into(), #value))
}

/// The default as an expression of the field's type.
fn default(member: &Member) -> Result<Option<TokenStream>> {
    let Some(expr) = &member.attrs.default else { return Ok(None) };
    let code = match (expr, member.form) {
        (Expr::Array(ExprArray { elems, .. }), Form::Collection | Form::Map) => {
            let items = elems.iter().map(literal).collect::<Option<Vec<_>>>();
            let is_filled_map = member.form == Form::Map && !elems.is_empty();
            items
                .filter(|_| !is_filled_map)
                .map(|items| quote!(::std::iter::IntoIterator::into_iter([#(#items),*]).collect()))
        }
        (_, Form::Text | Form::Bool | Form::Whole | Form::Any) => literal(expr).map(|code| match member.form {
            Form::Any => quote!(::terrane_provider::typed::Typed::to_value(&#code)),
            _ => code,
        }),
        _ => None,
    };
    let wrong = "a default is a literal, or a list of literals; an empty map is written `[]`";
    code.map(Some).ok_or_else(|| syn::Error::new(member.span(), wrong))
}

fn literal(expr: &Expr) -> Option<TokenStream> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(quote!(::std::string::String::from(#text))),
        Expr::Lit(ExprLit { lit: Lit::Bool(_) | Lit::Int(_), .. }) | Expr::Unary(_) => Some(quote!(#expr)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn problem(input: &DeriveInput) -> String {
        block(input).err().map_or_else(|| "none".to_owned(), |e| e.to_string())
    }

    #[test]
    fn mixes_that_make_no_sense_are_refused() {
        let of = |field: TokenStream| -> String {
            let input: DeriveInput = syn::parse2(quote!(struct S { #[doc = "A doc."] #field })).expect("parses");
            problem(&input)
        };
        let check = |field: TokenStream, part: &str| {
            let found = of(field);
            assert!(found.contains(part), "{found}");
        };
        check(quote!(#[attr(required)] a: Option<String>), "take `Option` away");
        check(quote!(#[attr(computed)] a: String), "needs `Option`");
        check(quote!(#[attr(optional)] a: String), "`Option` or a default");
        check(quote!(#[attr(required, optional)] a: String), "exactly one");
        check(quote!(#[attr(required, default = true)] a: bool), "only an optional attribute");
        check(quote!(#[attr(computed, replaces)] a: Option<String>), "nobody writes");
        check(quote!(#[attr(required, replaces, refused = "no")] a: String), "not both");
        check(quote!(#[attr(required, secret)] a: String), "`Secret` go together");
        check(quote!(#[attr(required, one_of("a"))] a: u32), "one_of");
        check(quote!(#[attr(required, range = 1..4)] a: u32), "low..=high");
        check(quote!(#[attr(optional, block_list)] a: Option<Inner>), "need a `Vec`");
        check(quote!(#[attr(replaces)] a: String), "a role is missing");
        check(quote!(a: String), "needs `#[attr(..)]`");
        check(quote!(#[attr(required, severity = "bad")] a: String), "a severity is");
        check(quote!(#[attr(computed, severity = "low")] a: Option<String>), "nobody writes");
        check(quote!(#[attr(required, replaces, disrupts = "nodes")] a: String), "not made in place");
    }

    #[test]
    fn every_problem_of_a_struct_is_told() {
        let input: DeriveInput = parse_quote!(
            struct S {
                /// A.
                #[attr(computed)]
                a: String,
                /// B.
                #[attr(required)]
                b: Option<String>,
            }
        );
        assert_eq!(block(&input).err().map(|e| e.into_iter().count()), Some(2));
    }

    #[test]
    fn a_resource_needs_a_type_a_version_and_a_doc() {
        let text = |input: DeriveInput| resource(&input).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(
            text(parse_quote!(
                #[resource(version = 1)]
                struct S {}
            ))
            .contains("type")
        );
        assert!(
            text(parse_quote!(
                #[resource(type = "a")]
                struct S {}
            ))
            .contains("version")
        );
        assert!(
            text(parse_quote!(
                #[resource(type = "a", version = 1)]
                struct S {}
            ))
            .contains("doc comment")
        );
        let rules = parse_quote!(
            #[doc = "A."]
            #[resource(type = "a", version = 1, at_most("a"))]
            struct S {}
        );
        assert!(text(rules).contains("two paths"));
    }
}
