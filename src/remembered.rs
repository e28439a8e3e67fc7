//! People about whom something was said before, for commands that list them or take it back: they need not be here.

use anyhow::{Result, bail};

use crate::{
    command::Context,
    table::table,
    trust::{Fingerprint, Mark, Person},
    view::filter::clean,
};

/// Those about whom this was said, one a row: name, fingerprint and the day. Nothing if there are none.
///
/// # Errors
///
/// If the file of people cannot be read any more.
pub async fn list(mark: Mark, cx: &Context) -> Result<Option<String>> {
    cx.refresh_people().await?;
    let mut people = cx.people().all(mark);
    people.sort_by_key(|person| person.name.to_lowercase());
    let rows: Vec<_> = people.iter().map(|person| row(person, mark)).collect();
    Ok((!rows.is_empty()).then(|| table(&rows)))
}

fn row(person: &Person, mark: Mark) -> Vec<String> {
    let since = person.marks.since(mark).map_or_else(String::new, |day| format!("since {day}"));
    vec![person.name.clone(), Fingerprint::of(&person.key).to_string(), since]
}

/// The one about whom this was said and whom `word` means: whoever has that name here, was known by it, or has that
/// fingerprint.
///
/// # Errors
///
/// If there is nobody, or more than one.
pub async fn find(word: &str, mark: Mark, cx: &Context) -> Result<Person> {
    cx.refresh_people().await?;
    // If the room cannot be asked, whoever is remembered is meant.
    let here = cx.find(word).await.ok();
    choose(word, here.map(|member| member.key), mark, cx.people().all(mark))
}

fn choose(word: &str, here: Option<crate::wire::PublicKey>, mark: Mark, people: Vec<Person>) -> Result<Person> {
    if let Some(person) = people.iter().find(|person| Some(person.key) == here) {
        return Ok(person.clone());
    }
    let wanted = word.to_lowercase();
    let means =
        |person: &Person| person.name.to_lowercase() == wanted || Fingerprint::of(&person.key).to_string() == wanted;
    let (mut meant, word, said) = (people.into_iter().filter(means), clean(word), mark.word());
    match (meant.next(), meant.next()) {
        (None, _) => bail!("nobody called {word} is {said}"),
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => {
            let rows: Vec<_> = [one, other].into_iter().chain(meant).map(|person| row(&person, mark)).collect();
            bail!("more than one {word} is {said}; say the fingerprint:\n{}", table(&rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        trust::{People, scratch::Scratch},
        wire::PublicKey,
    };

    #[test]
    fn a_name_means_who_is_here_or_was_known_by_it_and_a_fingerprint_exactly_one() {
        let scratch = Scratch::new();
        let people = People::open(scratch.join("people")).expect("no file yet");
        let keys: [_; 4] = std::array::from_fn(|at| PublicKey([at as u8; 32]));
        for (key, name) in keys.iter().zip(["bob", "Bob", "carol"]) {
            people.mark(key, name, Mark::Trusted).expect("saved");
        }
        let find = |word: &str, here| choose(word, here, Mark::Trusted, people.all(Mark::Trusted));
        assert_eq!(find("robert", Some(keys[1])).expect("here under another name").key, keys[1]);
        assert_eq!(find("CAROL", None).expect("known by that name").key, keys[2]);
        assert_eq!(find("carol", Some(keys[3])).expect("the one here is not meant").key, keys[2]);
        assert_eq!(find(&Fingerprint::of(&keys[1]).to_string(), None).expect("one").key, keys[1]);
        assert_eq!(find("dave", Some(keys[3])).unwrap_err().to_string(), "nobody called dave is trusted");
        let several = find("bob", None).unwrap_err().to_string();
        assert!(keys[..2].iter().all(|key| several.contains(&Fingerprint::of(key).to_string())), "{several}");
        assert!(!several.contains("carol"), "{several}");
    }
}
