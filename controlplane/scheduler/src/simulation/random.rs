//! Numbers of the simulation, all from one seed.

#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(crate::mix::words(&[seed]))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        crate::mix::words(&[self.0])
    }

    /// From `min` to `max`, both included.
    pub(super) fn between(&mut self, min: i64, max: i64) -> i64 {
        let span = u64::try_from(max - min + 1).unwrap();
        min + i64::try_from(self.next() % span).unwrap()
    }

    /// A time until the next of events that come so often on average.
    pub(super) fn pause_ms(&mut self, every_ms: i64) -> i64 {
        self.between(1, 2 * every_ms)
    }

    pub(super) fn per_mille(&mut self, chance: u64) -> bool {
        self.next() % 1_000 < chance
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(len).unwrap()).unwrap()
    }
}
