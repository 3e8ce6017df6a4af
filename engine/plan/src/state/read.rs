//! Reading many records: what is equal in them is read once and shared.
//!
//! An object's `seen` repeats most of its `sent`, and the objects of a fleet repeat each other's names, regions and
//! settings. Parts of one record with the same text become one value without being read again, short texts are
//! shared among all records, and addresses share their blocks.

use super::{Entry, Partial, Recorded, SecretDigest, StepResult};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use terrane_core::change::Owner;
use terrane_core::codec::Decoder;
use terrane_core::{AddrReader, InstanceAddr, ObjectId, Path, Scope, Text, Type, Value};
use terrane_provider::Access;

/// Shorter parts are read again: comparing costs as much.
const SHORTEST_PART: usize = 16;

/// The text of a record, cut into its parts. `sent` and `seen` have to be objects without a tag, as they are in every
/// record so far; a record of another form is read with [`Recorded`]'s own `Deserialize`.
#[derive(Deserialize)]
pub struct RecordText<'a> {
    #[serde(borrow)]
    addr: Cow<'a, str>,
    #[serde(default)]
    deposed: Option<Text>,
    #[serde(borrow)]
    id: IdText<'a>,
    #[serde(borrow)]
    access: &'a RawValue,
    schema_version: u32,
    #[serde(borrow)]
    sent: Parts<'a>,
    #[serde(borrow)]
    seen: Parts<'a>,
    #[serde(default)]
    made_ms: u64,
    #[serde(default)]
    owners: Vec<(Path, Owner)>,
    #[serde(default)]
    secrets: Vec<SecretDigest>,
    #[serde(default)]
    tainted: bool,
    #[serde(default)]
    partial: Option<Partial>,
    #[serde(default, borrow)]
    dependencies: Vec<Name<'a>>,
    #[serde(default)]
    prevent_destroy: bool,
    #[serde(default)]
    create_before_destroy: bool,
    #[serde(default)]
    timeouts: BTreeMap<Text, u64>,
}

#[derive(Deserialize)]
struct IdText<'a> {
    #[serde(rename = "type", borrow)]
    type_name: Cow<'a, str>,
    #[serde(borrow)]
    scope: &'a RawValue,
    #[serde(borrow)]
    key: Cow<'a, str>,
}

/// The text of an entry that brings a record, cut into its parts; of other entries the kind alone.
#[derive(Deserialize)]
struct EntryText<'a> {
    #[serde(borrow)]
    entry: Cow<'a, str>,
    #[serde(default)]
    step: Option<u32>,
    #[serde(default, borrow)]
    intent: Option<&'a RawValue>,
    #[serde(default)]
    result: Option<StepResult>,
    #[serde(default, borrow)]
    record: Option<RecordText<'a>>,
}

/// The attributes of an object, each as it is written.
struct Parts<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let mut parts = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            if name.starts_with('$') {
                return Err(A::Error::custom("a tagged value"));
            }
            parts.push((name, map.next_value()?));
        }
        Ok(Parts(parts))
    }
}

/// A name that is borrowed where it can be.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the records of one state.
pub struct RecordReader {
    decoder: Decoder,
    addrs: AddrReader,
    /// The scope and access that were read last, by their text: most records have the same.
    scope: Option<(String, Scope)>,
    access: Option<(String, Access)>,
}

impl Default for RecordReader {
    fn default() -> Self {
        Self { decoder: Decoder::sharing(), addrs: AddrReader::default(), scope: None, access: None }
    }
}

impl RecordReader {
    /// Reads a record.
    ///
    /// # Errors
    /// A part of it is not what it has to be.
    pub fn read(&mut self, text: RecordText<'_>) -> Result<Recorded, serde_json::Error> {
        let mut known = Vec::new();
        let sent = self.object(&text.sent, &mut known)?;
        let seen = self.object(&text.seen, &mut known)?;
        let dependencies = text.dependencies.iter().map(|Name(addr)| self.addr(addr));
        let dependencies = dependencies.collect::<Result<_, _>>()?;
        Ok(Recorded {
            addr: self.addr(&text.addr)?,
            deposed: text.deposed,
            id: self.id(&text.id)?,
            access: self.access(text.access)?,
            schema_version: text.schema_version,
            sent,
            seen,
            made_ms: text.made_ms,
            owners: text.owners,
            secrets: text.secrets,
            tainted: text.tainted,
            partial: text.partial,
            dependencies,
            prevent_destroy: text.prevent_destroy,
            create_before_destroy: text.create_before_destroy,
            timeouts: text.timeouts,
        })
    }

    /// Reads an entry of the log.
    ///
    /// # Errors
    /// The text is no entry that this version knows.
    pub fn entry(&mut self, text: &str) -> Result<Entry, serde_json::Error> {
        match serde_json::from_str(text) {
            Ok(EntryText { entry, step, intent, result, record: Some(record) }) => {
                let record = Box::new(self.read(record)?);
                match (&*entry, step, intent, result) {
                    ("record", step, None, None) => Ok(Entry::Record { step, record }),
                    ("intent", Some(step), Some(intent), None) => {
                        Ok(Entry::Intent { step, intent: serde_json::from_str(intent.get())?, record })
                    }
                    ("outcome", None, Some(intent), Some(result)) => {
                        let intent = serde_json::from_str(intent.get())?;
                        Ok(Entry::Outcome { intent, result, record: Some(record) })
                    }
                    _ => serde_json::from_str(text),
                }
            }
            _ => serde_json::from_str(text),
        }
    }

    fn object<'a>(&self, parts: &Parts<'a>, known: &mut Vec<(&'a str, Value)>) -> Result<Value, serde_json::Error> {
        let mut pairs = Vec::with_capacity(parts.0.len());
        for (name, raw) in &parts.0 {
            let raw = raw.get();
            let value = match known.iter().find(|(text, _)| *text == raw) {
                Some((_, value)) => value.clone(),
                None => {
                    let value = self.decoder.decode(raw, &Type::Any)?;
                    if raw.len() >= SHORTEST_PART {
                        known.push((raw, value.clone()));
                    }
                    value
                }
            };
            pairs.push((self.decoder.text(name), value));
        }
        Ok(Value::object(pairs))
    }

    fn addr(&mut self, text: &str) -> Result<InstanceAddr, serde_json::Error> {
        self.addrs.read(text).map_err(serde_json::Error::custom)
    }

    fn id(&mut self, text: &IdText<'_>) -> Result<ObjectId, serde_json::Error> {
        let scope = same_or_read(&mut self.scope, text.scope)?;
        Ok(ObjectId { type_name: self.decoder.text(&text.type_name), scope, key: self.decoder.text(&text.key) })
    }

    fn access(&mut self, text: &RawValue) -> Result<Access, serde_json::Error> {
        same_or_read(&mut self.access, text)
    }
}

/// What was read last where the text is the same, else what it says.
fn same_or_read<T>(last: &mut Option<(String, T)>, raw: &RawValue) -> Result<T, serde_json::Error>
where
    T: Clone + for<'de> Deserialize<'de>,
{
    match last {
        Some((text, value)) if text == raw.get() => Ok(value.clone()),
        _ => {
            let value: T = serde_json::from_str(raw.get())?;
            *last = Some((raw.get().to_owned(), value.clone()));
            Ok(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use terrane_provider::{Recovery, StepSpec, Verb};

    fn read(text: &str) -> Recorded {
        RecordReader::default().read(serde_json::from_str(text).unwrap()).unwrap()
    }

    const RECORD: &str = r#"{"addr":"module.m[\"a\\\"b\"].eks_node_pool.a[0]","deposed":"1","id":{"type":"eks_node_pool",
        "scope":{"provider":"eks","account":"1","region":"r","parent":"p"},"key":"k\"k"},
        "access":{"provider":{"name":"eks","alias":"x"},"region":"r","credentials":{"profile":"p"}},"schema_version":3,
        "sent":{"size":{"min":1,"labels":{"$map":{"a":"b"}}},"n\"ame":"x","zones":["a","b"],"half":{"$number":"0.5"}},
        "seen":{"arn":"long enough to be shared","size":{"min":1,"labels":{"$map":{"a":"b"}}},"zones":["a","b"]},
        "made_ms":7,"owners":[[["size"],"remote"]],"secrets":[{"path":["token"],"digest":"d"}],
        "partial":{"verb":"create","done":["x"],"next":"y"},"dependencies":["eks_cluster.c","eks_cluster.c"],
        "prevent_destroy":true,"create_before_destroy":true,"timeouts":{"create":60}}"#;

    #[test]
    fn a_record_says_what_its_plain_reader_says() {
        for text in [
            RECORD,
            r#"{"addr":"t_x.a","id":{"type":"t_x","scope":{"provider":"t"},"key":"k"},
            "access":{"provider":{"name":"t"}},"schema_version":1,"sent":{},"seen":{"a":null}}"#,
        ] {
            assert_eq!(read(text), serde_json::from_str(text).unwrap());
        }
    }

    #[test]
    fn an_entry_says_what_its_plain_reader_says() {
        let intent = terrane_provider::Intent {
            id: "i".into(),
            addr: "t_x.a".parse().unwrap(),
            deposed: None,
            object: read(RECORD).id,
            access: read(RECORD).access,
            step: StepSpec::new("store", Verb::Create, Recovery::Retry),
            token: "t".into(),
            prior: Value::NULL,
            planned: read(RECORD).seen,
            seen: Value::NULL,
            at_ms: 7,
            handle: None,
            continues: vec!["h".into()],
        };
        let intent = serde_json::to_string(&intent).unwrap();
        for text in [
            format!(r#"{{"entry":"record","step":3,"record":{RECORD}}}"#),
            format!(r#"{{"entry":"record","record":{RECORD}}}"#),
            format!(r#"{{"entry":"intent","step":1,"intent":{intent},"record":{RECORD}}}"#),
            format!(r#"{{"entry":"outcome","intent":"i","result":"done","record":{RECORD}}}"#),
            r#"{"entry":"outcome","intent":"i","result":"not_done","record":null}"#.to_owned(),
            r#"{"entry":"forget","addr":"t_x.a"}"#.to_owned(),
            r#"{"entry":"finish","plan":"p"}"#.to_owned(),
        ] {
            let plain: Entry = serde_json::from_str(&text).unwrap();
            assert_eq!(RecordReader::default().entry(&text).unwrap(), plain, "{text}");
        }
        let wrong = format!(r#"{{"entry":"intent","step":1,"intent":{{}},"record":{RECORD}}}"#);
        assert!(RecordReader::default().entry(&wrong).is_err());
        assert!(RecordReader::default().entry(r#"{"entry":"unheard_of"}"#).is_err());
    }

    #[test]
    fn equal_parts_are_one_value() {
        let record = read(RECORD);
        let (Some(sent), Some(seen)) = (record.sent.get("zones"), record.seen.get("zones")) else { unreachable!() };
        assert!(!std::ptr::eq(sent.items().unwrap(), seen.items().unwrap()), "short ones are not looked for");
        let place = |value: &Value| value.get("size").and_then(|size| size.get("min")).map(std::ptr::from_ref);
        assert_eq!(place(&record.sent), place(&record.seen));
        assert!(Arc::ptr_eq(&record.dependencies[0].resource, &record.dependencies[1].resource));
    }

    #[test]
    fn tagged_values_are_left_to_the_plain_reader() {
        let text = RECORD.replace("\"seen\":{", "\"seen\":{\"$sensitive\":true,");
        assert!(serde_json::from_str::<RecordText<'_>>(&text).is_err());
    }
}
