//! Numbers that look random and are the same each time.
//!
//! Owns the one mixing function, from which jitter, run ids and fingerprints come; refuses secrets:
//! whoever knows the input knows the output. Invariant: the output is part of what is stored, so it
//! stays the same in every version and on every machine.

/// Odd, with well spread bits (the golden ratio's fraction); the usual increment of this generator.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes words, in order, into one.
pub(crate) fn words(words: &[u64]) -> u64 {
    words.iter().fold(STEP, |sum, word| {
        finish(sum.rotate_left(7) ^ finish(word.wrapping_add(STEP)))
    })
}

/// Mixes a text into one word.
pub(crate) fn text(text: &str) -> u64 {
    text.as_bytes().chunks(8).fold(
        words(&[u64::try_from(text.len()).unwrap_or(u64::MAX)]),
        |sum, chunk| {
            let word = chunk
                .iter()
                .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            words(&[sum, word])
        },
    )
}

/// The finalizer of splitmix64: each bit of the input flips about half of the output.
const fn finish(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn mixing_stays_the_same() {
        assert_eq!(words(&[1, 2, 3]), 8_935_073_750_355_274_330);
        assert_eq!(text("0 4 * * *"), 11_848_674_010_165_052_694);
    }

    #[test]
    fn order_and_length_matter() {
        let all = BTreeSet::from([
            words(&[]),
            words(&[0]),
            words(&[0, 0]),
            words(&[1, 2]),
            words(&[2, 1]),
            text("a"),
            text("a\0"),
            text("\0a"),
        ]);
        assert_eq!(all.len(), 8);
    }
}
