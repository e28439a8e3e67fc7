//! How somebody is told of in a sentence: by name, which is a label, and by fingerprint, which says who it is.

use crate::{trust::Fingerprint, view::filter::clean, wire::PublicKey};

/// Name and fingerprint.
pub fn described(name: &str, key: &PublicKey) -> String {
    format!("{} ({})", clean(name), Fingerprint::of(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_a_row() {
        let key = PublicKey([7; 32]);
        assert_eq!(described("bob\n* eve", &key), format!("bob<U+000A>* eve ({})", Fingerprint::of(&key)));
    }
}
