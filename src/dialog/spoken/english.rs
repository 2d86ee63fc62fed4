//! English words.

const NUMBERS: &[(&str, u64)] = &[
    ("zero", 0),
    ("nought", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("niner", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fourty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];

/// Words that mean nothing, wherever they stand.
pub(super) const FILLERS: &[&str] =
    &["uh", "um", "er", "erm", "hm", "and", "then", "so", "well", "okay", "ok", "please", "thanks", "thank", "you", "now"];

/// Words that lead to a value. "For" and "to" are none of them after a digit: there they are a four and a two that were misheard.
pub(super) const LEADS: &[&str] = &[
    "yes",
    "yeah",
    "my",
    "the",
    "it",
    "its",
    "it's",
    "that",
    "that's",
    "this",
    "is",
    "was",
    "would",
    "be",
    "number",
    "order",
    "customer",
    "reference",
    "invoice",
    "return",
    "account",
    "phone",
    "code",
    "parcel",
    "of",
    "for",
    "with",
    "to",
    "on",
    "i",
    "i've",
    "have",
    "here",
    "a",
    "an",
    "digits",
    "let",
    "me",
    "see",
    "we",
    "postcode",
];

/// What one word is worth.
pub(super) fn number(word: &str) -> Option<u64> {
    NUMBERS.iter().find_map(|(name, value)| (*name == word).then_some(*value))
}
