//! Bars: how far transfers are, in columns that stay where they are.

use super::brush::Brush;
use crate::{
    size::{Size, brief},
    view::{Bar, Direction, filter, wrap},
};

/// Columns of the name, where there is room and where there is little.
const NAME: (usize, usize) = (16, 10);

/// A window with less columns has little room.
const NARROW: usize = 50;

/// Columns of the bar itself.
const BAR: usize = 10;

/// Beyond a hundred hours the number says nothing.
const LONGEST_SECS: u64 = 360_000;

/// Blocks by the eighth that is filled.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The rows for at most `most` bars, one of which counts those without a row. What moves comes first, then what comes here.
pub(super) fn rows<'a>(bars: impl Iterator<Item = &'a Bar>, most: usize, width: usize, brush: &Brush) -> Vec<String> {
    let mut bars: Vec<&Bar> = bars.collect();
    bars.sort_by_key(|bar| (bar.waits.is_some(), bar.direction == Direction::Out));
    let shown = if bars.len() > most { most.saturating_sub(1) } else { bars.len() };
    let mut rows: Vec<String> = bars.iter().take(shown).map(|bar| row(bar, width, brush)).collect();
    if shown < bars.len() {
        rows.push(format!("and {} more", bars.len() - shown));
    }
    rows
}

/// One bar. Its fields are dropped from the right where the window ends.
fn row(bar: &Bar, width: usize, brush: &Brush) -> String {
    let shown = |text: &str| brush.fit(&filter::clean(text)).into_owned();
    let columns = if width < NARROW { NAME.1 } else { NAME.0 };
    let name = padded(&brush.cut(&shown(&bar.what), columns), columns);
    let hundredths = bar.hundredths();
    let mut row = filter::isolate(&name).into_owned();
    let mut fields = vec![
        drawn(hundredths, brush.can.unicode),
        format!("{:>3} %", hundredths / 100),
        format!("{:>10}", Size(bar.total).to_string()),
    ];
    match bar.waits {
        Some(waits) => fields.push(waits.to_owned()),
        None => {
            let speed = if bar.speed >= 1.0 { format!("{}/s", Size(bar.speed as u64)) } else { String::new() };
            let left = bar.left.filter(|left| bar.done < bar.total && left.as_secs() < LONGEST_SECS);
            fields.push(format!("{speed:>12}"));
            fields.push(format!("{:>8}", left.map(brief).unwrap_or_default()));
        }
    }
    fields.push(filter::isolate(&shown(&bar.whom)).into_owned());
    let mut used = wrap::columns(&name);
    for field in fields {
        used += 1 + wrap::columns(&field);
        // One column stays free, as in every row above the prompt.
        if used >= width {
            break;
        }
        row.push(' ');
        row.push_str(&field);
    }
    row
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(wrap::columns(text))))
}

fn drawn(hundredths: usize, unicode: bool) -> String {
    if !unicode {
        let full = hundredths * BAR / 10_000;
        return format!("[{}{}]", "#".repeat(full), "-".repeat(BAR - full));
    }
    let eighths = hundredths * BAR * 8 / 10_000;
    let part = EIGHTHS[eighths % 8];
    let full = "█".repeat(eighths / 8);
    let rest = BAR - eighths / 8 - usize::from(!part.is_empty());
    format!("{full}{part}{}", "░".repeat(rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::{abilities::Abilities, line::bar, look::When};

    fn brush(unicode: bool) -> Brush {
        Brush::new(Abilities { unicode, ..Abilities::simple(true) }, When::Auto)
    }

    fn moving(what: &str, done: u64) -> Bar {
        let left = Some(Duration::from_secs(75));
        Bar { what: what.into(), whom: "from bob".into(), speed: 2_202_009.0, left, ..bar(done, 10 << 20) }
    }

    fn one(bar: &Bar, width: usize) -> String {
        rows([bar].into_iter(), 4, width, &brush(true)).remove(0)
    }

    #[test]
    fn a_bar_has_all_its_columns_in_a_usual_window() {
        assert_eq!(
            one(&moving("photo.jpg", 5 << 20), 80),
            "photo.jpg        █████░░░░░  50 %   10.0 MiB    2.1 MiB/s     1:15 from bob"
        );
        let ascii = rows([&moving("phötö.jpg", 5 << 20)].into_iter(), 4, 80, &brush(false)).remove(0);
        assert_eq!(ascii, "ph<U+00F6>t<U... [#####-----]  50 %   10.0 MiB    2.1 MiB/s     1:15 from bob");
    }

    #[test]
    fn columns_stand_still_whatever_the_numbers_are() {
        let place = |bar: &Bar| one(bar, 80).find("from bob").map(|at| wrap::columns(&one(bar, 80)[..at]));
        let first = place(&moving("a", 0));
        for (what, done, speed, left) in [
            ("a", 1, 0.0, None),
            ("日本語の長い名前です", 10 << 20, 1.07e9, Some(359_999)),
            ("x".repeat(90).as_str(), 1_000_000, 1.0, Some(5)),
        ] {
            let bar = Bar { speed, left: left.map(Duration::from_secs), ..moving(what, done) };
            assert_eq!(place(&bar), first, "{}", one(&bar, 80));
        }
    }

    #[test]
    fn narrow_windows_drop_fields_from_the_right() {
        let bar = moving("photo.jpg", 5 << 20);
        assert_eq!(one(&bar, 70), "photo.jpg        █████░░░░░  50 %   10.0 MiB    2.1 MiB/s     1:15");
        assert_eq!(one(&bar, 45), "photo.jpg  █████░░░░░  50 %   10.0 MiB");
        assert_eq!(one(&bar, 30), "photo.jpg  █████░░░░░  50 %");
        for width in 1..120 {
            assert!(wrap::columns(&one(&bar, width)) <= width.max(NAME.1), "{width}");
        }
    }

    #[test]
    fn what_does_not_move_says_why_and_comes_last() {
        let waiting = Bar { waits: Some("waits for the others"), ..moving("first", 0) };
        let out = Bar { direction: Direction::Out, ..moving("second", 0) };
        let shown = rows([&waiting, &out, &moving("third", 0)].into_iter(), 4, 80, &brush(true));
        assert!(
            shown[0].starts_with("third") && shown[1].starts_with("second") && shown[2].starts_with("first"),
            "{shown:?}"
        );
        assert!(shown[2].ends_with("10.0 MiB waits for the others from bob"), "{shown:?}");
        let many = rows([&waiting, &out, &out, &out, &out, &out].into_iter(), 4, 80, &brush(true));
        assert_eq!((many.len(), many[3].as_str()), (4, "and 3 more"));
    }

    #[test]
    fn a_bar_fills_by_eighths() {
        assert_eq!(drawn(0, true), "░░░░░░░░░░");
        assert_eq!(drawn(1_250, true), "█▎░░░░░░░░");
        assert_eq!(drawn(9_999, true), "█████████▉");
        assert_eq!(drawn(10_000, true), "██████████");
        assert_eq!((0..=10_000).filter(|h| wrap::columns(&drawn(*h, true)) != BAR).count(), 0);
    }
}
