//! What is known of sources from before: from which somebody was let in lately, and whose connections keep coming
//! to nothing. An IPv6 network of 64 bits is one source, so whoever has a larger one has many: the tables are bounded,
//! and the door's other limits hold for all sources together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{recent::Recent, source::Source};

/// What a source may do, and for how long its deeds count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Connections that may come to nothing at once.
    pub(super) tries: u32,
    /// In which time all of them are given back.
    pub(super) tries_in: Duration,
    /// How long a source is favoured.
    pub(super) favour: Duration,
    /// Sources remembered of each kind.
    pub(super) sources: usize,
}

/// The standing of all sources.
#[derive(Debug)]
pub(super) struct Standing {
    terms: Terms,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    /// Until when a source is favoured.
    favoured: Recent<Source, Instant>,
    /// When a source will have all its tries again.
    spent: Recent<Source, Instant>,
}

impl Standing {
    pub(super) fn new(terms: Terms) -> Arc<Self> {
        let book = Book { favoured: Recent::new(terms.sources), spent: Recent::new(terms.sources) };
        Arc::new(Self { terms, book: Mutex::new(book) })
    }

    /// Whether somebody was let in from there lately.
    pub(super) fn is_favoured(&self, source: Source) -> bool {
        self.book().favours(source)
    }

    /// Whether it has no try left, and is not favoured.
    pub(super) fn is_barred(&self, source: Source) -> bool {
        let book = self.book();
        let left = book.spent.get(source).map(|full_at| full_at.saturating_duration_since(Instant::now()));
        left.is_some_and(|left| left > self.all_tries() - self.one_try()) && !book.favours(source)
    }

    /// How many sources are favoured, and how many have spent tries.
    pub(super) fn count(&self) -> (usize, usize) {
        let book = self.book();
        (book.favoured.len(), book.spent.len())
    }

    /// Forgets sources of which nothing is known any more that counts.
    pub(super) fn forget_old(&self) {
        let (mut book, now) = (self.book(), Instant::now());
        book.favoured.retain(|until| now < *until);
        book.spent.retain(|full_at| now < *full_at);
    }

    /// Somebody was let in from there, or has just been in the room.
    fn favour(&self, source: Source) {
        self.book().favoured.put(source, Instant::now() + self.terms.favour);
    }

    /// A connection from there came to nothing.
    fn charge(&self, source: Source) {
        let mut book = self.book();
        if book.favours(source) {
            return;
        }
        let now = Instant::now();
        let full_at = book.spent.get(source).map_or(now, |full_at| now.max(*full_at)) + self.one_try();
        // Those under way when the last try was spent do not keep it out longer.
        book.spent.put(source, full_at.min(now + self.all_tries()));
    }

    /// How long it takes until a try is given back.
    fn one_try(&self) -> Duration {
        self.terms.tries_in / self.terms.tries.max(1)
    }

    fn all_tries(&self) -> Duration {
        self.one_try() * self.terms.tries.max(1)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Each note is one step: a panic elsewhere leaves the book right.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn favours(&self, source: Source) -> bool {
        self.favoured.get(source).is_some_and(|until| Instant::now() < *until)
    }
}

/// A connection's account with its source: costs a try when it is dropped, unless it has come to something.
#[derive(Debug)]
pub struct Try {
    standing: Arc<Standing>,
    source: Source,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Nothing,
    Good,
    LetIn,
}

impl Try {
    pub(super) fn new(standing: Arc<Standing>, source: Source) -> Self {
        Self { standing, source, outcome: Outcome::Nothing }
    }

    /// The connection is what it should be, and costs nothing.
    pub fn succeed(mut self) {
        self.outcome = Outcome::Good;
    }

    /// A member was let in. Its source is favoured from now on, and for a while after this is dropped.
    pub(super) fn let_in(&mut self) {
        self.outcome = Outcome::LetIn;
        self.standing.favour(self.source);
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        match self.outcome {
            Outcome::Nothing => self.standing.charge(self.source),
            Outcome::Good => {}
            Outcome::LetIn => self.standing.favour(self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn standing() -> Arc<Standing> {
        Standing::new(Terms { tries: 4, tries_in: 4 * MINUTE, favour: 10 * MINUTE, sources: 8 })
    }

    fn source(ip: &str) -> Source {
        ip.parse::<IpAddr>().unwrap().into()
    }

    fn fail(standing: &Arc<Standing>, ip: &str, times: usize) {
        (0..times).for_each(|_| drop(Try::new(standing.clone(), source(ip))));
    }

    #[tokio::test(start_paused = true)]
    async fn case_116_a_source_whose_tries_are_spent_gets_one_back_at_a_time() {
        let standing = standing();
        let (bad, other) = ("192.0.2.1", "192.0.2.2");
        fail(&standing, bad, 3);
        assert!(!standing.is_barred(source(bad)), "one is left");
        fail(&standing, bad, 100);
        assert!(standing.is_barred(source(bad)) && !standing.is_barred(source(other)));
        advance(MINUTE).await;
        assert!(!standing.is_barred(source(bad)), "one is back, however many failed");
        fail(&standing, bad, 1);
        assert!(standing.is_barred(source(bad)));
        advance(4 * MINUTE).await;
        fail(&standing, bad, 3);
        assert!(!standing.is_barred(source(bad)), "all were back");
    }

    #[tokio::test(start_paused = true)]
    async fn case_8_a_network_of_64_bits_spends_the_same_tries() {
        let standing = standing();
        (0..4).for_each(|host| fail(&standing, &format!("2001:db8::{host}"), 1));
        assert!(standing.is_barred(source("2001:db8::ffff")));
        assert!(!standing.is_barred(source("2001:db8:0:1::1")));
        fail(&standing, "::ffff:192.0.2.1", 2);
        fail(&standing, "192.0.2.1", 2);
        assert!(standing.is_barred(source("::ffff:192.0.2.1")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_good_costs_nothing() {
        let standing = standing();
        (0..100).for_each(|_| Try::new(standing.clone(), source("192.0.2.1")).succeed());
        assert!(!standing.is_barred(source("192.0.2.1")) && !standing.is_favoured(source("192.0.2.1")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_is_favoured_from_the_letting_in_until_a_while_after_the_end() {
        let standing = standing();
        let home = source("192.0.2.1");
        fail(&standing, "192.0.2.1", 4);
        let mut member = Try::new(standing.clone(), home);
        assert!(!standing.is_favoured(home) && standing.is_barred(home));
        member.let_in();
        assert!(standing.is_favoured(home) && !standing.is_barred(home));
        advance(10 * MINUTE).await;
        assert!(!standing.is_favoured(home), "a place at home is no standing invitation");
        drop(member);
        assert!(standing.is_favoured(home), "it may want to come back");
        fail(&standing, "192.0.2.1", 100);
        advance(10 * MINUTE).await;
        assert!(!standing.is_favoured(home) && !standing.is_barred(home), "nothing was charged while favoured");
    }

    #[tokio::test(start_paused = true)]
    async fn sources_that_begin_anew_are_not_remembered() {
        let standing = standing();
        fail(&standing, "192.0.2.1", 2);
        fail(&standing, "192.0.2.2", 4);
        Try::new(standing.clone(), source("192.0.2.3")).let_in();
        advance(2 * MINUTE).await;
        standing.forget_old();
        assert_eq!(standing.count(), (1, 1));
        advance(8 * MINUTE).await;
        standing.forget_old();
        assert_eq!(standing.count(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn floods_from_ever_new_sources_fill_no_memory() {
        let standing = standing();
        for of in 0..1_000 {
            fail(&standing, &format!("2001:db8:0:{of:x}::1"), 4);
        }
        assert!(standing.is_barred(source("2001:db8:0:3e7::1")));
        assert!(!standing.is_barred(source("2001:db8:0:1::1")), "the oldest are forgotten");
    }
}
