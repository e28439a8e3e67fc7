//! The title of the window: whose room it is, and how many are in it.

use crate::{command::Context, session::MemberEvent};

/// What the title tells.
#[derive(Default)]
pub(super) struct Title {
    host: String,
    members: u32,
}

impl Title {
    /// We are in the room of `host`, one of so many members.
    pub(super) fn enter(&mut self, host: &str, members: u32, cx: &Context) {
        (self.host, self.members) = (host.to_owned(), members);
        self.tell(cx);
    }

    /// Somebody came, went or changed.
    pub(super) fn event(&mut self, event: &MemberEvent, cx: &Context) {
        match event {
            MemberEvent::Joined(_) => self.members = self.members.saturating_add(1),
            MemberEvent::Left { .. } => self.members = self.members.saturating_sub(1),
            MemberEvent::Crowd { members, .. } => self.members = *members,
            MemberEvent::Renamed { member, old, .. } if *old == self.host => self.host.clone_from(&member.name),
            _ => return,
        }
        self.tell(cx);
    }

    /// So many are known after the link was restored, if that is all of them.
    pub(super) fn restored(&mut self, cx: &Context) {
        if let Some(members) = cx.all_members() {
            self.members = members.len() as u32;
            self.tell(cx);
        }
    }

    fn tell(&self, cx: &Context) {
        cx.title(&format!("pchat: room of {} ({})", self.host, self.members));
    }
}
