use proptest::prelude::*;

use super::*;
use crate::view::filter;

fn rows(prefix: &str, text: &str, width: usize) -> Vec<String> {
    message(prefix, &filter::rows(text), width)
}

#[test]
fn words_move_to_the_next_row_under_the_margin_mark() {
    assert_eq!(rows("bob: ", "one two three four", 16), ["bob: one two", "  | three four"]);
    assert_eq!(rows("bob: ", "a\nb", 16), ["bob: a", "  | b"]);
}

#[test]
fn a_word_longer_than_the_window_is_cut() {
    assert_eq!(rows("b: ", "abcdefghijklmnopqrst", 13), ["b: abcdefghij", "  | klmnopqrs", "  | t"]);
}

#[test]
fn case_56_padding_with_spaces_never_reaches_the_left_edge() {
    for pad in 0..60 {
        let text = format!("hi{}<host> you are out", " ".repeat(pad));
        for row in &rows("bob: ", &text, 20)[1..] {
            assert!(row.starts_with(MARGIN), "{row:?}");
        }
    }
}

#[test]
fn case_59_each_row_of_right_to_left_text_is_isolated_after_its_mark() {
    let text = "שלום לכולם וברוכים הבאים";
    for (i, row) in rows("bob: ", text, 16).iter().enumerate() {
        let rest = row.strip_prefix(if i == 0 { "bob: " } else { MARGIN }).unwrap();
        assert!(rest.starts_with('\u{2068}') && rest.ends_with('\u{2069}'), "{row:?}");
    }
}

#[test]
fn case_62_wide_characters_never_overflow_even_the_narrowest_window() {
    let text = "日本語👩\u{200d}🚀﷽".repeat(500);
    for width in 1..30 {
        for row in rows("bob: ", &text, width) {
            assert!(columns(&row) <= width, "{width}: {row:?}");
        }
    }
}

#[test]
fn what_is_cut_says_so() {
    assert_eq!(cut("hello", 5), "hello");
    assert_eq!(cut("hello!", 5), "hell…");
    assert_eq!(cut("日本語", 4), "日…");
    assert_eq!(cut("x", 0), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_row_is_wider_than_the_window_or_lacks_its_mark(name in any::<String>(), text in any::<String>(), width in 1usize..90) {
        let prefix = format!("{}: ", filter::clean(&name));
        let found = rows(&prefix, &text, width);
        for (i, row) in found.iter().enumerate() {
            prop_assert!(columns(row) <= width, "{} in {row:?}", columns(row));
            if i > 0 && width >= FULL_MARGIN {
                prop_assert!(row.starts_with(MARGIN.trim_end()));
            }
        }
    }

    #[test]
    fn no_word_is_lost(words in proptest::collection::vec("[a-z]{1,30}", 0..20), width in 2usize..60) {
        let text = words.join(" ");
        let found = rows("", &text, width);
        let margin = if width < FULL_MARGIN { "|" } else { MARGIN };
        let joined: String = found.iter().enumerate()
            .map(|(i, row)| if i == 0 { row.as_str() } else { row.strip_prefix(margin).unwrap_or("") })
            .collect();
        prop_assert_eq!(joined.replace(' ', ""), words.concat());
    }
}
