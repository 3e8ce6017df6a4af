//! Tags of clusters and node groups, by ARN.
//!
//! # Source
//! Amazon EKS API Reference, TagResource, UntagResource, ListTagsForResource; Amazon EKS User Guide, "Tag restrictions".

use serde_json::{Map, Value, json};

use super::{body, path, query};
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::json::{object_at, text};

const MOST: usize = 50;

/// Refuses tags that EKS does not take.
pub(super) fn check(tags: &Map<String, Value>) -> Result<(), String> {
    if tags.len() > MOST {
        return Err(format!("The number of tags must not exceed {MOST}"));
    }
    for (key, value) in tags {
        let value = value.as_str().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
            return Err(format!("The tag '{key}' is too long"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("The tag key '{key}' begins with the reserved prefix aws:"));
        }
    }
    Ok(())
}

fn document<'a>(cx: &'a mut Cx<'_>) -> Result<&'a mut Value, AwsError> {
    let arn = path(cx, 0).to_owned();
    let missing = || AwsError::new(404, "NotFoundException", format!("Resource not found: {arn}"));
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", "aws", "eks", region, account, resource] = parts.as_slice() else {
        return Err(AwsError::new(400, "BadRequestException", format!("Invalid ARN: {arn}")));
    };
    if region != cx.call.region || account != cx.account() {
        return Err(missing());
    }
    let clusters = &mut cx.region().clusters;
    let found = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["cluster", name] => clusters.get_mut(*name).map(|cluster| &mut cluster.own.doc),
        ["nodegroup", name, group, _] => {
            let groups = clusters.get_mut(*name).map(|cluster| &mut cluster.node_groups);
            let doc = groups.and_then(|groups| groups.get_mut(*group)).map(|managed| &mut managed.doc);
            doc.filter(|doc| text(doc, "/nodegroupArn") == arn)
        }
        _ => None,
    };
    found.ok_or_else(missing)
}

/// TagResource.
pub(super) fn tag(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let bad = |text: String| AwsError::new(400, "BadRequestException", text);
    let new = body(cx).get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let doc = document(cx)?;
    let mut merged = object_at(doc, "/tags").cloned().unwrap_or_default();
    merged.extend(new);
    check(&merged).map_err(bad)?;
    crate::json::set(doc, "/tags", Value::Object(merged));
    Ok(json!({}))
}

/// UntagResource.
pub(super) fn untag(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let keys = query(cx, "tagKeys");
    if keys.is_empty() {
        return Err(AwsError::new(400, "BadRequestException", "tagKeys must not be empty"));
    }
    if let Some(tags) = object_at(document(cx)?, "/tags") {
        keys.iter().for_each(|key| {
            tags.remove(key);
        });
    }
    Ok(json!({}))
}

/// ListTagsForResource.
pub(super) fn list(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let tags = document(cx)?.get("tags").cloned().unwrap_or_else(|| json!({}));
    Ok(json!({"tags": tags}))
}
