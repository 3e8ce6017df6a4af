//! JSON values written as the XML of the query services.
//!
//! In: an answer as a JSON value whose keys are element names. Out: XML text. Lists become repeated `item`
//! (EC2) or `member` (IAM, STS) elements; `null` leaves its element out.
//!
//! # Source
//! Amazon EC2 API Reference, "Query requests"; AWS query protocol of Smithy 1.0, "Response serialization".

use serde_json::Value;

/// Writes the children of an element.
pub(crate) fn write(value: &Value, item: &str, out: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => escape(text, out),
        Value::Array(values) => values.iter().for_each(|value| element(item, value, item, out)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                element(name, value, item, out);
            }
        }
    }
}

fn element(name: &str, value: &Value, item: &str, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    write(value, item, out);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_nest_in_items_and_text_is_escaped() {
        let value = serde_json::json!({"tagSet": [{"key": "a&b", "value": null}], "ok": true});
        let mut out = String::new();
        write(&value, "item", &mut out);
        assert_eq!(out, "<ok>true</ok><tagSet><item><key>a&amp;b</key></item></tagSet>");
    }
}
