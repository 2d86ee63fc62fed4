//! How far a voice is above the noise of its line.

/// How many steps without a voice tell what the noise is: the latest three quarters of a second of them.
const STEPS: usize = 48;
/// Fewer tell nothing.
const FEWEST: usize = 8;

/// Strengths of the steps of one call.
#[derive(Debug, Default)]
pub(super) struct Clearness {
    voice: f32,
    voiced: u32,
    /// The latest steps without a voice, in no order.
    quiet: Vec<f32>,
    next: usize,
}

impl Clearness {
    /// Takes a step; `speaking`: of an utterance.
    pub(super) fn hear(&mut self, voice: bool, power: f32, speaking: bool) {
        match (voice, speaking) {
            (true, true) => {
                self.voice += power;
                self.voiced += 1;
            }
            // The beginning of a voice, or a click.
            (true, false) => {}
            (false, _) if self.quiet.len() < STEPS => self.quiet.push(power),
            (false, _) => {
                self.quiet[self.next] = power;
                self.next = (self.next + 1) % STEPS;
            }
        }
    }

    /// An utterance begins.
    pub(super) fn begin(&mut self) {
        (self.voice, self.voiced) = (0.0, 0);
    }

    /// Decibels from the noise up to the voice of the utterance. Infinite where there is no noise, and where nothing is known of it: some phone systems
    /// send nothing while nobody speaks.
    pub(super) fn decibels(&self) -> f32 {
        if self.quiet.len() < FEWEST || self.voiced == 0 {
            return f32::INFINITY;
        }
        let mut quiet = self.quiet.clone();
        quiet.sort_by(f32::total_cmp);
        // Its louder moments, as noise is seldom even; the soft end of a word and a click are fewer.
        let noise = quiet[quiet.len() * 4 / 5];
        10.0 * (self.voice / self.voiced as f32 / noise).log10()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_as_far_above_the_noise_as_it_is() {
        let mut line = Clearness::default();
        assert_eq!(line.decibels(), f32::INFINITY);
        (0..100).for_each(|n| line.hear(false, if n % 10 == 0 { 5_000.0 } else { 100.0 }, false));
        line.begin();
        (0..20).for_each(|_| line.hear(true, 10_000.0, true));
        assert!((line.decibels() - 20.0).abs() < 0.1, "{}", line.decibels());
        // The noise of now counts, and each voice by itself.
        (0..STEPS).for_each(|_| line.hear(false, 1_000.0, true));
        assert!((line.decibels() - 10.0).abs() < 0.1);
        line.begin();
        line.hear(true, 100_000.0, true);
        assert!((line.decibels() - 20.0).abs() < 0.1);
    }

    #[test]
    fn without_noise_and_without_steps_nothing_speaks_against_it() {
        let mut line = Clearness::default();
        line.hear(true, 10_000.0, true);
        assert_eq!(line.decibels(), f32::INFINITY);
        (0..STEPS).for_each(|_| line.hear(false, 0.0, true));
        assert_eq!(line.decibels(), f32::INFINITY);
    }
}
