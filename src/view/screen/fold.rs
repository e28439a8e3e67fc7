//! Comings and goings that follow each other, folded into one sentence for as long as nothing else happens.

use crate::view::Event;

/// More people than this make a sentence that nobody reads: the next one begins another.
const MOST: usize = 64;

/// How many are named in one clause; the others are counted.
const NAMED: usize = 12;

/// What an event means for who is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Joined,
    Left,
    /// Left because the connection never came back.
    Lost,
    Cut,
    Back,
    Renamed,
}

/// A coming or going, as the fold takes it.
pub(super) enum Turn {
    /// Of somebody.
    One { step: Step, key: String, name: String, old: Option<String>, text: String },
    /// Of many, counted.
    Crowd { joined: u64, left: u64, members: u64, text: String },
}

impl Turn {
    /// The event as a turn, if it is one. Whoever is put out has a line of their own, and so has one's own new name.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let number = |name: &str| event.values.get(name).and_then(serde_json::Value::as_u64);
        let text = event.text.clone();
        if event.kind == "crowd" {
            return Some(Self::Crowd {
                joined: number("joined")?,
                left: number("left")?,
                members: number("members")?,
                text,
            });
        }
        let step = match (event.kind, event.value("how")) {
            ("join", _) => Step::Joined,
            ("leave", Some("left")) => Step::Left,
            ("leave", Some("lost")) => Step::Lost,
            ("cut", _) => Step::Cut,
            ("back", _) => Step::Back,
            ("rename", _) => Step::Renamed,
            _ => return None,
        };
        let (key, name) = (event.value("key")?.to_owned(), event.value("name")?.to_owned());
        let old = event.value("old").map(str::to_owned);
        if step == Step::Renamed && !old.as_ref().is_some_and(|old| text.starts_with(old.as_str())) {
            return None;
        }
        Some(Self::One { step, key, name, old, text })
    }
}

/// Somebody whose comings and goings are folded.
struct Person {
    key: String,
    name: String,
    /// What they were called before they took another name.
    before: Option<String>,
    first: Option<Step>,
    last: Option<Step>,
}

/// A sentence in the making.
#[derive(Default)]
pub(super) struct Fold {
    people: Vec<Person>,
    crowd: Option<(u64, u64, u64)>,
    /// The words of the only event, while there is one.
    only: Option<String>,
    events: usize,
    /// When the first one was.
    pub(super) at: jiff::Timestamp,
}

/// A piece of the sentence: text of ours, or a name with the fingerprint of its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Words(String),
    Name { name: &'a str, key: &'a str },
}

impl Fold {
    /// An empty one, for events from now on.
    pub(super) fn at(at: jiff::Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.people.iter().map(|person| person.key.len() + 2 * person.name.len()).sum()
    }

    /// Whether another turn has room in it. People and numbers do not mix, and nor do a new name of somebody and what that
    /// person did under the old one.
    pub(super) fn takes(&self, turn: &Turn) -> bool {
        match turn {
            Turn::One { step, key, name, old, .. } => {
                let known = self.known(key, old.as_ref().unwrap_or(name)).map(|at| &self.people[at]);
                let fits =
                    known.map_or(self.people.len() < MOST, |person| person.first.is_some() != (*step == Step::Renamed));
                self.crowd.is_none() && fits
            }
            Turn::Crowd { .. } => self.people.is_empty(),
        }
    }

    /// Where somebody stands in it. Several members may have one key.
    fn known(&self, key: &str, name: &str) -> Option<usize> {
        self.people.iter().position(|person| person.key == key && person.name == name)
    }

    /// Folds a turn in.
    pub(super) fn add(&mut self, turn: Turn) {
        self.events += 1;
        let text = match turn {
            Turn::Crowd { joined, left, members, text } => {
                let (before_joined, before_left, _) = self.crowd.unwrap_or_default();
                self.crowd = Some((before_joined.saturating_add(joined), before_left.saturating_add(left), members));
                text
            }
            Turn::One { step, key, name, old, text } => {
                let known = self.known(&key, old.as_ref().unwrap_or(&name));
                let at = known.unwrap_or_else(|| {
                    self.people.push(Person { key, name: name.clone(), before: None, first: None, last: None });
                    self.people.len() - 1
                });
                let person = &mut self.people[at];
                if step == Step::Renamed {
                    person.before = person.before.take().or(old).filter(|before| *before != name);
                    person.name = name;
                } else {
                    person.first.get_or_insert(step);
                    person.last = Some(step);
                }
                text
            }
        };
        self.only = (self.events == 1).then_some(text);
    }

    /// The sentence.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        if let Some(only) = &self.only {
            return match self.people.first() {
                Some(person) => around(only, person),
                None => vec![Piece::Words(only.clone())],
            };
        }
        if let Some((joined, left, members)) = self.crowd {
            return vec![Piece::Words(format!("{joined} joined, {left} left, {members} here now"))];
        }
        let mut clauses: Vec<(&str, Vec<&Person>)> = Vec::new();
        for person in &self.people {
            let Some(what) = person.what() else { continue };
            match clauses.iter_mut().find(|(known, _)| *known == what) {
                Some((_, people)) => people.push(person),
                None => clauses.push((what, vec![person])),
            }
        }
        let mut pieces = Vec::new();
        for (what, people) in clauses {
            separate(&mut pieces, "; ");
            for (i, person) in people.iter().take(NAMED).enumerate() {
                if i > 0 {
                    separate(&mut pieces, ", ");
                }
                pieces.push(Piece::Name { name: &person.name, key: &person.key });
            }
            let more = people.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            pieces.push(Piece::Words(format!("{more} {what}")));
        }
        for person in self.people.iter().filter(|person| person.before.is_some()) {
            separate(&mut pieces, "; ");
            pieces.push(Piece::Name { name: person.before.as_deref().unwrap_or_default(), key: &person.key });
            pieces.push(Piece::Words(" is now ".to_owned()));
            pieces.push(Piece::Name { name: &person.name, key: &person.key });
        }
        if pieces.is_empty() {
            pieces.push(Piece::Words("somebody took another name for a moment".to_owned()));
        }
        pieces
    }
}

impl Person {
    /// What it all came to. The words suit one as well as several.
    fn what(&self) -> Option<&'static str> {
        use Step::{Back, Cut, Joined, Left, Lost};
        Some(match (self.first?, self.last?) {
            (Joined, Joined | Back) => "joined",
            (Joined, Left | Lost) => "came and went",
            (Joined, Cut) => "joined and lost the connection",
            (Cut | Back, Lost) | (Lost, Lost) => "did not come back after the connection broke",
            (_, Left | Lost) => "left",
            (Left | Lost, Joined | Back) => "left and came back",
            (Cut, Back) => "lost the connection for a moment",
            (_, Back | Joined) => "came back",
            (_, Cut) => "lost the connection",
            (_, Step::Renamed) => return None,
        })
    }
}

fn separate(pieces: &mut Vec<Piece>, with: &str) {
    if !pieces.is_empty() {
        pieces.push(Piece::Words(with.to_owned()));
    }
}

/// The one sentence about somebody, in which the name is known.
fn around<'a>(text: &str, person: &'a Person) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let old = person.before.as_deref().filter(|old| text.starts_with(old));
    for name in old.into_iter().chain([person.name.as_str()]) {
        if let Some(at) = rest.find(name).filter(|_| !name.is_empty()) {
            if at > 0 {
                pieces.push(Piece::Words(rest[..at].to_owned()));
            }
            pieces.push(Piece::Name { name, key: &person.key });
            rest = &rest[at + name.len()..];
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest.to_owned()));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &'static str, name: &str) -> Event {
        let text = match kind {
            "join" => format!("{name} joined"),
            "leave" => format!("{name} left"),
            "back" => format!("{name} is back"),
            _ => format!("{name} is away: the connection is broken"),
        };
        let event = Event::new(kind, text).with("name", name).with("key", format!("key of {name}"));
        if kind == "leave" { event.with("how", "left") } else { event }
    }

    fn renamed(old: &str, name: &str) -> Event {
        let text = format!("{old} is now {name}");
        Event::new("rename", text).with("name", name).with("key", "key").with("old", old)
    }

    fn folded(events: impl IntoIterator<Item = Event>) -> String {
        let mut fold = Fold::default();
        events.into_iter().for_each(|event| fold.add(Turn::of(&event).expect("a coming or going")));
        fold.pieces()
            .iter()
            .map(|piece| match piece {
                Piece::Words(words) => words.as_str(),
                Piece::Name { name, .. } => name,
            })
            .collect()
    }

    #[test]
    fn one_event_keeps_its_words() {
        for kind in ["join", "leave", "cut", "back"] {
            assert_eq!(folded([event(kind, "bob")]), event(kind, "bob").text);
        }
        assert_eq!(folded([renamed("bob", "rob")]), "bob is now rob");
    }

    #[test]
    fn several_events_are_one_sentence() {
        assert_eq!(
            folded([event("join", "bob"), event("join", "eve"), event("leave", "carl")]),
            "bob, eve joined; carl left"
        );
        assert_eq!(folded([event("join", "bob"), event("leave", "bob")]), "bob came and went");
        assert_eq!(folded([event("leave", "bob"), event("join", "bob")]), "bob left and came back");
        assert_eq!(
            folded([event("cut", "bob"), event("back", "bob"), event("cut", "eve")]),
            "bob lost the connection for a moment; eve lost the connection"
        );
        let lost = Event { values: event("leave", "bob").with("how", "lost").values, ..event("leave", "bob") };
        assert_eq!(folded([event("cut", "bob"), lost]), "bob did not come back after the connection broke");
        assert_eq!(
            folded([renamed("bob", "rob"), renamed("rob", "robert"), event("join", "eve")]),
            "eve joined; bob is now robert"
        );
        let many = (0..15).map(|i| event("join", &format!("m{i}")));
        assert!(folded(many).ends_with(", m11 and 3 more joined"));
    }

    #[test]
    fn what_says_more_stands_for_itself() {
        let kicked = event("leave", "bob").with("how", "kicked");
        assert!(Turn::of(&kicked).is_none());
        assert!(Turn::of(&Event { text: "you are now rob".into(), ..renamed("bob", "rob") }).is_none());
        assert!(Turn::of(&Event::new("saved", "saved x")).is_none());
    }

    #[test]
    fn crowds_are_added_up_and_do_not_mix_with_people() {
        let crowd = |joined: u64, left: u64, members: u64| {
            Event::new("crowd", "c").with("joined", joined).with("left", left).with("members", members)
        };
        assert_eq!(folded([crowd(5, 1, 100), crowd(3, 0, 103)]), "8 joined, 1 left, 103 here now");
        let mut fold = Fold::default();
        fold.add(Turn::of(&crowd(1, 0, 1)).unwrap());
        assert!(!fold.takes(&Turn::of(&event("join", "bob")).unwrap()));
        let mut fold = Fold::default();
        fold.add(
            Turn::of(&Event { values: event("join", "bob").with("key", "key").values, ..event("join", "bob") })
                .unwrap(),
        );
        assert!(!fold.takes(&Turn::of(&renamed("bob", "rob")).unwrap()), "who joined would be told under another name");
        let mut fold = Fold::default();
        for i in 0..MOST {
            fold.add(Turn::of(&event("join", &i.to_string())).unwrap());
        }
        assert!(!fold.takes(&Turn::of(&event("join", "bob")).unwrap()));
        assert!(fold.takes(&Turn::of(&event("leave", "3")).unwrap()));
    }
}
