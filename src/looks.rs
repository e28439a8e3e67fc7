//! What names look like: which two of them a person could take for the same.

use unicode_security::skeleton;

/// What a name looks like, in two ways: two names that share one of them count as the same.
/// By [UTS #39](https://www.unicode.org/reports/tr39/), once on the small letters, since case misleads too, and
/// once on the letters as they are, since a capital `I` looks like a small `l`.
pub(crate) type Looks = [String; 2];

/// What `name` looks like. It takes time of its length, which callers bound.
pub(crate) fn looks(name: &str) -> Looks {
    let small: String = skeleton(&name.to_lowercase()).collect();
    let small: String = skeleton(&small.to_lowercase()).collect();
    let as_is: String = skeleton(name).collect();
    // The two never mix: a mark keeps them apart that no skeleton begins with.
    [small, format!("={}", as_is.to_lowercase())]
}
