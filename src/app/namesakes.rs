//! Pointing out who bears a name that this person knows with another key.
//!
//! The room keeps two of one name apart while both are there, but cannot know whom its members know from elsewhere.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustc_hash::FxHashMap;

use crate::{
    command::{Context, MemberEvent},
    pages,
    trust::{Fingerprint, Mark, Person},
    view::filter::clean,
    wire::{PublicKey, WhoRow},
};

/// How many keys are remembered as looked at, and how many as pointed out. When there are more, it begins anew: then
/// something is said twice rather than never.
const MAX_MET: usize = 4096;

/// How many pages of members are looked through on entering. Those beyond are met when they say something.
const MAX_PAGES: usize = 16;

/// Who was met in this session. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Namesakes(Arc<Mutex<Met>>);

#[derive(Default)]
struct Met {
    /// The name with which a key was looked at last.
    looked: FxHashMap<PublicKey, String>,
    /// What was pointed out: a key, and the known one whose name it bears.
    told: HashSet<(PublicKey, PublicKey)>,
}

impl Namesakes {
    /// Looks at somebody met under this name.
    pub(super) fn meet(&self, key: &PublicKey, name: &str, cx: &Context) {
        if !cx.people().keep_names() || cx.ignores(key) || *key == cx.me().key {
            return;
        }
        {
            let mut met = self.met();
            if met.looked.get(key).is_some_and(|looked| looked == name) {
                return;
            }
            if met.looked.len() >= MAX_MET {
                met.looked.clear();
            }
            met.looked.insert(*key, name.to_owned());
        }
        let Some(known) = cx.people().namesake(key, name) else { return };
        let mut met = self.met();
        if met.told.len() >= MAX_MET {
            met.told.clear();
        }
        if met.told.insert((*key, known.key)) {
            cx.error(told(key, name, &known));
        }
    }

    /// Looks at whom an event is about.
    pub(super) fn event(&self, event: &MemberEvent, cx: &Context) {
        match event {
            MemberEvent::Joined(member) | MemberEvent::Renamed { member, own: false, .. } => {
                self.meet(&member.key, &member.name, cx);
            }
            MemberEvent::Knock { knock, .. } => {
                self.meet(&knock.key, &knock.name, cx);
                if let Some(wish) = &knock.claims {
                    self.meet(&knock.key, wish, cx);
                }
            }
            _ => {}
        }
    }

    /// Looks at those who are there.
    pub(super) fn enter(&self, cx: &Context) {
        if !cx.people().keep_names() {
            return;
        }
        let met = self.clone();
        cx.spawn(async move |cx| {
            let mut left = MAX_PAGES;
            let page = |rows: Vec<WhoRow>| {
                rows.iter().for_each(|row| met.meet(&row.member.key, &row.member.name, &cx));
                left -= 1;
                left > 0
            };
            // If the link breaks meanwhile, whoever is not met now is met when they say something.
            if let Err(error) = pages::each(&cx, page).await {
                tracing::debug!(%error, "not everybody who is here was looked at");
            }
            Ok(())
        });
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(key: &PublicKey, name: &str, known: &Person) -> String {
    let (name, theirs, ours) = (clean(name), Fingerprint::of(key), Fingerprint::of(&known.key));
    let how = if known.marks.has(Mark::Verified) { Mark::Verified } else { Mark::Trusted }.word();
    format!("{name} ({theirs}) has another key than the {} you {how} ({ours}): it may be somebody else", known.name)
}

#[cfg(test)]
mod tests {
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    use super::*;
    use crate::{
        command::Member,
        session::{self, Nowhere, SessionConfig, WhenFull},
        trust::{People, scratch::Scratch},
        view::{Line, Recording},
        wire::{Instance, KnockRow},
    };

    fn key(byte: u8) -> PublicKey {
        PublicKey([byte; 32])
    }

    fn member(of: u8, name: &str) -> Member {
        Member { number: of.into(), key: key(of), instance: Instance([of; 16]), name: name.into() }
    }

    /// Somebody who has verified bob (2), trusts carol (3) and ignores eve (4).
    fn context(scratch: &Scratch) -> (Context, Arc<Recording>) {
        let config = SessionConfig {
            key: key(1),
            instance: Instance([1; 16]),
            name: "ann".into(),
            features: 0,
            timing: session::Timing::default(),
        };
        let (handle, _) = session::start(config, Nowhere, &TaskTracker::new());
        let view = Arc::new(Recording::default());
        let cx = Context::new(handle, view.clone(), &[], WhenFull::Fail, CancellationToken::new());
        let people = People::open(scratch.join("people")).expect("no file yet");
        for (of, name, mark) in [(2, "bob", Mark::Verified), (3, "carol", Mark::Trusted), (4, "eve", Mark::Ignored)] {
            people.mark(&key(of), name, mark).expect("saved");
        }
        (cx.with_people(people), view)
    }

    #[tokio::test]
    async fn a_known_name_with_another_key_is_pointed_out_once_with_both_fingerprints() {
        let scratch = Scratch::new();
        let (cx, view) = context(&scratch);
        let met = Namesakes::default();
        for known in [member(2, "bob"), member(3, "carol"), member(1, "bob"), member(4, "bob"), member(9, "dave")] {
            met.event(&MemberEvent::Joined(known), &cx);
        }
        assert_eq!(view.lines(), [], "the right keys, one's own, one that is ignored, an unknown name");
        for _ in 0..3 {
            met.event(&MemberEvent::Joined(member(7, "B0b")), &cx);
            met.meet(&key(7), "bob", &cx);
        }
        let (theirs, ours) = (Fingerprint::of(&key(7)), Fingerprint::of(&key(2)));
        let line =
            format!("B0b ({theirs}) has another key than the bob you verified ({ours}): it may be somebody else");
        assert_eq!(view.lines(), [Line::Error(line)]);
    }

    #[tokio::test]
    async fn taking_a_known_name_and_knocking_with_it_are_pointed_out_too() {
        let scratch = Scratch::new();
        let (cx, view) = context(&scratch);
        let met = Namesakes::default();
        met.event(&MemberEvent::Joined(member(7, "dave")), &cx);
        met.event(&MemberEvent::Renamed { member: member(7, "carol"), old: "dave".into(), own: false }, &cx);
        // Somebody known takes the name of somebody else who is.
        met.event(&MemberEvent::Renamed { member: member(3, "bob"), old: "carol".into(), own: false }, &cx);
        let knock = KnockRow { name: "bob-2".into(), key: key(8), address: None, claims: Some("bob".into()) };
        met.event(&MemberEvent::Knock { knock, more: 0 }, &cx);
        let told: Vec<_> = view.lines().into_iter().map(|line| format!("{line:?}")).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for (line, part) in told.iter().zip(["than the carol you trusted", "than the bob you", "than the bob you"]) {
            assert!(line.starts_with("Error") && line.contains(part), "{line}");
        }
    }
}
