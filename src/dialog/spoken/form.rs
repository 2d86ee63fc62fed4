//! What kind of value is asked for.

/// What kind of value is asked for, and which of them are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Digits, as they are: an order number.
    Digits {
        /// How many at least.
        least: usize,
        /// How many at most.
        most: usize,
    },
}

impl Form {
    /// Whether a canonical value is one that is asked for.
    pub fn takes(self, value: &str) -> bool {
        match self {
            Form::Digits { least, most } => (least..=most).contains(&value.len()),
        }
    }

    /// How many keys it takes at most.
    pub fn most_keys(self) -> usize {
        match self {
            Form::Digits { most, .. } => most,
        }
    }
}

/// `6` or `4..8`: how many digits, both ends included; 1 to 32.
pub fn read_digits(text: &str) -> Option<(usize, usize)> {
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (least.trim().parse().ok()?, most.trim().parse().ok()?),
        None => (text.trim().parse().ok()?, text.trim().parse().ok()?),
    };
    (1 <= least && least <= most && most <= 32).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number_or_a_range() {
        assert_eq!([read_digits("6"), read_digits("4..8"), read_digits("4 .. 8")], [Some((6, 6)), Some((4, 8)), Some((4, 8))]);
        for text in ["", "0", "0..4", "8..4", "33", "4..", "..8", "four", "4..=8"] {
            assert_eq!(read_digits(text), None, "{text}");
        }
    }
}
