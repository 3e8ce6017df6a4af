//! The state as one JSON document: what `state pull` writes and `state push` reads. Secrets are expressions in it, as
//! they are in the state.

use crate::diag;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use terrane_core::{Diagnostic, Place, Text, Value};
use terrane_plan::state::{Applying, FORMAT, OpenIntent, Recorded, RecordedOutput, RememberedDrift, State};
use terrane_provider::ProviderName;

#[derive(Serialize)]
struct Out<'a> {
    format: u32,
    lineage: &'a Text,
    serial: u64,
    applying: &'a Applying,
    outputs: &'a BTreeMap<Text, RecordedOutput>,
    providers: Vec<ProviderOut<'a>>,
    #[serde(serialize_with = "records")]
    objects: &'a State,
    intents: &'a [OpenIntent],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drift: Vec<RememberedDrift>,
}

#[derive(Serialize)]
struct ProviderOut<'a> {
    name: &'a ProviderName,
    configuration: &'a Value,
}

fn records<S: Serializer>(state: &&State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(state.objects.values().map(|record| &**record))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    format: u32,
    lineage: Text,
    serial: u64,
    applying: Applying,
    outputs: BTreeMap<Text, RecordedOutput>,
    providers: Vec<ProviderIn>,
    objects: Vec<Recorded>,
    intents: Vec<OpenIntent>,
    #[serde(default)]
    drift: Vec<RememberedDrift>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderIn {
    name: ProviderName,
    configuration: Value,
}

/// Writes a state.
///
/// # Errors
/// Those of `out`.
pub fn write(state: &State, out: impl io::Write) -> io::Result<()> {
    let providers = state.providers.iter().map(|(name, configuration)| ProviderOut { name, configuration }).collect();
    let document = Out {
        format: FORMAT,
        lineage: &state.lineage,
        serial: state.serial,
        applying: &state.applying,
        outputs: &state.outputs,
        providers,
        objects: state,
        intents: &state.intents,
        drift: state.remembered_drift().collect(),
    };
    serde_json::to_writer_pretty(out, &document).map_err(io::Error::from)
}

/// Reads a state; `place` is where it comes from.
///
/// # Errors
/// `state-newer`, `state-document-wrong`.
pub fn read(text: &[u8], place: &str) -> Result<State, Box<Diagnostic>> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let wrong = |reason: String| Box::new(diag::STATE_DOCUMENT_WRONG.at(Place::File(place.to_owned())).detail(reason));
    let Format { format } = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    if format > FORMAT {
        return Err(Box::new(diag::explain(crate::store::StoreError::Newer { found: format }, place)));
    }
    let found: In = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    if found.lineage.is_empty() || found.serial == 0 || found.format == 0 {
        return Err(wrong("it has no lineage or no serial".to_owned()));
    }
    let count = found.objects.len();
    let objects: BTreeMap<_, _> = found
        .objects
        .into_iter()
        .map(|record| ((record.addr.clone(), record.deposed.clone()), Arc::new(record)))
        .collect();
    if objects.len() != count {
        return Err(wrong("two objects have the same address".to_owned()));
    }
    let mut state = State {
        lineage: found.lineage,
        serial: found.serial,
        objects,
        intents: found.intents,
        outputs: found.outputs,
        providers: found.providers.into_iter().map(|pair| (pair.name, pair.configuration)).collect(),
        applying: found.applying,
        ..State::default()
    };
    found.drift.into_iter().for_each(|remembered| state.remember_drift(remembered));
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::recorded;
    use terrane_plan::state::Entry;

    fn state() -> State {
        let mut state = State::default();
        state.apply(Entry::Start { format: FORMAT, lineage: "l".into() });
        state.apply(Entry::Record { step: None, record: Box::new(recorded("fake_thing.a")) });
        state
    }

    // A6
    #[test]
    fn a_document_is_the_state() {
        let mut text = Vec::new();
        write(&state(), &mut text).unwrap();
        assert_eq!(read(&text, "here").unwrap(), state());
    }

    // E1
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_are_no_state(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            proptest::prop_assert!(read(&text, "here").is_err());
        }

        #[test]
        fn a_document_that_was_cut_or_changed_is_read_or_refused(
            at in proptest::prelude::any::<proptest::sample::Index>(),
            cut in 0_usize..9,
            piece in proptest::collection::vec(proptest::num::u8::ANY, 0..5),
        ) {
            let mut text = Vec::new();
            write(&state(), &mut text).unwrap();
            let at = at.index(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, piece);
            let _ = read(&text, "here");
        }
    }

    // A6
    #[test]
    fn what_is_no_state_is_refused() {
        let mut text = Vec::new();
        write(&state(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let id = |text: &str| read(text.as_bytes(), "here").map(|_| ()).map_err(|problem| problem.kind.id);
        assert_eq!(id(&text.replace("\"format\": 1", "\"format\": 9")), Err("state-newer"));
        for wrong in ["", "[]", "{}", &text[..text.len() / 2]] {
            assert_eq!(id(wrong), Err("state-document-wrong"));
        }
        assert_eq!(id(&text.replace("\"serial\": 2", "\"serial\": 0")), Err("state-document-wrong"));
        assert_eq!(id(&text.replace("\"intents\"", "\"intent\"")), Err("state-document-wrong"));
    }
}
