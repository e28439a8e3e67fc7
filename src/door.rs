//! Those who wait at the door: which one an answer without a name means, and how they are described.

use anyhow::{Result, bail};

use crate::{
    command::{Answer, Context, KnockName, Request},
    trust::Fingerprint,
    view::filter::clean,
    wire::KnockRow,
};

/// Whom an answer at the door is for: the one named, or the only one there. If several wait, or the one
/// who waits has not been announced here yet, they are listed and nobody is meant: a name that nobody has
/// read cannot be meant.
///
/// # Errors
///
/// If the room cannot be asked.
pub async fn pick(name: Option<&KnockName>, cx: &Context) -> Result<Option<String>> {
    if let Some(name) = name {
        return Ok(Some(name.to_string()));
    }
    let Answer::Knocks(rows) = cx.ask(Request::Knocks).await? else {
        bail!("the room gave an answer to another question");
    };
    let seen = cx.knocks();
    match rows.as_slice() {
        [] => cx.print("nobody waits at the door"),
        [only] if seen.iter().any(|knock| knock.name == only.name && knock.key == only.key) => {
            return Ok(Some(only.name.clone()));
        }
        several => {
            let rows: Vec<_> = several.iter().map(describe).collect();
            cx.print(format!("at the door:\n{}\nwhich one? Say the name as well", rows.join("\n")));
        }
    }
    Ok(None)
}

/// Somebody at the door: name, fingerprint, address, and whether the name is known with another key.
pub fn describe(knock: &KnockRow) -> String {
    let name = clean(&knock.name);
    let address = knock.address.map_or_else(|| "this machine".to_owned(), |address| address.to_string());
    let claims = match &knock.claims {
        Some(known) => format!(" (another key than the {} you know!)", clean(known)),
        None => String::new(),
    };
    format!("{name} ({}) at {address}{claims}", Fingerprint::of(&knock.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PublicKey;

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
