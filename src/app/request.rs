//! What a program that speaks JSON writes: `{"line": "..."}`, one a line, and nothing else.

use serde::Deserialize;
use serde_json::Value;

/// A line that a program has written, and by what it wants to recognise the answer.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) id: Option<Value>,
}

/// As it travels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    line: String,
    #[serde(default)]
    id: Option<Value>,
}

impl Request {
    /// Reads a line of input; a blank one says nothing.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one line.
    pub(super) fn read(written: &str) -> Result<Option<Self>, String> {
        if written.trim().is_empty() {
            return Ok(None);
        }
        let shape = "the input has to be {\"line\": \"...\"}, one object a line";
        let Written { line, id } = serde_json::from_str(written).map_err(|error| format!("{shape}: {error}"))?;
        match id {
            None | Some(Value::String(_) | Value::Number(_)) => Ok(Some(Self { line, id })),
            Some(_) => Err(format!("{shape}: an id is a string or a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str) -> Result<Option<(String, Option<Value>)>, String> {
        Request::read(written).map(|request| request.map(|request| (request.line, request.id)))
    }

    #[test]
    fn an_object_with_a_line_is_read_and_nothing_else() {
        assert_eq!(read(r#"{"line":"quit"}"#), Ok(Some(("quit".into(), None))));
        assert_eq!(read(r#" {"line":"a\nb","id":7} "#), Ok(Some(("a\nb".into(), Some(7.into())))));
        assert_eq!(read(r#"{"line":"","id":"x"}"#), Ok(Some((String::new(), Some("x".into())))));
        assert_eq!(read("  "), Ok(None));
        for wrong in [
            "quit",
            "\"quit\"",
            "[]",
            "{}",
            r#"{"line":1}"#,
            r#"{"line":"a","more":1}"#,
            r#"{"line":"a","id":[1]}"#,
            r#"{"line":"a"} {"line":"b"}"#,
            r#"{"line":"a"#,
        ] {
            let error = read(wrong).expect_err(wrong);
            assert!(error.starts_with("the input has to be {\"line\""), "{error}");
        }
    }
}
