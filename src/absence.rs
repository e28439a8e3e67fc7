//! Who has said that they are away, as several commands use it. It is told by what the room keeps of a member, so that
//! those who come later know it, too.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use anyhow::Result;

use crate::{
    context::Context,
    limits::absence::{MAX_KNOWN, NOTICES, NOTICES_OF_ONE, NOTICES_WITHIN},
    session::Member,
    view::{filter::clean, wrap::cut},
    wire::{Instance, PublicKey},
};

/// The marks under which the room keeps that one is away. There are two, so that another reason can be given before the
/// first one is taken back: in between one was never there.
pub const TAGS: [u32; 2] = [u32::MAX, u32::MAX - 1];

/// Columns of the reason in a mark.
const MARK_COLUMNS: usize = 40;

/// A member: a key and a run of its program.
type Who = (PublicKey, Instance);

/// Who is away, in a session.
#[derive(Debug, Default)]
pub struct Absences {
    away: HashMap<Who, Away>,
    /// The mark under which we have said that we are away.
    own: Option<u32>,
    /// Whose changes were told when, the last ones.
    told: VecDeque<(Who, Instant)>,
}

#[derive(Debug)]
struct Away {
    /// The room's number for it, unless the room has restarted and does not have it again yet.
    number: Option<u32>,
    reason: String,
    /// Whether the person was told it who wrote to them.
    mentioned: bool,
}

/// Something of which people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// They are away, or away for another reason.
    Away,
    /// They are here again.
    Here,
}

fn who(member: &Member) -> Who {
    (member.key, member.instance)
}

impl Absences {
    /// A member says that it is away, and the room keeps that as `number`. Returns what is new.
    pub fn leaves(&mut self, member: &Member, number: u32, reason: &str) -> Option<Change> {
        let who = who(member);
        if self.away.len() >= MAX_KNOWN && !self.away.contains_key(&who) {
            return None;
        }
        let mentioned = false;
        let before = self.away.insert(who, Away { number: Some(number), reason: reason.to_owned(), mentioned });
        // After a restart of the room everybody says it again.
        let again = before.is_some_and(|before| before.number.is_none() && before.reason == reason);
        (!again).then_some(Change::Away)
    }

    /// The room keeps `number` no longer. Returns what is new.
    pub fn returns(&mut self, member: &Member, number: u32, restart: bool) -> Option<Change> {
        let who = who(member);
        let away = self.away.get_mut(&who).filter(|away| away.number == Some(number))?;
        if restart {
            away.number = None;
            return None;
        }
        self.away.remove(&who);
        Some(Change::Here)
    }

    /// A member is not in the room any more.
    pub fn gone(&mut self, member: &Member) {
        self.away.remove(&who(member));
    }

    /// Whether a change of a member is to be told, which counts it. Somebody who comes and goes all the time, and a crowd
    /// that does, are told of now and then.
    pub fn may_tell(&mut self, member: &Member, now: Instant) -> bool {
        let who = who(member);
        while self.told.front().is_some_and(|(_, at)| now.duration_since(*at) >= NOTICES_WITHIN) {
            self.told.pop_front();
        }
        let of_one = self.told.iter().filter(|(other, _)| *other == who).count();
        let may = self.told.len() < NOTICES && of_one < NOTICES_OF_ONE;
        if may {
            self.told.push_back((who, now));
        }
        may
    }
}

/// Why a member is away, if it has said that it is; the reason may be empty.
fn reason(cx: &Context, member: &Member) -> Option<String> {
    with(cx, |absences| absences.away.get(&who(member)).map(|away| away.reason.clone()))
}

/// The mark of a member that has said that it is away. The reason stands in quotes, so that it cannot pass for other marks.
pub fn mark(cx: &Context, member: &Member) -> Option<String> {
    reason(cx, member).map(|reason| marked(&reason))
}

fn marked(reason: &str) -> String {
    let quoted = || format!(": \"{}\"", cut(&clean(reason), MARK_COLUMNS).replace('"', "'"));
    format!("away{}", if reason.is_empty() { String::new() } else { quoted() })
}

/// What somebody reads who writes to a member that is away, once for each time that it is.
pub fn mention(cx: &Context, member: &Member) -> Option<String> {
    let reason = with(cx, |absences| {
        let away = absences.away.get_mut(&who(member)).filter(|away| !away.mentioned)?;
        away.mentioned = true;
        Some(away.reason.clone())
    })?;
    Some(sentence(&format!("{} is", clean(&member.name)), &reason))
}

/// That somebody is away, and why.
pub fn sentence(who: &str, reason: &str) -> String {
    if reason.is_empty() { format!("{who} away") } else { format!("{who} away: {}", clean(reason)) }
}

/// Whether we have said that we are away.
pub fn is_own(cx: &Context) -> bool {
    with(cx, |absences| absences.own.is_some())
}

/// The mark for saying that we are away, and the one to take back after that.
pub fn marks(cx: &Context) -> (u32, Option<u32>) {
    let own = with(cx, |absences| absences.own);
    (if own == Some(TAGS[0]) { TAGS[1] } else { TAGS[0] }, own)
}

/// We have said that we are away, under this mark.
pub fn set_own(cx: &Context, mark: u32) {
    with(cx, |absences| absences.own = Some(mark));
}

/// We say something, or that we are here: if we were away, we are not any more.
///
/// # Errors
///
/// If that cannot be sent.
pub async fn back(cx: &Context) -> Result<()> {
    if let Some(mark) = with(cx, |absences| absences.own.take())
        && let Err(error) = cx.withdraw(mark).await
    {
        set_own(cx, mark);
        return Err(error);
    }
    Ok(())
}

/// Does something with who is away.
pub fn with<T>(cx: &Context, what: impl FnOnce(&mut Absences) -> T) -> T {
    let state = cx.state::<Absences>();
    let mut absences = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    what(&mut absences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(of: u8) -> Member {
        Member { number: of.into(), key: PublicKey([of; 32]), instance: Instance([of; 16]), name: "bob".into() }
    }

    #[test]
    fn going_and_coming_is_new_once_each_and_another_reason_too() {
        let (mut absences, bob) = (Absences::default(), member(2));
        assert_eq!(absences.leaves(&bob, 1, "lunch"), Some(Change::Away));
        // The new one comes before the old one is taken back.
        assert_eq!(absences.leaves(&bob, 2, "meeting"), Some(Change::Away));
        assert_eq!(absences.returns(&bob, 1, false), None);
        assert_eq!(absences.returns(&bob, 2, false), Some(Change::Here));
        assert_eq!(absences.returns(&bob, 2, false), None);
    }

    #[test]
    fn a_restart_of_the_room_is_no_news_of_those_who_are_away() {
        let (mut absences, bob) = (Absences::default(), member(2));
        absences.leaves(&bob, 7, "lunch");
        assert_eq!(absences.returns(&bob, 7, true), None);
        assert_eq!(absences.leaves(&bob, 1, "lunch"), None);
        assert_eq!(absences.returns(&bob, 1, false), Some(Change::Here));
    }

    #[test]
    fn flapping_is_told_now_and_then() {
        let (mut absences, start, bob) = (Absences::default(), Instant::now(), member(2));
        let tenth = |n: u64| start + std::time::Duration::from_millis(n * 100);
        assert_eq!((0..100_u64).filter(|n| absences.may_tell(&bob, tenth(*n))).count(), NOTICES_OF_ONE);
        // Many who do it share a limit.
        let crowd = (10..250).filter(|of| absences.may_tell(&member(*of), tenth(100))).count();
        assert_eq!(crowd, NOTICES - NOTICES_OF_ONE);
        assert!(absences.may_tell(&bob, start + 2 * NOTICES_WITHIN));
    }

    #[test]
    fn how_many_are_known_to_be_away_is_bounded() {
        let mut absences = Absences::default();
        for of in 0..MAX_KNOWN as u32 + 10 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&of.to_be_bytes());
            absences.leaves(&Member { key: PublicKey(key), ..member(1) }, 1, "x");
        }
        assert_eq!(absences.away.len(), MAX_KNOWN);
    }

    #[test]
    fn a_reason_in_a_mark_is_no_other_mark() {
        assert_eq!(marked("").len(), 4);
        assert_eq!(marked("lunch\", verified\n"), "away: \"lunch', verified<U+000A>\"");
        assert_eq!(crate::view::wrap::columns(&marked(&"x".repeat(200))), 48);
    }

    #[test]
    fn a_reason_cannot_begin_a_row() {
        assert_eq!(sentence("bob is", "x\n* eve left"), "bob is away: x<U+000A>* eve left");
        assert_eq!(sentence("bob is", ""), "bob is away");
    }
}
