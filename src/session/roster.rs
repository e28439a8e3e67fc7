//! The members that this member knows of, those at the door, and whose kept envelopes are up.

use std::collections::{BTreeMap, HashSet};

use super::Member;
use crate::limits::session::MAX_KEPT_KNOWN;
use crate::wire::{Instance, KnockRow, MAX_INTRODUCTIONS, PublicKey};

/// How many of those at the door are remembered; the room lets fewer wait.
const MAX_KNOCKS: usize = 64;

/// Who is who in the room.
#[derive(Debug)]
pub(super) struct Roster {
    me: Member,
    /// By number, which is the order of entering: the first ones are the oldest.
    members: BTreeMap<u32, Member>,
    knocks: Vec<KnockRow>,
    /// By number, so that all that goes at once goes in the order in which it came.
    kept: BTreeMap<u32, (Member, String)>,
    /// Whether everybody who is there is among the members.
    complete: bool,
}

impl Roster {
    pub(super) fn new(key: PublicKey, instance: Instance, name: String) -> Self {
        let me = Member { number: 0, key, instance, name };
        Self { me, members: BTreeMap::new(), knocks: Vec::new(), kept: BTreeMap::new(), complete: false }
    }

    pub(super) fn me(&self) -> &Member {
        &self.me
    }

    /// We are in, as this number and under this name.
    pub(super) fn enter(&mut self, number: u32, name: String) {
        // The number of a seat before this one may be somebody else's by now.
        self.members.remove(&self.me.number);
        self.me.number = number;
        self.me.name = name;
        self.members.insert(number, self.me.clone());
    }

    /// Another log begins: numbers mean nothing any more. Returns the kept envelopes that went with it.
    pub(super) fn begin(&mut self) -> Vec<(u32, Member, String)> {
        self.forget();
        self.knocks.clear();
        std::mem::take(&mut self.kept).into_iter().map(|(number, (from, command))| (number, from, command)).collect()
    }

    /// We enter the same log again, after our seat was given up. Returns our own kept envelopes, which went with it.
    pub(super) fn begin_again(&mut self) -> Vec<(u32, Member, String)> {
        self.forget();
        self.knocks.clear();
        let me = (self.me.key, self.me.instance);
        let gone = self.kept.extract_if(.., |_, (from, _)| (from.key, from.instance) == me);
        gone.map(|(number, (from, command))| (number, from, command)).collect()
    }

    /// Whether everybody who is there is known.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Everybody is known from now on, or not any more.
    pub(super) fn set_complete(&mut self, complete: bool) {
        self.complete = complete;
    }

    /// Who is there is not known for sure any more.
    pub(super) fn forget(&mut self) {
        self.complete = false;
        let me = self.me.number;
        self.members.retain(|number, _| *number == me);
    }

    pub(super) fn introduce(&mut self, member: Member) {
        // Twice what the room counts on, so that neither end has to count exactly.
        if self.members.len() >= 2 * MAX_INTRODUCTIONS {
            self.members.pop_first();
        }
        if member.number == self.me.number {
            self.me.name.clone_from(&member.name);
        }
        self.members.insert(member.number, member);
    }

    pub(super) fn member(&self, number: u32) -> Option<&Member> {
        self.members.get(&number)
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    pub(super) fn named(&self, name: &str) -> Option<Member> {
        let wanted = name.to_lowercase();
        self.members.values().find(|member| member.name.to_lowercase() == wanted).cloned()
    }

    /// Gives a member another name and returns it with the old one.
    pub(super) fn rename(&mut self, number: u32, name: String) -> Option<(Member, String)> {
        let member = self.members.get_mut(&number)?;
        let old = std::mem::replace(&mut member.name, name);
        if number == self.me.number {
            self.me.name.clone_from(&member.name);
        }
        Some((member.clone(), old))
    }

    /// A member went. Returns it and what was kept for it.
    pub(super) fn remove(&mut self, number: u32) -> Option<(Member, Vec<(u32, String)>)> {
        let member = self.members.remove(&number)?;
        let gone = self.kept.extract_if(.., |_, (from, _)| from.number == number);
        Some((member, gone.map(|(kept, (_, command))| (kept, command)).collect()))
    }

    /// Notes a kept envelope, and says whether it is new.
    pub(super) fn keep(&mut self, number: u32, from: Member, command: String) -> bool {
        self.kept.len() < MAX_KEPT_KNOWN && self.kept.insert(number, (from, command)).is_none()
    }

    /// The numbers of the kept envelopes, in ascending order.
    pub(super) fn kept(&self) -> Vec<u32> {
        self.kept.keys().copied().collect()
    }

    /// Forgets a kept envelope and returns whose it was and the command it belonged to.
    pub(super) fn withdraw(&mut self, number: u32) -> Option<(Member, String)> {
        self.kept.remove(&number)
    }

    /// Forgets the kept envelopes that are not among `numbers`, and returns them.
    pub(super) fn keep_only(&mut self, numbers: &[u32]) -> Vec<(u32, Member, String)> {
        let numbers: HashSet<u32> = numbers.iter().copied().collect();
        let gone = self.kept.extract_if(.., |number, _| !numbers.contains(number));
        gone.map(|(number, (from, command))| (number, from, command)).collect()
    }

    /// How many members, knocks and kept envelopes it knows.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize, usize) {
        (self.members.len(), self.knocks.len(), self.kept.len())
    }

    pub(super) fn knocks(&self) -> &[KnockRow] {
        &self.knocks
    }

    pub(super) fn knock(&mut self, knock: KnockRow) {
        self.knock_over(&knock.name);
        if self.knocks.len() < MAX_KNOCKS {
            self.knocks.push(knock);
        }
    }

    pub(super) fn knock_over(&mut self, name: &str) {
        self.knocks.retain(|knock| knock.name != name);
    }
}
