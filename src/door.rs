//! What waits for a yes or no: which of it an answer means, and how those at the door are described.

use crate::{
    command::{Answer, Context, Pending, Request},
    described::described,
    transfer::desk::Desk,
    view::filter::clean,
    wire::KnockRow,
};

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Somebody at the door, by name.
    Knock(String),
    /// An offer, by number.
    Offer(u32),
}

/// What an answer is about: what it names, or the only thing there is. If there are several, or the one who waits at the
/// door has not been announced here yet, they are listed and nothing is meant: a name that nobody has read cannot be
/// meant.
pub async fn pick(what: Option<&Pending>, cx: &Context) -> Option<Meant> {
    if let Some(what) = what {
        return Some(what.number().map_or_else(|| Meant::Knock(what.to_string()), Meant::Offer));
    }
    let offers = Desk::of(cx).questions();
    let knocks = knocks(cx).await;
    let seen = cx.knocks();
    match (&knocks[..], &offers[..]) {
        ([], []) => cx.print("nothing and nobody waits for an answer"),
        ([], [(number, _)]) => return Some(Meant::Offer(*number)),
        ([only], []) if seen.iter().any(|knock| knock.name == only.name && knock.key == only.key) => {
            return Some(Meant::Knock(only.name.clone()));
        }
        (knocks, offers) => {
            let knocks = knocks.iter().map(|knock| format!("{} waits at the door", describe(knock)));
            let offers = offers.iter().map(|(number, question)| {
                // What a folder holds would hide the other rows.
                format!("offer {number}: {}", question.lines().next().unwrap_or_default())
            });
            let rows: Vec<_> = knocks.chain(offers).collect();
            cx.print(format!("{}\nwhich one? Say the name or number as well", rows.join("\n")));
        }
    }
    None
}

/// Those at the door, as far as one may know: only a host is told.
async fn knocks(cx: &Context) -> Vec<KnockRow> {
    match cx.ask(Request::Knocks).await {
        Ok(Answer::Knocks(rows)) => rows,
        _ => Vec::new(),
    }
}

/// Somebody at the door: name, fingerprint, address, and whether the name is known with another key.
pub fn describe(knock: &KnockRow) -> String {
    let address = knock.address.map_or_else(|| "this machine".to_owned(), |address| address.to_string());
    let claims = match &knock.claims {
        Some(known) => format!(" (another key than the {} you know!)", clean(known)),
        None => String::new(),
    };
    format!("{} at {address}{claims}", described(&knock.name, &knock.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    #[test]
    fn a_known_name_with_another_key_is_flagged() {
        let mut knock = KnockRow {
            name: "bob-2".into(),
            key: PublicKey([7; 32]),
            address: Some([10, 0, 0, 7].into()),
            claims: None,
        };
        let fingerprint = Fingerprint::of(&knock.key);
        assert_eq!(describe(&knock), format!("bob-2 ({fingerprint}) at 10.0.0.7"));
        knock.claims = Some("bob".into());
        assert!(describe(&knock).ends_with(" (another key than the bob you know!)"));
        knock.name = "bob\u{2028}eve".into();
        assert!(describe(&knock).starts_with("bob<U+2028>eve ("), "a name cannot begin a row");
    }
}
