use zeroize::Zeroizing;

use super::RECOGNITION_RATE;

/// Room for the utterances that are usual, so that the buffer seldom moves, in samples: six seconds.
const USUAL: usize = 6 * RECOGNITION_RATE as usize;

/// The sound of an utterance, for who hears it as a whole. Wiped when it goes, and where it was when it grows.
pub(super) struct Kept {
    samples: Zeroizing<Vec<i16>>,
    most: usize,
}

impl Kept {
    /// Nothing yet, and never more than so many samples; what comes beyond is left out.
    pub(super) fn at_most(most: usize) -> Kept {
        Kept { samples: Zeroizing::new(Vec::with_capacity(USUAL.min(most))), most }
    }

    pub(super) fn push(&mut self, samples: &[i16]) {
        let taken = &samples[..samples.len().min(self.most - self.samples.len())];
        let needed = self.samples.len() + taken.len();
        if self.samples.capacity() < needed {
            // Grown by hand, so that what is left behind is wiped.
            let mut larger = Zeroizing::new(Vec::with_capacity((2 * self.samples.capacity()).max(needed).min(self.most)));
            larger.extend_from_slice(&self.samples);
            self.samples = larger;
        }
        self.samples.extend_from_slice(taken);
    }

    pub(super) fn samples(&self) -> &[i16] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_kept_up_to_the_most_and_in_order() {
        let mut kept = Kept::at_most(3 * USUAL);
        let piece: Vec<i16> = (0..10_000).collect();
        (0..40).for_each(|_| kept.push(&piece));
        assert_eq!(kept.samples().len(), 3 * USUAL);
        assert!(kept.samples().chunks(piece.len()).all(|chunk| piece.starts_with(chunk)));
    }
}
