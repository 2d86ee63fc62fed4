use std::time::Duration;

/// How long a text takes to say, the same on every machine.
///
/// A letter counts 60 ms (180 ms in scripts that write a syllable with one sign), a digit 330 ms, a blank 15 ms, a comma, colon or semicolon
/// 250 ms, the end of a sentence 500 ms. Held against eSpeak NG at 150 words per minute it is within a seventh.
pub fn estimated(text: &str) -> Duration {
    let millis: u64 = text.chars().map(of).sum();
    // Whole frames, and never nothing at all.
    Duration::from_millis(millis.div_ceil(20).max(10) * 20)
}

fn of(c: char) -> u64 {
    match c {
        c if c.is_ascii_digit() => 330,
        '.' | '!' | '?' | '。' | '！' | '？' => 500,
        ',' | ':' | ';' | '、' | '，' => 250,
        c if c.is_whitespace() => 15,
        // From Hangul's jamo on, most signs are syllables.
        c if c.is_alphabetic() && c >= '\u{1100}' && !('\u{1e00}'..='\u{1fff}').contains(&c) => 180,
        c if c.is_alphabetic() => 60,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What eSpeak NG 1.51 took at 150 words per minute, its edges of silence taken off.
    #[test]
    fn an_estimate_is_near_what_a_voice_takes() {
        for (text, millis) in [
            (
                "Waarmee kan ik u helpen? Toets één voor uw bestelling, twee voor een retour, drie voor onze openingstijden.",
                7_300,
            ),
            ("The label is in the box. Stick it on the parcel and take it to a parcel point.", 5_200),
            ("Uw bestelnummer is 4 7 1 1.", 2_700),
            ("I heard nothing.", 1_330),
            ("무엇을 도와드릴까요? 라면은 일 번, 여름 메뉴는 이 번을 눌러 주세요. 천천히 생각하셔도 됩니다.", 9_700),
        ] {
            let estimated = estimated(text).as_millis();
            assert!((millis * 6 / 7..=millis * 8 / 7).contains(&estimated), "{text}: {estimated} ms instead of {millis}");
        }
    }

    #[test]
    fn nothing_takes_no_time_at_all() {
        assert_eq!(estimated(""), Duration::from_millis(200));
    }
}
