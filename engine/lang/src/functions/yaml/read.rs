//! The value that a YAML text means: objects, tuples, exact numbers, texts.
//!
//! One document. Plain scalars read as OpenTofu reads them, which is YAML 1.1 for bools (`yes`, `on`) and 1.2 for
//! numbers (`0o14`). Anchors and merge keys work; an alias inside its own anchor, other tags and keys that are no
//! texts are refused.
//!
//! # Source
//! go-cty-yaml 1.2.0: resolve.go and decode.go, for what a scalar means; YAML 1.2.2 for the rest.

use super::scalar::{Style, scalar};
use crate::convert::{convert, describe};
use crate::functions::normal;
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{Text, Type, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 200;
/// Most values that a text may mean, so that aliases of aliases end.
const MOST: usize = 1_000_000;

/// The value; the reason in words where the text means none.
pub fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        open: BTreeSet::new(),
        line: 1,
        count: 0,
    };
    if !matches!(reader.next()?, Event::StreamStart) {
        return Err(reader.refuse("there is no document"));
    }
    if !matches!(reader.next()?, Event::DocumentStart(..)) {
        return Err(reader.refuse("there is no document"));
    }
    let first = reader.next()?;
    let value = reader.value(first, 0)?;
    match reader.next()? {
        Event::DocumentEnd => {}
        _ => return Err(reader.refuse("there is more behind the value")),
    }
    match reader.next()? {
        Event::StreamEnd => Ok(value),
        _ => Err(reader.refuse("only one document is read")),
    }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// Finished anchors: the value, and how many values are in it.
    anchors: BTreeMap<usize, (Value, usize)>,
    /// Anchors whose value is not complete yet.
    open: BTreeSet<usize>,
    /// Line of the last event.
    line: usize,
    count: usize,
}

impl<'t> Reader<'t> {
    fn refuse(&self, reason: &str) -> String {
        format!("{reason}, in line {}", self.line)
    }

    fn next(&mut self) -> Result<Event<'t>, String> {
        loop {
            match self.parser.next_event() {
                Some(Ok((event, span))) => {
                    self.line = span.start.line();
                    if !matches!(event, Event::Comment(..) | Event::Anchor(..)) {
                        return Ok(event);
                    }
                }
                Some(Err(error)) => return Err(format!("{}, in line {}", error.info(), error.marker().line())),
                None => return Err(self.refuse("it ends too early")),
            }
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(self.refuse("it is nested too deep"));
        }
        self.add(1)?;
        let before = self.count;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(tag_of(tag.as_ref()).as_deref(), &text, of_style(style)).map_err(|r| self.refuse(&r))?)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.expect(tag.as_ref(), "seq")?;
                self.open.insert(anchor);
                (anchor, self.sequence(depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.expect(tag.as_ref(), "map")?;
                self.open.insert(anchor);
                (anchor, self.mapping(depth)?)
            }
            Event::Alias(anchor) => return self.alias(anchor),
            _ => return Err(self.refuse("a value is wanted")),
        };
        if anchor > 0 {
            self.open.remove(&anchor);
            self.anchors.insert(anchor, (value.clone(), self.count - before));
        }
        Ok(value)
    }

    fn add(&mut self, count: usize) -> Result<(), String> {
        self.count = self.count.saturating_add(count);
        if self.count > MOST { Err(self.refuse("it means more than 1,000,000 values")) } else { Ok(()) }
    }

    fn alias(&mut self, anchor: usize) -> Result<Value, String> {
        if self.open.contains(&anchor) {
            return Err(self.refuse("an alias stands inside what it means"));
        }
        let Some((value, count)) = self.anchors.get(&anchor).cloned() else {
            return Err(self.refuse("an alias has no anchor"));
        };
        self.add(count)?;
        Ok(value)
    }

    fn expect(&self, tag: Option<&Cow<'_, Tag>>, wanted: &str) -> Result<(), String> {
        match tag_of(tag) {
            Some(tag) if tag != wanted => Err(self.refuse(&format!("the tag `{tag}` does not fit here"))),
            _ => Ok(()),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::tuple(items)),
                event => items.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut pairs: Vec<(Text, Value)> = Vec::new();
        loop {
            let (text, style, tag) = match self.next()? {
                Event::MappingEnd => return Ok(Value::object(pairs)),
                Event::Scalar(text, style, _, tag) => (text, style, tag_of(tag.as_ref())),
                _ => return Err(self.refuse("a key has to be a text")),
            };
            let is_merge = tag.as_deref().map_or(text == "<<", |tag| tag == "merge");
            let key = if is_merge {
                None
            } else {
                let key = scalar(tag.as_deref(), &text, of_style(style)).map_err(|reason| self.refuse(&reason))?;
                match convert(&key, &Type::String).ok().and_then(|key| key.as_text().cloned()) {
                    Some(key) => Some(normal(&key).as_text().cloned().unwrap_or_default()),
                    None => return Err(self.refuse("a key has to be a text, not null")),
                }
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            match key {
                Some(key) => pairs.push((key, value)),
                None => self.merge(&value, &mut pairs)?,
            }
        }
    }

    /// `<<`: the entries of an object, or of each of several.
    fn merge(&mut self, value: &Value, pairs: &mut Vec<(Text, Value)>) -> Result<(), String> {
        let several = value.items();
        for one in several.unwrap_or(std::slice::from_ref(value)) {
            let Some(entries) = one.entries() else {
                return Err(self.refuse(&format!("`<<` takes an object, not {}", describe(one))));
            };
            self.add(entries.len())?;
            pairs.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        Ok(())
    }
}

fn of_style(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => Style::Plain,
    }
}

/// The name of a tag of YAML itself, others in full; `None` where there is none.
fn tag_of(tag: Option<&Cow<'_, Tag>>) -> Option<String> {
    let tag = tag?;
    let full = format!("{}{}", tag.handle(), tag.suffix());
    Some(full.strip_prefix("tag:yaml.org,2002:").map_or(full.clone(), str::to_owned))
}
