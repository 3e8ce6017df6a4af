//! IAM: roles, their trust policies, attached policies and tags.
//!
//! A new role shows in IAM's own answers, and to other services, only after the configured lag. It leaves out inline
//! and customer managed policies, instance profiles and OIDC providers.
//!
//! # Source
//! AWS Identity and Access Management API Reference (2010-05-08), CreateRole .. UpdateAssumeRolePolicy; IAM User
//! Guide, "Changes that I make are not always immediately visible" and "IAM and AWS STS quotas".

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Cx;
use super::call::{Input, Parsed};
use super::error::AwsError;
use super::query::Form;
use super::sigv4::encode;
use crate::clock::iso;
use crate::json::{number, object_at, set, text, texts};
use crate::world::{Role, World};

pub(crate) const VERSION: &str = "2010-05-08";
pub(crate) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

const OPERATIONS: &[(&str, &[&str], bool)] = &[
    (
        "CreateRole",
        &[
            "RoleName",
            "AssumeRolePolicyDocument",
            "Path",
            "Description",
            "MaxSessionDuration",
            "PermissionsBoundary",
            "Tags",
        ],
        true,
    ),
    ("GetRole", &["RoleName"], false),
    ("ListRoles", &["PathPrefix", "Marker", "MaxItems"], false),
    ("DeleteRole", &["RoleName"], true),
    ("AttachRolePolicy", &["RoleName", "PolicyArn"], true),
    ("DetachRolePolicy", &["RoleName", "PolicyArn"], true),
    ("ListAttachedRolePolicies", &["RoleName", "PathPrefix", "Marker", "MaxItems"], false),
    ("ListRolePolicies", &["RoleName", "Marker", "MaxItems"], false),
    ("ListInstanceProfilesForRole", &["RoleName", "Marker", "MaxItems"], false),
    ("TagRole", &["RoleName", "Tags"], true),
    ("UntagRole", &["RoleName", "TagKeys"], true),
    ("ListRoleTags", &["RoleName", "Marker", "MaxItems"], false),
    ("UpdateAssumeRolePolicy", &["RoleName", "PolicyDocument"], true),
];

/// Names behind `arn:aws:iam::aws:policy/` that can be attached.
///
/// # Source
/// AWS Managed Policy Reference Guide.
const MANAGED_POLICIES: &[&str] = &[
    "AdministratorAccess",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSServicePolicy",
    "AmazonEKSVPCResourceController",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
    "ReadOnlyAccess",
    "service-role/AmazonEBSCSIDriverPolicy",
    "service-role/AmazonEFSCSIDriverPolicy",
];

/// Where the managed policies are.
pub(crate) const MANAGED_PREFIX: &str = "arn:aws:iam::aws:policy/";

/// Reads a request.
pub(crate) fn parse(form: Form) -> Parsed {
    Parsed::form(form, OPERATIONS, &["RoleName"])
}

/// Carries a request out.
pub(crate) fn execute(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let Input::Form(form) = &cx.call.input else {
        return Err(validation("not a query request"));
    };
    match cx.call.operation.as_str() {
        "CreateRole" => create(cx, form),
        "GetRole" => Ok(json!({"Role": role_view(&role(cx, form)?.doc, true)})),
        "ListRoles" => list(cx, form),
        "DeleteRole" => delete(cx, form),
        "AttachRolePolicy" => attach(cx, form),
        "DetachRolePolicy" => detach(cx, form),
        "ListAttachedRolePolicies" => {
            let attached = texts(&role(cx, form)?.doc, "/AttachedPolicies");
            let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
            let items = attached.into_iter().map(|arn| json!({"PolicyName": name(&arn), "PolicyArn": arn}));
            page(form, "AttachedPolicies", items.collect())
        }
        "ListRolePolicies" => role(cx, form).and_then(|_| page(form, "PolicyNames", Vec::new())),
        "ListInstanceProfilesForRole" => role(cx, form).and_then(|_| page(form, "InstanceProfiles", Vec::new())),
        "TagRole" => tag(cx, form),
        "UntagRole" => untag(cx, form),
        "ListRoleTags" => page(form, "Tags", tag_list(&role(cx, form)?.doc)),
        _ => update_trust(cx, form),
    }
}

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

fn no_such_role(name: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

/// The role that an ARN names, in whatever account.
pub(crate) fn role_of_arn<'a>(world: &'a World, arn: &str) -> Option<&'a Role> {
    let account = arn.split(':').nth(4)?;
    let name = arn.rsplit('/').next()?;
    let role = world.roles.get(account)?.get(name)?;
    (text(&role.doc, "/Arn") == arn).then_some(role)
}

/// The statement of a role's trust policy that allows one of the principals the action; any principal of the type
/// when none is given.
pub(crate) fn trust(role: &Role, principal_type: &str, principals: &[&str], action: &str) -> Option<Value> {
    let policy: Value = serde_json::from_str(text(&role.doc, "/AssumeRolePolicyDocument")).ok()?;
    let statements = many(policy.get("Statement"));
    statements.into_iter().find(|statement| {
        let holds = |value: Option<&Value>, wanted: &[&str]| {
            many(value).iter().filter_map(Value::as_str).any(|text| wanted.contains(&text))
        };
        let principal = statement.get("Principal");
        let named = principal.and_then(|principal| principal.get(principal_type));
        let is_anyone = principal.and_then(Value::as_str) == Some("*");
        let is_named = if principals.is_empty() { named.is_some() } else { holds(named, principals) };
        text(statement, "/Effect") == "Allow"
            && (is_anyone || is_named)
            && holds(statement.get("Action"), &[action, "sts:*", "*"])
    })
}

fn many(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// The role of a request, as IAM shows it now.
fn role<'a>(cx: &'a Cx<'_>, form: &Form) -> Result<&'a Role, AwsError> {
    let name = form.text("RoleName");
    let role = cx.world.roles.get(cx.account()).and_then(|roles| roles.get(name));
    role.filter(|role| role.visible_at <= cx.now).ok_or_else(|| no_such_role(name))
}

fn role_mut<'a>(cx: &'a mut Cx<'_>, form: &Form) -> Result<&'a mut Role, AwsError> {
    role(cx, form)?;
    let name = form.text("RoleName");
    let roles = cx.world.roles.get_mut(&cx.call.caller.account);
    roles.and_then(|roles| roles.get_mut(name)).ok_or_else(|| no_such_role(name))
}

fn tag_list(doc: &Value) -> Vec<Value> {
    let tags = doc.get("Tags").and_then(Value::as_object).into_iter().flatten();
    tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn role_view(doc: &Value, with_tags: bool) -> Value {
    let date = doc.get("CreateDate").and_then(Value::as_f64).unwrap_or_default();
    let tags = tag_list(doc);
    json!({
        "Path": doc.get("Path"), "RoleName": doc.get("RoleName"), "RoleId": doc.get("RoleId"), "Arn": doc.get("Arn"),
        "CreateDate": iso(date), "Description": doc.get("Description"), "MaxSessionDuration": doc.get("MaxSessionDuration"),
        // IAM gives policy documents URL-encoded (RFC 3986).
        "AssumeRolePolicyDocument": encode(text(doc, "/AssumeRolePolicyDocument"), false),
        "Tags": (with_tags && !tags.is_empty()).then_some(tags),
    })
}

/// One page of a list; the marker is the position of the next item.
fn page(form: &Form, name: &str, items: Vec<Value>) -> Result<Value, AwsError> {
    let size = form.get("MaxItems").map_or(Ok(100), str::parse::<usize>).unwrap_or(0);
    if !(1..=1000).contains(&size) {
        return Err(validation("Value at 'maxItems' must be between 1 and 1000"));
    }
    let start = form.get("Marker").map_or(Ok(0), str::parse::<usize>);
    let start = start.map_err(|_| validation("Invalid Marker"))?;
    let end = start.saturating_add(size);
    let has_more = items.len() > end;
    let slice: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    Ok(json!({name: slice, "IsTruncated": has_more, "Marker": has_more.then(|| end.to_string())}))
}

fn create(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let name = form.text("RoleName").to_owned();
    let account = cx.account().to_owned();
    check_name(&name)?;
    let trust = checked_document(form, "AssumeRolePolicyDocument")?;
    let path = form.get("Path").unwrap_or("/").to_owned();
    if !path.starts_with('/') || !path.ends_with('/') {
        return Err(validation("The specified value for path is invalid. It must begin and end with /"));
    }
    let duration: i64 = form.get("MaxSessionDuration").map_or(Ok(3600), str::parse).unwrap_or(0);
    if !(3600..=43_200).contains(&duration) {
        return Err(validation("Value at 'maxSessionDuration' must be between 3600 and 43200"));
    }
    let tags = checked_tags(form)?;
    let roles = cx.world.roles.entry(account.clone()).or_default();
    // Names are unique without regard to case.
    if roles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(AwsError::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let quota = cx.world.config.quotas.roles;
    if roles.len() >= quota {
        let text = format!("Cannot exceed quota for RolesPerAccount: {quota}");
        return Err(AwsError::new(409, "LimitExceeded", text));
    }
    let role_id = cx.world.iam_id(&account, &name);
    let doc = json!({
        "RoleName": name, "Path": path, "Arn": format!("arn:aws:iam::{account}:role{path}{name}"), "RoleId": role_id,
        "CreateDate": cx.now, "Description": form.get("Description"), "MaxSessionDuration": duration,
        "AssumeRolePolicyDocument": trust, "Tags": tags, "AttachedPolicies": [],
    });
    let lag = cx.world.config.lag;
    let answer = json!({"Role": role_view(&doc, true)});
    let role = Role {
        doc,
        visible_at: cx.now + lag.iam,
        trusted_at: cx.now + lag.iam_propagation,
        attached_at: BTreeMap::new(),
    };
    cx.world.roles.entry(account).or_default().insert(name, role);
    Ok(answer)
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if is_name {
        return Ok(());
    }
    Err(validation(
        "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
    ))
}

fn checked_document(form: &Form, parameter: &str) -> Result<String, AwsError> {
    let document = form.text(parameter);
    let malformed = |text: &str| AwsError::new(400, "MalformedPolicyDocument", text);
    let parsed: Value = serde_json::from_str(document).map_err(|_| malformed("This policy contains invalid Json"))?;
    if many(parsed.get("Statement")).is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    if many(parsed.get("Statement")).iter().any(|statement| statement.get("Principal").is_none()) {
        return Err(malformed("AssumeRolepolicy contained a statement without a principal."));
    }
    let length = document.chars().filter(|character| !character.is_whitespace()).count();
    if length > 2048 {
        return Err(AwsError::new(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    Ok(document.to_owned())
}

fn checked_tags(form: &Form) -> Result<Map<String, Value>, AwsError> {
    let mut tags = Map::new();
    for (key, value) in form.tags("Tags.member") {
        let value = value.unwrap_or_default();
        let is_sound = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !is_sound || key.starts_with("aws:") {
            return Err(AwsError::new(400, "InvalidInput", format!("The tag key or value of '{key}' is invalid.")));
        }
        if tags.insert(key.clone(), json!(value)).is_some() {
            return Err(AwsError::new(
                400,
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    if tags.len() > 50 {
        return Err(AwsError::new(409, "LimitExceeded", "The number of tags has reached the maximum limit."));
    }
    Ok(tags)
}

fn list(cx: &Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let prefix = form.get("PathPrefix").unwrap_or("/");
    let roles = cx.world.roles.get(cx.account()).into_iter().flat_map(BTreeMap::values);
    let shown = roles.filter(|role| role.visible_at <= cx.now && text(&role.doc, "/Path").starts_with(prefix));
    page(form, "Roles", shown.map(|role| role_view(&role.doc, false)).collect())
}

fn delete(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    if !texts(&role(cx, form)?.doc, "/AttachedPolicies").is_empty() {
        let text = "Cannot delete entity, must detach all policies first.";
        return Err(AwsError::new(409, "DeleteConflict", text));
    }
    if let Some(roles) = cx.world.roles.get_mut(&cx.call.caller.account) {
        roles.remove(form.text("RoleName"));
    }
    Ok(Value::Null)
}

fn attach(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let arn = form.text("PolicyArn").to_owned();
    let quota = cx.world.config.quotas.attached_policies;
    let known_at = cx.now + cx.world.config.lag.iam_propagation;
    let role = role_mut(cx, form)?;
    let is_known = arn.strip_prefix(MANAGED_PREFIX).is_some_and(|name| MANAGED_POLICIES.contains(&name));
    if !is_known {
        let text = format!("Policy {arn} does not exist or is not attachable.");
        return Err(AwsError::new(404, "NoSuchEntity", text));
    }
    let mut attached = texts(&role.doc, "/AttachedPolicies");
    if attached.contains(&arn) {
        return Ok(Value::Null);
    }
    if attached.len() >= quota {
        let text = format!("Cannot exceed quota for PoliciesPerRole: {quota}");
        return Err(AwsError::new(409, "LimitExceeded", text));
    }
    role.attached_at.insert(arn.clone(), known_at);
    attached.push(arn);
    set(&mut role.doc, "/AttachedPolicies", json!(attached));
    Ok(Value::Null)
}

fn detach(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let arn = form.text("PolicyArn");
    let role = role_mut(cx, form)?;
    let mut attached = texts(&role.doc, "/AttachedPolicies");
    let before = attached.len();
    attached.retain(|known| known != arn);
    if attached.len() == before {
        return Err(AwsError::new(404, "NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    role.attached_at.remove(arn);
    set(&mut role.doc, "/AttachedPolicies", json!(attached));
    Ok(Value::Null)
}

fn tag(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let new = checked_tags(form)?;
    let role = role_mut(cx, form)?;
    let Some(tags) = object_at(&mut role.doc, "/Tags") else {
        return Ok(Value::Null);
    };
    let fresh = new.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len().saturating_add(fresh) > 50 {
        return Err(AwsError::new(409, "LimitExceeded", "The number of tags has reached the maximum limit."));
    }
    tags.extend(new);
    Ok(Value::Null)
}

fn untag(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let keys = form.list("TagKeys.member");
    let role = role_mut(cx, form)?;
    if let Some(tags) = object_at(&mut role.doc, "/Tags") {
        keys.iter().for_each(|key| {
            tags.remove(key);
        });
    }
    Ok(Value::Null)
}

fn update_trust(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let document = checked_document(form, "PolicyDocument")?;
    let trusted_at = cx.now + cx.world.config.lag.iam_propagation;
    let role = role_mut(cx, form)?;
    set(&mut role.doc, "/AssumeRolePolicyDocument", json!(document));
    role.trusted_at = trusted_at;
    Ok(Value::Null)
}

/// Seconds of the longest session; used by STS.
pub(crate) fn longest_session(role: &Role) -> i64 {
    number(&role.doc, "/MaxSessionDuration").unwrap_or(3600)
}
