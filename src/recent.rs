//! Remembers something of those who did it last, of a bounded number of them.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// A value for each of those that were noted lately; the one noted longest ago makes room.
#[derive(Debug)]
pub struct Recent<K, V> {
    limit: usize,
    values: HashMap<K, (u64, V)>,
    /// The keys in the order in which they were noted last.
    order: BTreeMap<u64, K>,
    last: u64,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Nothing yet, and never more than `limit` keys.
    pub fn new(limit: usize) -> Self {
        Self { limit, values: HashMap::new(), order: BTreeMap::new(), last: 0 }
    }

    /// What was noted of a key.
    pub fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key).map(|(_, value)| value)
    }

    /// What was noted of a key, to be changed without being noted anew.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.values.get_mut(&key).map(|(_, value)| value)
    }

    /// Notes something of a key, in place of what was noted before.
    pub fn put(&mut self, key: K, value: V) {
        self.last += 1;
        if let Some((before, _)) = self.values.insert(key, (self.last, value)) {
            self.order.remove(&before);
        }
        self.order.insert(self.last, key);
        if self.values.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Forgets those of whom that is not worth remembering.
    pub fn retain(&mut self, mut worth: impl FnMut(&V) -> bool) {
        let order = &mut self.order;
        self.values.retain(|_, (noted, value)| {
            let stays = worth(value);
            if !stays {
                order.remove(noted);
            }
            stays
        });
    }

    /// Remembers nothing of a key any more.
    pub fn remove(&mut self, key: K) {
        if let Some((noted, _)) = self.values.remove(&key) {
            self.order.remove(&noted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_noted_longest_ago_makes_room() {
        let mut recent = Recent::new(3);
        (1..=3).for_each(|of| recent.put(of, of));
        recent.put(1, 10);
        recent.put(4, 4);
        assert_eq!([1, 2, 3, 4].map(|of| recent.get(of).copied()), [Some(10), None, Some(3), Some(4)]);
        // A change is no new note.
        *recent.get_mut(3).expect("noted") = 30;
        recent.put(5, 5);
        assert_eq!([1, 3, 4, 5].map(|of| recent.get(of).copied()), [Some(10), None, Some(4), Some(5)]);
    }

    #[test]
    fn what_is_removed_leaves_room_for_another() {
        let mut recent = Recent::new(2);
        (1..=2).for_each(|of| recent.put(of, of));
        recent.remove(2);
        recent.remove(7);
        recent.put(3, 3);
        assert_eq!([1, 2, 3].map(|of| recent.get(of).copied()), [Some(1), None, Some(3)]);
        assert_eq!((recent.values.len(), recent.order.len()), (2, 2));
    }

    #[test]
    fn what_is_not_worth_it_is_forgotten_and_the_order_stays() {
        let mut recent = Recent::new(3);
        (1..=3).for_each(|of| recent.put(of, of));
        recent.retain(|of| *of != 2);
        assert_eq!((recent.len(), recent.order.len()), (2, 2));
        (4..=5).for_each(|of| recent.put(of, of));
        assert_eq!([1, 2, 3, 4, 5].map(|of| recent.get(of).copied()), [None, None, Some(3), Some(4), Some(5)]);
        recent.retain(|_| false);
        assert_eq!((recent.len(), recent.order.len()), (0, 0));
    }

    #[test]
    fn it_stays_bounded_whatever_comes() {
        let mut recent = Recent::new(100);
        for of in 0..10_000 {
            recent.put(of % 3_000, of);
            recent.put(7, of);
        }
        assert_eq!((recent.values.len(), recent.order.len()), (100, 100));
        assert_eq!(recent.get(7), Some(&9_999));
    }
}
