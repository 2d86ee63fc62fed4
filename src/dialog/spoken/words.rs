//! Taking apart what was said.

use zeroize::Zeroizing;

/// The words of what was said: lower case, without accents, letters and digits alone. Wiped when dropped.
pub(super) struct Words {
    words: Vec<Zeroizing<String>>,
    /// Where a comma or a full stop stands behind a word: what it ends goes on in no other number.
    ends: Vec<bool>,
}

impl Words {
    pub(super) fn of(said: &str) -> Words {
        let mut found = Words { words: Vec::new(), ends: Vec::new() };
        for part in said.split_whitespace() {
            let figures = part.chars().any(|c| c.is_ascii_digit()) && !part.chars().any(char::is_alphabetic);
            if figures {
                found.add(part, |c| matches!(c, '.' | ',' | ':' | '-' | '/' | '€') || c.is_ascii_digit());
            } else {
                part.split(['-', '/']).for_each(|word| found.add(word, |c| c.is_alphanumeric() || c == '\''));
            }
            if let Some(ends) = found.ends.last_mut() {
                *ends = part.ends_with([',', '.', ';', '!', '?']);
            }
        }
        found
    }

    fn add(&mut self, word: &str, keeps: impl Fn(char) -> bool) {
        // Room for what lower case can make of it, so that no half-grown copy is left behind.
        let mut kept = Zeroizing::new(String::with_capacity(2 * word.len()));
        let lower = word.chars().flat_map(char::to_lowercase).map(plain);
        lower.filter(|c| keeps(*c)).for_each(|c| kept.push(c));
        let end = kept.trim_end_matches(['.', ',', ':']).len();
        kept.truncate(end);
        if !kept.is_empty() {
            self.words.push(kept);
            self.ends.push(false);
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words in order.
    pub(super) fn all(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.as_str()).collect()
    }

    /// How many words from `from` on belong together: up to the next comma.
    pub(super) fn together(&self, from: usize) -> usize {
        let end = self.ends[from..].iter().position(|ends| *ends);
        end.map_or(self.words.len() - from, |end| end + 1)
    }
}

/// A letter without its accent.
fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' | 'ä' | 'â' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        '’' => '\'',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain_and_figures_keep_their_signs() {
        let words = Words::of("Eh, één-en-twintig: 12-345; 12,50. It’s drieëntwintig");
        assert_eq!(words.all(), ["eh", "een", "en", "twintig", "12-345", "12,50", "it's", "drieentwintig"]);
        assert_eq!((words.together(0), words.together(1), words.together(6)), (1, 4, 2));
    }
}
