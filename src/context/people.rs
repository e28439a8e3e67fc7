//! What a handler may know of people, and say about them.

use tokio::task::spawn_blocking;

use super::{Context, Member, Role};
use crate::{
    command::Entry,
    trust::{Mark, People, PeopleError},
    wire::PublicKey,
};

impl Context {
    /// With what this person has said about others. Without, nobody is known and nothing can be said.
    pub fn with_people(self, people: People) -> Self {
        let set = self.shared.people.set(people);
        debug_assert!(set.is_ok(), "a session has its people once");
        self
    }

    /// What this person has said about others.
    pub fn people(&self) -> &People {
        self.shared.people.get_or_init(People::default)
    }

    /// Whether nothing of this key is to be seen. One's own always is.
    pub fn ignores(&self, key: &PublicKey) -> bool {
        self.people().is(key, Mark::Ignored) && *key != self.me().key
    }

    /// Says this about a member. Returns whether it is new.
    ///
    /// # Errors
    ///
    /// If it cannot be saved: then nothing has changed.
    pub async fn mark(&self, member: &Member, mark: Mark) -> anyhow::Result<bool> {
        let Member { key, name, .. } = member.clone();
        self.change_people(move |people| people.mark(&key, &name, mark)).await
    }

    /// Takes this back about a key. Returns whether it was said.
    ///
    /// # Errors
    ///
    /// If it cannot be saved: then nothing has changed.
    pub async fn unmark(&self, key: &PublicKey, mark: Mark) -> anyhow::Result<bool> {
        let key = *key;
        self.change_people(move |people| people.unmark(&key, mark)).await
    }

    /// Reads again what another program of this person may have written about people.
    ///
    /// # Errors
    ///
    /// If it cannot be read; what was known stays.
    pub async fn refresh_people(&self) -> anyhow::Result<()> {
        self.change_people(People::refresh).await
    }

    /// The disk is waited for elsewhere, and a change that has begun is completed even if nobody waits for it any more.
    async fn change_people<R: Send + 'static>(
        &self,
        change: impl FnOnce(&People) -> Result<R, PeopleError> + Send + 'static,
    ) -> anyhow::Result<R> {
        let people = self.people().clone();
        Ok(spawn_blocking(move || change(&people)).await??)
    }

    /// The context in which `entry` handles the answer to its question.
    pub fn for_answer(&self, entry: &Entry) -> Self {
        Self { role: Role::Answer, ..self.for_line(entry) }
    }

    /// Whether the line is an answer to this command's own question, see [`Flow::Ask`](crate::command::Flow::Ask).
    pub fn answering(&self) -> bool {
        self.role == Role::Answer
    }
}
