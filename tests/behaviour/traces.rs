//! Traces of what a caller said, in whatever form it may have been left behind: the search that looks for what must not be there.

use std::path::PathBuf;

use base64::Engine as _;
use candor::audio::g711;

/// 20 ms of μ-law at 8 kHz, as it goes over the line.
const FRAME: usize = 160;
/// How many frames of what was said are looked for, spread over it.
const FRAMES: usize = 12;
/// How many samples are compared at every place, and how many where the ones before are alike.
const PROBE: usize = 24;
const CLOSER: usize = 240;
const PROOF: usize = 1600;
/// From here on two pieces of sound count as the same, however it was encoded.
const ALIKE: f32 = 0.93;

/// What a caller said: the sound that was sent, frame by frame from its beginning, and its words.
pub struct Said {
    frames: Vec<Vec<u8>>,
    needles: Vec<(String, Vec<u8>)>,
    packets: Vec<Vec<u8>>,
    probe: Vec<f32>,
    /// How many times as many samples as the probe's the sound may have, channels included.
    rates: &'static [usize],
}

/// Where something of it was found.
#[derive(Debug)]
pub struct Trace {
    pub file: PathBuf,
    pub form: String,
}

impl Said {
    /// `words` are the texts to look for, besides the sound.
    pub fn new(ulaw: &[u8], words: &[String]) -> Said {
        let frames: Vec<Vec<u8>> =
            ulaw.chunks_exact(FRAME).filter(|frame| loudness(frame) > 1500.0).map(<[u8]>::to_vec).collect();
        assert!(!frames.is_empty(), "what was said has no sound");
        let step = frames.len().div_ceil(FRAMES);
        let mut needles = Vec::new();
        for frame in frames.iter().step_by(step) {
            let samples = g711::decode(frame);
            needles.push(("μ-law".to_owned(), frame.clone()));
            needles.push(("PCM, little-endian".to_owned(), samples.iter().flat_map(|s| s.to_le_bytes()).collect()));
            needles.push(("PCM, big-endian".to_owned(), samples.iter().flat_map(|s| s.to_be_bytes()).collect()));
            needles.push(("μ-law in base64".to_owned(), base64::prelude::BASE64_STANDARD.encode(frame).into_bytes()));
            needles.push(("μ-law in hexadecimal".to_owned(), hex::encode(frame).into_bytes()));
            let decimal = |items: Vec<String>| items[..24].join(", ").into_bytes();
            needles.push(("μ-law as a list".to_owned(), decimal(frame.iter().map(u8::to_string).collect())));
            needles.push(("PCM as a list".to_owned(), decimal(samples.iter().map(i16::to_string).collect())));
        }
        for text in words {
            needles.push((format!("the words {text:?}"), text.as_bytes().to_vec()));
            needles.push((format!("the words {text:?} in UTF-16"), text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
            needles.push((
                format!("the words {text:?} in UTF-16, big-endian"),
                text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            ));
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            needles.push((format!("the words {text:?}, escaped"), escaped.into_bytes()));
        }
        let samples: Vec<f32> = g711::decode(ulaw).into_iter().map(f32::from).collect();
        assert!(samples.len() > PROOF, "what was said is too short to be looked for");
        let loudest = (0..samples.len() - PROOF).step_by(PROBE).max_by(|a, b| {
            let power = |at: usize| samples[at..at + PROOF].iter().map(|s| s * s).sum::<f32>();
            power(*a).total_cmp(&power(*b))
        });
        let probe = samples[loudest.unwrap()..][..PROOF].to_vec();
        Said { frames, needles, packets: Vec::new(), probe, rates: &[2] }
    }

    /// The same, as these packets of Opus carried it: they are looked for as well, and what can be made of them at 16 and 48 kHz.
    pub fn carried_by(mut self, packets: &[Vec<u8>]) -> Said {
        // A short packet is silence, which everybody's is.
        // The first byte is left out: where packets of two channels are stored, a length stands after it (RFC 6716, appendix B).
        self.packets.extend(packets.iter().filter(|packet| packet.len() >= 40).map(|packet| packet[1..].to_vec()));
        assert!(!self.packets.is_empty(), "no packet carried it");
        let step = self.packets.len().div_ceil(FRAMES);
        for packet in self.packets.iter().step_by(step) {
            self.needles.push(("Opus".to_owned(), packet[..39].to_vec()));
            // Wherever a packet may begin in what is written as base64, which takes three bytes at a time.
            for from in 0..3 {
                let base64 = base64::prelude::BASE64_STANDARD.encode(&packet[from..from + 36]);
                self.needles.push(("Opus in base64".to_owned(), base64.into_bytes()));
            }
            self.needles.push(("Opus in hexadecimal".to_owned(), hex::encode(&packet[..36]).into_bytes()));
        }
        self.rates = &[2, 4, 6, 12];
        self
    }

    /// The share (0 to 1) of its packets that are in a recording byte for byte.
    pub fn share_of_packets_in(&self, bytes: &[u8]) -> f64 {
        let found = self.packets.iter().filter(|packet| contains(bytes, packet)).count();
        found as f64 / self.packets.len() as f64
    }

    /// The share (0 to 1) of its audible frames that are in a recording byte for byte.
    pub fn share_in(&self, ulaw: &[u8]) -> f64 {
        let found = self.frames.iter().filter(|frame| contains(ulaw, frame)).count();
        found as f64 / self.frames.len() as f64
    }

    /// The forms in which these bytes hold something of it.
    pub fn forms_in(&self, bytes: &[u8]) -> Vec<String> {
        let mut forms: Vec<String> =
            self.needles.iter().filter(|(_, needle)| contains(bytes, needle)).map(|(form, _)| form.clone()).collect();
        forms.dedup();
        if self.sounds_in(bytes) {
            forms.push("its sound, by correlation".to_owned());
        }
        forms
    }

    /// Everything of it in these files.
    pub fn traces(&self, files: &[PathBuf]) -> Vec<Trace> {
        let traces = files.iter().flat_map(|file| {
            // A file may go while we look, as temporary ones do.
            let bytes = std::fs::read(file).unwrap_or_default();
            self.forms_in(&bytes).into_iter().map(move |form| Trace { file: file.clone(), form })
        });
        traces.collect()
    }

    /// Takes the bytes for μ-law and for 16-bit samples, one channel or two (or twice the rate), and compares each place.
    fn sounds_in(&self, bytes: &[u8]) -> bool {
        let ulaw: Vec<f32> = g711::decode(bytes).into_iter().map(f32::from).collect();
        let pcm = |from: usize| -> Vec<f32> {
            let pairs = bytes.get(from..).unwrap_or_default().chunks_exact(2);
            pairs.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
        };
        [ulaw, pcm(0), pcm(1)].iter().any(|samples| {
            let every = |rate: usize, from: usize| samples.iter().skip(from).step_by(rate).copied().collect::<Vec<_>>();
            let any_phase = |rate: usize| (0..rate).any(|from| self.sounds_among(&every(rate, from)));
            self.sounds_among(samples) || self.rates.iter().any(|rate| any_phase(*rate))
        })
    }

    fn sounds_among(&self, samples: &[f32]) -> bool {
        let places = samples.len().saturating_sub(PROOF);
        let own: f32 = self.probe[..PROBE].iter().map(|s| s * s).sum();
        let mut power: f32 = samples.iter().take(PROBE).map(|s| s * s).sum();
        for at in 0..places {
            if at > 0 {
                power += samples[at + PROBE - 1].powi(2) - samples[at - 1].powi(2);
            }
            let mut product = 0.0;
            for (here, there) in samples[at..at + PROBE].iter().zip(&self.probe) {
                product += here * there;
            }
            if product > 0.0
                && product * product > ALIKE * ALIKE * own * power.max(1.0)
                && alike(&samples[at..at + CLOSER], &self.probe[..CLOSER]) > ALIKE
                && alike(&samples[at..at + PROOF], &self.probe) > ALIKE
            {
                return true;
            }
        }
        false
    }
}

/// The normalised correlation of two pieces of sound, -1 to 1.
fn alike(a: &[f32], b: &[f32]) -> f32 {
    let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let power = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>();
    product / (power(a) * power(b)).sqrt().max(1.0)
}

fn loudness(ulaw: &[u8]) -> f64 {
    let squares: f64 = g711::decode(ulaw).into_iter().map(|s| f64::from(s).powi(2)).sum();
    (squares / ulaw.len().max(1) as f64).sqrt()
}

/// Whether there is anything to be heard in this μ-law.
pub fn is_sound(ulaw: &[u8]) -> bool {
    ulaw.chunks(FRAME).any(|frame| loudness(frame) > 300.0)
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let (Some(first), true) = (needle.first(), hay.len() >= needle.len()) else { return false };
    let last = hay.len() - needle.len();
    let mut from = 0;
    while from <= last {
        match hay[from..=last].iter().position(|byte| byte == first) {
            None => return false,
            Some(at) if hay[from + at..].starts_with(needle) => return true,
            Some(at) => from += at + 1,
        }
    }
    false
}

/// The search finds what is there, in every form, and nothing where there is nothing.
#[test]
fn the_search_finds_what_is_there_and_nothing_else() {
    let sound = |seed: f32| -> Vec<i16> {
        (0..8000).map(|at| ((at as f32 * seed).sin() * 6000.0 + (at as f32 * seed * seed * 3.1).sin() * 4000.0) as i16).collect()
    };
    let (said, other) = (sound(0.21), sound(0.34));
    let ulaw = g711::encode(&said);
    let canary = Said::new(&ulaw, &["보라색 코끼리".to_owned()]);
    let pcm = |samples: &[i16]| samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>();
    let twice: Vec<i16> = said.iter().flat_map(|s| [*s, *s]).collect();
    let stereo: Vec<u8> = ulaw.iter().zip(g711::encode(&other)).flat_map(|(a, b)| [*a, b]).collect();
    let half: Vec<i16> = said.iter().map(|s| s / 2).collect();
    let base64 = base64::prelude::BASE64_STANDARD.encode(&ulaw[..FRAME]);
    let text = "x보라색 코끼리x".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let holding: [Vec<u8>; 8] = [
        ulaw.clone(),
        pcm(&said),
        [vec![1], pcm(&half)].concat(),
        pcm(&twice),
        stereo,
        base64.into(),
        "a 보라색 코끼리".into(),
        text,
    ];
    for (number, bytes) in holding.iter().enumerate() {
        assert!(!canary.forms_in(bytes).is_empty(), "form {number}");
    }
    assert!(canary.forms_in(&g711::encode(&other)).is_empty());
    assert!(canary.forms_in(&pcm(&other)).is_empty());
    assert!((canary.share_in(&ulaw) - 1.0).abs() < 0.001);
}
