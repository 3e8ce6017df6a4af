//! The `provider "eks"` block and the `credentials` argument, and how the one is laid over the other.

use std::collections::{BTreeMap, BTreeSet};
use terrane_core::Value;
use terrane_derive::{Block, Resource};
use terrane_provider::typed::Typed;
use terrane_provider::{CallContext, Fault, FaultKind};

/// Credentials, endpoints, default tags and request rate for everything on EKS. All of it is optional: the usual AWS
/// environment is enough.
#[derive(Debug, Default, Resource)]
#[resource(type = "eks", version = 1, kind = provider)]
pub struct Configuration {
    /// Region of clusters and data sources that name none.
    #[attr(optional, example = "eu-west-1")]
    pub region: Option<String>,
    /// Profile of the shared configuration files.
    #[attr(optional)]
    pub profile: Option<String>,
    /// Role to assume.
    #[attr(optional, example = "arn:aws:iam::111122223333:role/deployer")]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for.
    #[attr(optional, range = 2..=1224)]
    pub external_id: Option<String>,
    /// Name of the session of the assumed role.
    #[attr(optional, range = 2..=64)]
    pub session_name: Option<String>,
    /// File with a web identity token, used with `role_arn`.
    #[attr(optional)]
    pub web_identity_token_file: Option<String>,
    /// Where the services are, in place of AWS's own addresses.
    #[attr(optional, block)]
    pub endpoints: Option<Endpoints>,
    /// Accounts that may be touched; with any other nothing is done.
    #[attr(optional, example = "[\"111122223333\"]")]
    pub allowed_accounts: BTreeSet<String>,
    /// Tags of every object that can have tags; tags of the object win.
    #[attr(optional)]
    pub tags: BTreeMap<String, String>,
    /// Tag keys that others set and that are never looked at; `*` at the end stands for any rest.
    #[attr(optional, example = "[\"cost:*\"]")]
    pub ignore_tags: BTreeSet<String>,
    /// How fast requests are sent, for each account, region and service.
    #[attr(optional, block)]
    pub rate: Option<Rate>,
}

/// Addresses of services.
#[derive(Clone, Debug, Default, Block)]
pub struct Endpoints {
    /// URL of EKS.
    #[attr(optional, example = "http://127.0.0.1:5000")]
    pub eks: Option<String>,
    /// URL of EC2.
    #[attr(optional)]
    pub ec2: Option<String>,
    /// URL of IAM.
    #[attr(optional)]
    pub iam: Option<String>,
    /// URL of STS.
    #[attr(optional)]
    pub sts: Option<String>,
}

/// A request rate.
#[derive(Clone, Debug, Block)]
pub struct Rate {
    /// Requests a second.
    #[attr(optional, range = 1..=1000)]
    pub per_second: Option<u32>,
    /// Requests at once after a pause.
    #[attr(optional, range = 1..=1000)]
    pub burst: Option<u32>,
    /// Requests under way at once.
    #[attr(optional, range = 1..=1000)]
    pub parallel: Option<u32>,
}

/// Which credentials reach an object: names, never secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Block)]
pub struct Credentials {
    /// Profile of the shared configuration files.
    #[attr(optional)]
    pub profile: Option<String>,
    /// Role to assume.
    #[attr(optional)]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for.
    #[attr(optional)]
    pub external_id: Option<String>,
    /// Name of the session of the assumed role.
    #[attr(optional)]
    pub session_name: Option<String>,
    /// File with a web identity token, used with `role_arn`.
    #[attr(optional)]
    pub web_identity_token_file: Option<String>,
}

impl Configuration {
    /// Reads a provider block; null is an empty one.
    ///
    /// # Errors
    /// `Bug`: the language checked it already.
    pub fn read(value: &Value) -> Result<Self, Fault> {
        if value.is_null() {
            return Ok(Self::default());
        }
        Self::from_value(value).map_err(|error| Fault::bug("provider eks", error.to_string()))
    }

    /// The credentials to use when an object says `over`.
    ///
    /// A `profile` there replaces the whole way in, the role of the provider block included; a `role_arn` replaces
    /// the role with its external id and token file. The session name is only a label and is kept.
    #[must_use]
    pub fn credentials(&self, over: &Credentials) -> Credentials {
        let own = Credentials {
            profile: self.profile.clone(),
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            session_name: self.session_name.clone(),
            web_identity_token_file: self.web_identity_token_file.clone(),
        };
        let is_other_source = over.profile.is_some();
        let is_other_role = is_other_source || over.role_arn.is_some();
        let under = |is_other: bool, value: Option<String>| if is_other { None } else { value };
        Credentials {
            profile: over.profile.clone().or(own.profile),
            role_arn: over.role_arn.clone().or_else(|| under(is_other_role, own.role_arn)),
            external_id: over.external_id.clone().or_else(|| under(is_other_role, own.external_id)),
            session_name: over.session_name.clone().or(own.session_name),
            web_identity_token_file: over
                .web_identity_token_file
                .clone()
                .or_else(|| under(is_other_role, own.web_identity_token_file)),
        }
    }
}

/// The `credentials` argument of an object.
///
/// # Errors
/// `Invalid` where it is no such object.
pub fn credentials_of(cx: &CallContext<'_>) -> Result<Credentials, Fault> {
    let value = &cx.access.credentials;
    if value.is_null() {
        return Ok(Credentials::default());
    }
    Credentials::from_value(value).map_err(|error| {
        let argument = Some(terrane_core::Path::attr("credentials"));
        Fault::new(FaultKind::Invalid { argument }, "credentials", error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Configuration {
        Configuration {
            profile: Some("hub".to_owned()),
            role_arn: Some("role/hub".to_owned()),
            external_id: Some("x".to_owned()),
            session_name: Some("terrane".to_owned()),
            ..Configuration::default()
        }
    }

    #[test]
    fn a_role_replaces_the_role_and_what_belongs_to_it() {
        let over = Credentials { role_arn: Some("role/spoke".to_owned()), ..Credentials::default() };
        let used = provider().credentials(&over);
        assert_eq!(used.profile.as_deref(), Some("hub"));
        assert_eq!(used.role_arn.as_deref(), Some("role/spoke"));
        assert_eq!((used.external_id, used.session_name.as_deref()), (None, Some("terrane")));
    }

    #[test]
    fn a_profile_replaces_the_whole_way_in() {
        let over = Credentials { profile: Some("other".to_owned()), ..Credentials::default() };
        let used = provider().credentials(&over);
        assert_eq!((used.profile.as_deref(), used.role_arn), (Some("other"), None));
    }

    #[test]
    fn nothing_written_leaves_the_provider_block() {
        let used = provider().credentials(&Credentials::default());
        assert_eq!((used.role_arn.as_deref(), used.external_id.as_deref()), (Some("role/hub"), Some("x")));
        assert!(Configuration::read(&Value::NULL).is_ok());
    }
}
