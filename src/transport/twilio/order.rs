/// How far back a message may be late and still be told from a replay.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// Which sequence numbers have been seen: a message counts once, however often it comes. A sliding window as in RFC 4303, section 3.4.3.
#[derive(Debug)]
pub(super) struct Seen {
    highest: u64,
    bits: [u64; WORDS],
}

impl Seen {
    /// Nothing seen.
    pub(super) fn new() -> Seen {
        Seen { highest: 0, bits: [0; WORDS] }
    }

    /// Whether `number` comes for the first time. Numbers older than the window count as seen.
    pub(super) fn first_time(&mut self, number: u64) -> bool {
        if number > self.highest {
            let ahead = number - self.highest;
            if ahead >= WINDOW {
                self.bits = [0; WORDS];
            } else {
                (1..=ahead).for_each(|step| self.clear(self.highest + step));
            }
            self.highest = number;
        } else if self.highest - number >= WINDOW {
            return false;
        }
        let (word, bit) = place(number);
        let fresh = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        fresh
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = place(number);
        self.bits[word] &= !bit;
    }
}

fn place(number: u64) -> (usize, u64) {
    let slot = number % WINDOW;
    ((slot / 64) as usize, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_number_counts_once_and_late_ones_count() {
        let mut seen = Seen::new();
        let fresh = [1, 2, 4, 3, 3, 2, 5].map(|number| seen.first_time(number));
        assert_eq!(fresh, [true, true, true, true, false, false, true]);
    }

    #[test]
    fn what_is_older_than_the_window_is_a_replay() {
        let mut seen = Seen::new();
        assert!(seen.first_time(5000));
        assert!(!seen.first_time(5000 - WINDOW));
        assert!(seen.first_time(5001 - WINDOW));
        assert!(seen.first_time(u64::MAX));
        assert!(!seen.first_time(5001));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(numbers in prop::collection::vec(0u64..3000, 0..400)) {
            let mut seen = Seen::new();
            let mut set = std::collections::HashSet::new();
            let mut highest = 0;
            for number in numbers {
                highest = highest.max(number);
                let expected = highest - number < WINDOW && set.insert(number);
                prop_assert_eq!(seen.first_time(number), expected);
            }
        }
    }
}
