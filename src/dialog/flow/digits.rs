//! Checks on digits.

/// ISO/IEC 7812-1, annex B: the check digit of card and many customer numbers.
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.saturating_sub(b'0'));
            match (place % 2, digit * 2) {
                (1, twice) if twice > 9 => twice - 9,
                (1, twice) => twice,
                _ => digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The Dutch eleven-test of account and citizen service numbers: weights 9 to 2, and minus 1 for the last digit of nine.
pub(super) fn eleven(digits: &str) -> bool {
    let count = digits.len() as i64;
    let sum: i64 = digits
        .bytes()
        .enumerate()
        .map(|(place, digit)| {
            let weight = count - place as i64;
            let weight = if weight == 1 && count == 9 { -1 } else { weight };
            i64::from(digit.saturating_sub(b'0')) * weight
        })
        .sum();
    sum != 0 && sum % 11 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digit_checks_know_right_from_wrong() {
        assert!(luhn("4539578763621486"));
        assert!(!luhn("4539578763621487"));
        assert!(eleven("111222333"));
        assert!(!eleven("111222334"));
        assert!(!eleven("000000000"));
    }
}
