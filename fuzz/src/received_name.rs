use pchat::transfer::name::{MAX_LEN, Place, SafeName, received};

/// Any text as the name of something that is received, at the top and within a folder.
pub fn received_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for place in [Place::Top, Place::Inside] {
        match received(&text, place) {
            Ok(name) => {
                one(&name, place);
                assert!(!text.contains(['/', '\\', '\0']), "{text:?} leads elsewhere");
                assert!(
                    name.changed() || !text.chars().any(char::is_control),
                    "{text:?} is changed and it is not told"
                );
                let numbered = name.numbered(data.len() as u32);
                one(&numbered, place);
                assert_ne!(numbered.folded(), name.folded(), "a number that makes no difference");
            }
            Err(error) => assert_eq!(error.to_string().lines().count(), 1),
        }
    }
}

fn one(safe: &SafeName, place: Place) {
    let name = safe.as_str();
    assert!((1..=MAX_LEN).contains(&name.len()), "{name:?}");
    assert!(!matches!(name, "." | "..") && !name.ends_with(['.', ' ']), "{name:?}");
    assert!(!name.contains(|c: char| c.is_control() || "<>:\"/\\|?*".contains(c)), "{name:?}");
    assert!(!name.starts_with(['-', '~', ' ']) && (place == Place::Inside || !name.starts_with('.')), "{name:?}");
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    assert!(
        !matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "COM1" | "LPT9" | "COM¹"),
        "{name:?}"
    );
    let again = received(name, place).expect("a name that is safe is taken");
    assert_eq!(again.as_str(), name, "a clean name is cleaned further");
    assert!(!again.changed());
    assert_eq!(again.folded(), safe.folded());
}
