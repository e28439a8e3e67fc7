//! Remembers something of the sources that did it last, of a bounded number of them.

use std::collections::{BTreeMap, HashMap};

use crate::source::Source;

/// A value for each source that was noted lately; the one noted longest ago makes room.
#[derive(Debug)]
pub(super) struct Recent<V> {
    limit: usize,
    values: HashMap<Source, (u64, V)>,
    /// The sources in the order in which they were noted last.
    order: BTreeMap<u64, Source>,
    last: u64,
}

impl<V: Copy> Recent<V> {
    /// Nothing yet, and never more than `limit` sources.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, values: HashMap::new(), order: BTreeMap::new(), last: 0 }
    }

    /// What was noted of a source.
    pub(super) fn get(&self, source: Source) -> Option<V> {
        self.values.get(&source).map(|(_, value)| *value)
    }

    /// Notes something of a source, in place of what was noted before.
    pub(super) fn put(&mut self, source: Source, value: V) {
        self.last += 1;
        if let Some((before, _)) = self.values.insert(source, (self.last, value)) {
            self.order.remove(&before);
        }
        self.order.insert(self.last, source);
        if self.values.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn source(of: u32) -> Source {
        Source::Ipv4(Ipv4Addr::from(of))
    }

    #[test]
    fn the_source_noted_longest_ago_makes_room() {
        let mut recent = Recent::new(3);
        (1..=3).for_each(|of| recent.put(source(of), of));
        recent.put(source(1), 10);
        recent.put(source(4), 4);
        assert_eq!([1, 2, 3, 4].map(|of| recent.get(source(of))), [Some(10), None, Some(3), Some(4)]);
    }

    #[test]
    fn it_stays_bounded_whatever_comes() {
        let mut recent = Recent::new(100);
        for of in 0..10_000 {
            recent.put(source(of % 3_000), of);
            recent.put(source(7), of);
        }
        assert_eq!((recent.values.len(), recent.order.len()), (100, 100));
        assert_eq!(recent.get(source(7)), Some(9_999));
    }
}
