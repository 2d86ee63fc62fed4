//! How wide a text is, and where its lines break: known before anybody draws it, so that boxes fit their texts wherever they are shown.
//!
//! The widths are those of DejaVu Sans, in thousandths of the font size. It is the widest of the fonts that the picture asks for, so
//! that a text that fits here fits in the others too.

/// The fonts that the picture asks for, the widest first.
pub(super) const FONTS: &str = "'DejaVu Sans', Verdana, 'Noto Sans', Arial, Helvetica, sans-serif";

/// Printable ASCII, from the space on.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636, 636,
    636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787,
    695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278,
    579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
const BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696, 696,
    696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850,
    770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343,
    665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
];

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    /// Units of the picture.
    pub(super) size: f64,
    pub(super) bold: bool,
}

/// What is said.
pub(super) const BODY: Type = Type { size: 12.0, bold: false };
/// The names of states.
pub(super) const NAME: Type = Type { size: 13.0, bold: true };
/// What kind of step it is, and remarks.
pub(super) const SMALL: Type = Type { size: 10.5, bold: false };
/// Keys and marks.
pub(super) const STRONG: Type = Type { size: 10.5, bold: true };
/// The dialog's name.
pub(super) const TITLE: Type = Type { size: 26.0, bold: true };

impl Type {
    /// How wide `text` is on one line, in units of the picture.
    pub(super) fn width(self, text: &str) -> f64 {
        let thousandths: f64 = text.chars().map(|c| f64::from(self.of(c))).sum();
        thousandths * self.size / 1000.0
    }

    /// From one line to the next.
    pub(super) fn line(self) -> f64 {
        (self.size * 1.34).round()
    }

    fn of(self, c: char) -> u16 {
        let table = if self.bold { &BOLD } else { &REGULAR };
        let ascii = u32::from(c).checked_sub(32).and_then(|at| table.get(at as usize));
        match (ascii, c) {
            (Some(width), _) => *width,
            (_, '‘' | '’' | '·') => 380,
            (_, '‹' | '›' | '–') => 500,
            (_, '“' | '”') => 660,
            // Latin letters with marks are as wide as the widest of their kind; all other scripts as wide as the font is high.
            (_, '\u{a0}'..='\u{24f}') => 800,
            _ => 1000,
        }
    }

    /// The lines of `text` where none may be wider than `room`. A word that is wider is broken.
    pub(super) fn lines(self, text: &str, room: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            for piece in self.pieces(word, room) {
                let longer = if line.is_empty() { piece.clone() } else { format!("{line} {piece}") };
                if line.is_empty() || self.width(&longer) <= room {
                    line = longer;
                } else {
                    lines.push(std::mem::replace(&mut line, piece));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// A word as it is, or, where it is wider than `room`, in pieces that are not.
    fn pieces(self, word: &str, room: f64) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for c in word.chars() {
            let last = pieces.len() - 1;
            if !pieces[last].is_empty() && self.width(&format!("{}{c}", pieces[last])) > room {
                pieces.push(c.to_string());
            } else {
                pieces[last].push(c);
            }
        }
        pieces
    }
}

/// The first words of a text, at most `most` characters.
pub(super) fn first_words(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{}…", whole_words.trim_end_matches([',', ';', ':', '.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_its_room() {
        let text = "Een zin met een onwaarschijnlijklangwoorddatnergenspast en daarna nog een paar gewone woorden.";
        for room in [20.0, 60.0, 140.0, 400.0] {
            let lines = BODY.lines(text, room);
            assert!(lines.iter().all(|line| BODY.width(line) <= room), "{room}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""), "nothing is lost");
        }
        assert_eq!(BODY.lines(text, 10_000.0), [text]);
        assert!(BODY.lines("  ", 100.0).is_empty());
    }

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(first_words("Waarmee  kan ik\nu helpen?", 40), "Waarmee kan ik u helpen?");
        assert_eq!(first_words("Toets één, of twee, of drie", 20), "Toets één, of twee…");
        assert_eq!(first_words("abcdefghij", 4), "abcd…");
    }

    #[test]
    fn bold_is_wider_and_other_scripts_have_room() {
        assert!(NAME.width("mm") > Type { bold: false, ..NAME }.width("mm"));
        assert!(BODY.width("한국") >= 2.0 * BODY.size);
    }
}
