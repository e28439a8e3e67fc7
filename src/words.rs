//! Words of a line: spaces separate, `"` and `'` quote, a backslash takes the next character as it is.
//!
//! Between `'` everything stands for itself; between `"` a backslash escapes `"` and `\` only. [`quote`] is
//! the inverse of [`split`]. Running a line and completing it use the same rules.

use std::ops::Range;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, without its quotes and backslashes.
    pub text: String,
    /// The bytes of the line that it came from, quotes and backslashes included.
    pub span: Range<usize>,
}

/// Why a line has no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote without its end.
    #[error("the quote {0} is not closed")]
    Unclosed(char),
    /// A backslash with nothing after it.
    #[error("the line ends in a backslash that escapes nothing")]
    Backslash,
}

/// The words of `line`.
///
/// # Errors
///
/// If a quote is not closed or the last character is a backslash that escapes.
pub fn split(line: &str) -> Result<Vec<Word>, SplitError> {
    let mut words = Vec::new();
    let mut from = 0;
    while let Some((word, flaw)) = next(line, from) {
        if let Some(flaw) = flaw {
            return Err(flaw);
        }
        from = word.span.end;
        words.push(word);
    }
    Ok(words)
}

/// The words of a line that is still being typed: the last one may lack the end of its quote, or what its
/// last backslash escapes.
pub fn split_unfinished(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut from = 0;
    while let Some((word, _)) = next(line, from) {
        from = word.span.end;
        words.push(word);
    }
    words
}

/// The first `n` words of `line`, or as many as there are, and the untouched rest that follows them and the
/// spaces after them.
///
/// # Errors
///
/// As [`split`], for those words only: the rest may hold whatever it likes.
pub fn split_first(line: &str, n: usize) -> Result<(Vec<Word>, &str), SplitError> {
    let mut words = Vec::new();
    let mut from = 0;
    while words.len() < n {
        let Some((word, flaw)) = next(line, from) else { break };
        if let Some(flaw) = flaw {
            return Err(flaw);
        }
        from = word.span.end;
        words.push(word);
    }
    Ok((words, line[from..].trim_start()))
}

/// The untouched rest of `line` after `n` words.
///
/// # Errors
///
/// As [`split_first`].
pub fn rest_after(line: &str, n: usize) -> Result<&str, SplitError> {
    split_first(line, n).map(|(_, rest)| rest)
}

/// `word` as it is typed so that it is one word.
pub fn quote(word: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && !word.contains(special) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// The first word at or after byte `from`, and what it lacks if the line ends within it.
fn next(line: &str, from: usize) -> Option<(Word, Option<SplitError>)> {
    let start = from + line[from..].find(|c: char| !c.is_whitespace())?;
    let mut text = String::new();
    let mut open = None;
    let mut dangling = false;
    let mut end = line.len();
    let mut chars = line[start..].char_indices();
    while let Some((at, c)) = chars.next() {
        match (open, c) {
            (None, c) if c.is_whitespace() => {
                end = start + at;
                break;
            }
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            (None | Some('"'), '\\') => match chars.next() {
                None => dangling = true,
                Some((_, escaped)) => {
                    if open.is_some() && !matches!(escaped, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(escaped);
                }
            },
            _ => text.push(c),
        }
    }
    let flaw = open.map(SplitError::Unclosed).or(dangling.then_some(SplitError::Backslash));
    Some((Word { text, span: start..end }, flaw))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).expect("well-formed").into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn spaces_separate_and_quotes_and_backslashes_join() {
        assert_eq!(texts("  a  b\tc "), ["a", "b", "c"]);
        assert_eq!(
            texts(r#"send "My Report.pdf" it\'s 'a\b' "" x"y z""#),
            ["send", "My Report.pdf", "it's", r"a\b", "", "xy z"]
        );
        assert_eq!(texts(r#""C:\dir \"x\" \\""#), [r#"C:\dir "x" \"#]);
        assert_eq!(texts(r"My\ Report.pdf"), ["My Report.pdf"]);
        assert!(texts("").is_empty());
    }

    #[test]
    fn case_71_unbalanced_quotes_and_a_trailing_backslash_are_clear_errors() {
        assert_eq!(split(r#"a "b c"#), Err(SplitError::Unclosed('"')));
        assert_eq!(split("it's"), Err(SplitError::Unclosed('\'')));
        assert_eq!(split(r"a b\"), Err(SplitError::Backslash));
        assert_eq!(SplitError::Unclosed('"').to_string(), "the quote \" is not closed");
    }

    #[test]
    fn the_rest_after_words_is_untouched() {
        assert_eq!(rest_after(r#"bob  it's "fine"  "#, 1), Ok(r#"it's "fine"  "#));
        assert_eq!(rest_after(r#""bob smith" hi"#, 1), Ok("hi"));
        assert_eq!(rest_after("bob", 1), Ok(""));
        assert_eq!(rest_after("bob", 3), Ok(""));
        assert_eq!(rest_after("'bob hi", 1), Err(SplitError::Unclosed('\'')));
    }

    #[test]
    fn an_unfinished_word_is_a_word_while_typing() {
        let words = split_unfinished(r#"send "My Re"#);
        assert_eq!(words[1], Word { text: "My Re".into(), span: 5..11 });
        assert_eq!(split_unfinished(r"send My\ ")[1].span, 5..9);
        assert_eq!(split_unfinished(r"send My\")[1].text, "My");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_quoted_word_splits_into_itself(word in any::<String>(), other in any::<String>()) {
            prop_assert_eq!(texts(&quote(&word)), [word.clone()]);
            prop_assert_eq!(texts(&format!("{} {}", quote(&word), quote(&other))), [word, other]);
        }

        #[test]
        fn any_line_splits_or_fails_without_panic_and_spans_are_its_own(line in r#"[ab"'\\ \t\n\u{a0}ß]{0,40}|\PC{0,40}"#) {
            let words = split_unfinished(&line);
            let mut end = 0;
            for word in &words {
                prop_assert!(line[end..word.span.start].chars().all(char::is_whitespace));
                prop_assert!(word.span.start < word.span.end);
                let alone = split_unfinished(&line[word.span.clone()]);
                prop_assert_eq!(alone.len(), 1);
                prop_assert_eq!(&alone[0].text, &word.text);
                end = word.span.end;
            }
            prop_assert!(line[end..].chars().all(char::is_whitespace));
            if let Ok(strict) = split(&line) {
                prop_assert_eq!(strict, words);
            }
            for n in 0..4 {
                let _ = rest_after(&line, n);
            }
        }
    }
}
