use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

fn allowed(c: char, before: Option<char>) -> bool {
    match c {
        ZWJ | VS16 => before.is_some_and(|b| b == VS16 || b.is_emoji_char() || b.is_emoji_component()),
        c => !shown_as_code(c),
    }
}

fn check(cleaned: &str) {
    let mut before = None;
    for c in cleaned.chars() {
        assert!(allowed(c, before), "U+{:04X} got out in {cleaned:?}", u32::from(c));
        before = Some(c);
    }
}

#[test]
fn plain_ascii_is_borrowed() {
    assert!(matches!(clean("hello, world"), Cow::Borrowed("hello, world")));
}

#[test]
fn text_of_other_languages_passes() {
    for text in ["Grüße", "日本語", "한국어", "Привет", "שלום", "مرحبا", "हिन्दी", "ไทย", "Việt"]
    {
        assert_eq!(clean(text), text);
    }
    assert_eq!(clean("e\u{301}"), "é");
}

#[test]
fn case_50_csi_sequences_are_shown() {
    assert_eq!(clean("a\x1b[2J\x1b[1A\x1b[31m\x1b[?1049h"), "a<U+001B>[2J<U+001B>[1A<U+001B>[31m<U+001B>[?1049h");
}

#[test]
fn case_51_c1_controls_are_shown() {
    assert_eq!(clean("\u{9b}2J\u{80}\u{9f}"), "<U+009B>2J<U+0080><U+009F>");
}

#[test]
fn case_52_titles_links_and_the_clipboard_are_shown() {
    assert_eq!(clean("\x1b]52;c;aGk=\x07"), "<U+001B>]52;c;aGk=<U+0007>");
    assert_eq!(clean("\u{90}q\u{9d}0;t\u{9c}"), "<U+0090>q<U+009D>0;t<U+009C>");
}

#[test]
fn case_53_an_unterminated_osc_is_shown_whole() {
    assert_eq!(clean("\x1b]0;the rest of the line"), "<U+001B>]0;the rest of the line");
}

#[test]
fn case_54_single_controls_are_shown_and_a_tabulator_becomes_spaces() {
    assert_eq!(clean("\r\x08\x7f\x0b\x0c\x07\0"), "<U+000D><U+0008><U+007F><U+000B><U+000C><U+0007><U+0000>");
    assert_eq!(clean("ab\tc"), "ab      c");
}

#[test]
fn case_55_line_ends_make_rows_in_a_text_and_codes_in_a_field() {
    let text = "a\nb\r\nc\u{85}d\u{2028}e\u{2029}f\rg\n";
    assert_eq!(rows(text), ["a", "b", "c", "d", "e", "f<U+000D>g"]);
    assert_eq!(clean("a\nb\u{2028}c"), "a<U+000A>b<U+2028>c");
    assert_eq!(rows(""), [""]);
    assert_eq!(rows("a\n\nb"), ["a", "", "b"]);
}

#[test]
fn case_58_bidi_controls_are_shown() {
    for c in "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}".chars() {
        assert_eq!(clean(&c.to_string()), format!("<U+{:04X}>", u32::from(c)));
    }
}

#[test]
fn case_59_right_to_left_fields_are_isolated() {
    assert_eq!(isolate("דוד"), "\u{2068}דוד\u{2069}");
    assert_eq!(isolate("dave é"), "dave é");
}

#[test]
fn case_60_invisible_characters_are_shown_unless_an_emoji_needs_them() {
    for c in
        "\u{200b}\u{ad}\u{2060}\u{3164}\u{ffa0}\u{115f}\u{e0041}\u{fe00}\u{180b}\u{34f}\u{feff}\u{fe0f}\u{200d}".chars()
    {
        assert_eq!(clean(&format!("a{c}b")), format!("a<U+{:04X}>b", u32::from(c)));
    }
    for emoji in ["❤\u{fe0f}", "👩\u{200d}🚀", "👩🏽\u{200d}🚀", "🏳\u{fe0f}\u{200d}🌈", "1\u{fe0f}\u{20e3}", "🇩🇪"]
    {
        assert_eq!(clean(emoji), emoji);
    }
    assert_eq!(clean("🚀\u{200d}x"), "🚀<U+200D>x");
    assert_eq!(clean("1\u{fe0f}2"), "1<U+FE0F>2");
}

#[test]
fn case_61_at_most_four_marks_sit_on_a_base() {
    let tower = format!("x{}", "\u{336}".repeat(10_000));
    assert_eq!(clean(&tower).chars().count(), 5);
    assert_eq!(clean("\u{301}a"), "<U+0301>a");
    assert_eq!(clean("\x1b\u{301}"), "<U+001B><U+0301>");
}

#[test]
fn case_62_chains_of_emoji_end() {
    let chain = "👩\u{200d}".repeat(1_000);
    let cleaned = clean(&chain);
    check(&cleaned);
    assert!(cleaned.contains("<U+200D>"));
}

#[test]
fn case_63_private_unassigned_and_non_characters_are_shown() {
    assert_eq!(clean("\u{e000}\u{378}\u{fdd0}\u{10ffff}"), "<U+E000><U+0378><U+FDD0><U+10FFFF>");
}

#[test]
fn no_scalar_value_gets_out_that_should_not() {
    for c in (0..=0x10ffff).filter_map(char::from_u32) {
        for text in [c.to_string(), format!("a{c}b"), format!("🚀{c}🚀")] {
            check(&clean(&text));
            for row in rows(&text) {
                check(&row);
            }
        }
    }
}

#[test]
fn a_long_hostile_text_takes_linear_time() {
    // Quadratic work on a million characters would take minutes.
    let text = "a\u{202e}\u{301}👩\u{200d}\u{fe0f}\t日\n".repeat(120_000);
    assert_eq!(rows(&text).len(), 120_000);
    check(&clean(&text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn nothing_harmful_gets_out_and_a_second_pass_changes_nothing(text in any::<String>()) {
        let once = clean(&text).into_owned();
        check(&once);
        prop_assert_eq!(clean(&once).into_owned(), once);
    }

    #[test]
    fn the_same_holds_for_what_attackers_use(text in "[\u{1b}\\[\\]a;0-9\u{7}\u{9b}\u{202e}\u{200d}\u{fe0f}👩🚀e\u{301}\u{336}ש\n\r\t\u{2028} ]{0,60}") {
        let once = clean(&text).into_owned();
        check(&once);
        prop_assert_eq!(clean(&once).into_owned(), once);
    }
}
