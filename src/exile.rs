//! Putting keys out of the room, as several commands do it: the reason for it, and who is out, listed and looked up.

use anyhow::{Result, ensure};

use crate::{
    context::Context,
    pages,
    trust::Fingerprint,
    wire::{BanRow, MAX_REASON_LEN},
};

/// How many keys are looked at: more than anybody types, so that no host can keep us asking.
const MAX_ROWS: usize = 20_000;

/// A reason as it is sent.
///
/// # Errors
///
/// If it is too long.
pub fn reason(typed: Option<String>) -> Result<String> {
    let reason = typed.unwrap_or_default().trim().to_owned();
    let len = reason.len();
    ensure!(len <= MAX_REASON_LEN, "a reason holds at most {MAX_REASON_LEN} bytes of text, this one has {len}");
    Ok(reason)
}

/// All keys that are put out, in the order of the keys.
///
/// # Errors
///
/// If the room does not say.
pub async fn all(cx: &Context) -> Result<Vec<BanRow>> {
    let mut all = Vec::new();
    let page = |rows: Vec<BanRow>| {
        all.extend(rows);
        all.len() < MAX_ROWS
    };
    pages::each(cx, page).await?;
    Ok(all)
}

/// The rows that `typed` may mean: the one of that fingerprint, or else all of that name in whatever case. A
/// fingerprint counts first, since a name can be made to look like one.
pub fn meant(rows: Vec<BanRow>, typed: &str) -> Vec<BanRow> {
    let typed = typed.to_lowercase();
    let (key, rest): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| Fingerprint::of(&row.key).to_string() == typed);
    if key.is_empty() { rest.into_iter().filter(|row| row.name.to_lowercase() == typed).collect() } else { key }
}

/// Name, fingerprint and how long, as the cells of a table.
pub fn cells(row: &BanRow) -> Vec<String> {
    let term = row.secs.map_or_else(|| "for good".to_owned(), |secs| format!("{} min more", secs.div_ceil(60)));
    vec![row.name.clone(), Fingerprint::of(&row.key).to_string(), term]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PublicKey;

    fn row(of: u8, name: &str, secs: Option<u64>) -> BanRow {
        BanRow { key: PublicKey([of; 32]), name: name.to_owned(), secs }
    }

    #[test]
    fn case_147_a_reason_of_256_bytes_is_sent_and_a_longer_one_is_not() {
        assert_eq!(reason(None).expect("none is fine"), "");
        let longest = "ß".repeat(MAX_REASON_LEN / 2);
        assert_eq!(reason(Some(format!(" {longest} "))).expect("it fits"), longest);
        assert!(reason(Some(longest + "x")).is_err());
    }

    #[test]
    fn a_name_means_all_who_had_it_in_whatever_case_and_a_fingerprint_one_key() {
        let fingerprint = Fingerprint::of(&PublicKey([1; 32])).to_string();
        // Somebody has taken a fingerprint for a name.
        let rows = vec![row(1, "bob", None), row(2, "Bob", Some(5)), row(3, &fingerprint, None), row(4, "eve", None)];
        let keys = |typed: &str| meant(rows.clone(), typed).iter().map(|row| row.key.0[0]).collect::<Vec<_>>();
        assert_eq!(keys("BOB"), [1, 2]);
        assert_eq!(keys(&fingerprint.to_uppercase()), [1]);
        assert_eq!(keys("carol"), [0; 0]);
        assert_eq!(meant(rows[2..].to_vec(), &fingerprint).len(), 1);
    }

    #[test]
    fn how_long_is_told_in_minutes_begun_or_as_for_good() {
        let term = |secs| cells(&row(1, "bob", secs)).pop().expect("three cells");
        assert_eq!(
            [None, Some(1), Some(60), Some(61)].map(term),
            ["for good", "1 min more", "1 min more", "2 min more"]
        );
    }
}
