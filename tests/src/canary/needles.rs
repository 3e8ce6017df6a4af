//! All the forms that a secret can have in an artefact.

use std::collections::BTreeSet;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The forms of some secrets.
#[derive(Clone, Debug, Default)]
pub struct Needles {
    forms: Vec<(&'static str, String)>,
}

impl Needles {
    /// Every form of these texts.
    #[must_use]
    pub fn of(secrets: &[String]) -> Self {
        let mut needles = Self::default();
        for secret in secrets {
            needles.add(secret);
        }
        needles
    }

    fn add(&mut self, secret: &str) {
        let quoted = serde_json::Value::from(secret).to_string();
        let json = quoted.trim_matches('"').to_owned();
        let bytes = secret.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.forms.push(("raw", secret.to_owned()));
        self.forms.push(("JSON", json.clone()));
        self.forms.push(("JSON twice", serde_json::Value::from(json).to_string().trim_matches('"').to_owned()));
        self.forms.push(("ASCII JSON", ascii_json(secret)));
        self.forms.push(("URL", url(secret, false)));
        self.forms.push(("form", url(secret, true)));
        self.forms.push(("HEX", hex.to_uppercase()));
        self.forms.push(("hex", hex));
        for phase in 0..3 {
            let text = base64(bytes, phase);
            self.forms.push(("base64url", text.replace('+', "-").replace('/', "_")));
            self.forms.push(("base64", text));
        }
    }

    /// The forms that stand in `text`.
    #[must_use]
    pub fn found(&self, text: &[u8]) -> BTreeSet<&'static str> {
        let text = String::from_utf8_lossy(text);
        self.forms.iter().filter(|(_, form)| text.contains(form)).map(|(name, _)| *name).collect()
    }

    /// Each form with its name.
    #[must_use]
    pub fn forms(&self) -> &[(&'static str, String)] {
        &self.forms
    }
}

fn ascii_json(secret: &str) -> String {
    let mut units = [0; 2];
    let escaped = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_ascii() => c.to_string(),
        c => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    secret.chars().map(escaped).collect()
}

fn url(secret: &str, is_form: bool) -> String {
    let escaped = |byte: &u8| match byte {
        b' ' if is_form => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    secret.as_bytes().iter().map(escaped).collect()
}

/// What is the same in every base64 text in which the secret begins at that place of a group of three bytes.
fn base64(bytes: &[u8], phase: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, phase).chain(bytes.iter().copied()).collect();
    let bits = padded.len() * 8;
    let digit = |at: usize| {
        let bit = |at: usize| padded.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
        let value = (0..6).fold(0, |value, offset| value << 1 | usize::from(bit(at * 6 + offset)));
        STANDARD.get(value).copied().map_or('?', char::from)
    };
    // Digits that hold bits of what stands before or after are left out.
    ((phase * 8).div_ceil(6)..bits / 6).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_wherever_it_begins() {
        // "Zm9vYmFy" is "foobar", "eGZvb2Jhcg==" "xfoobar", "eHhmb29iYXI=" "xxfoobar".
        let forms: Vec<String> = (0..3).map(|phase| base64(b"foobar", phase)).collect();
        assert_eq!(forms[0], "Zm9vYmFy");
        assert!("eGZvb2Jhcg==".contains(&forms[1]) && forms[1].len() >= 7, "{}", forms[1]);
        assert!("eHhmb29iYXI=".contains(&forms[2]) && forms[2].len() >= 7, "{}", forms[2]);
    }

    #[test]
    fn every_form_is_found_where_it_is_planted() {
        let needles = Needles::of(&["a\"b/c+\u{e9} d\\e".to_owned()]);
        for (name, form) in needles.forms() {
            let planted = format!("{{\"before\":1}}\n{form}\u{0}after");
            assert!(needles.found(planted.as_bytes()).contains(name), "{name}: {form}");
        }
        assert!(needles.found(b"nothing of the kind").is_empty());
    }
}
