//! Session descriptions (RFC 8866) as far as they concern us: what an offer must have, what our answer says beside what the library
//! writes, and the fragments of trickle ICE (RFC 8840).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// The longest description that is read, in bytes. A browser's is two to eight thousand.
pub const SDP_BYTES: usize = 64 * 1024;
/// How many addresses of a caller are tried.
pub(super) const CANDIDATES: usize = 24;
/// More sections than any browser makes of one microphone and one data channel.
const SECTIONS: usize = 16;

/// Why an offer or a fragment cannot be used, and what would be. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// Not a description.
    #[error("this is not an SDP offer: it has to begin with v=0 and to have media sections")]
    NotSdp,
    /// Too much of it.
    #[error("the SDP is longer than {SDP_BYTES} bytes, or has more than {SECTIONS} media sections")]
    TooLong,
    /// Nothing to talk over.
    #[error("the offer has no audio section with Opus (opus/48000/2)")]
    NoOpus,
    /// The caller would hear nothing.
    #[error("the offer's audio is sendonly or inactive: offer sendrecv, or recvonly without a microphone")]
    NotHeard,
    /// They would send nothing at all: with ICE-lite no checks are answered either.
    #[error(
        "with webrtc.ice.lite a caller without a microphone has to offer sendrecv and send silence: one who sends nothing is taken for gone"
    )]
    NothingSent,
    /// Not WebRTC.
    #[error("the offer has no a=ice-ufrag, a=ice-pwd and a=fingerprint: it has to come from a WebRTC peer")]
    NoCredentials,
    /// Nothing in it.
    #[error("the fragment has no a=ice-ufrag and a=ice-pwd")]
    NoFragment,
    /// Negotiation failed below.
    #[error("the offer cannot be answered: it is not one that a WebRTC peer would make")]
    NotAnswered,
}

/// A caller's ICE credentials.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) ufrag: String,
    pub(super) password: String,
}

/// An offer that can be answered.
pub(super) struct Offer {
    pub(super) text: String,
    pub(super) credentials: Credentials,
    /// The caller sends no sound.
    pub(super) listens_only: bool,
}

impl Offer {
    /// Reads an offer. Candidates that we would not use (TCP, names, too many) are left out: a caller does not choose where we connect to.
    pub(super) fn read(text: &str) -> Result<Offer, SdpError> {
        if text.len() > SDP_BYTES {
            return Err(SdpError::TooLong);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        if lines.first() != Some(&"v=0") || !lines.iter().any(|line| line.starts_with("m=")) {
            return Err(SdpError::NotSdp);
        }
        if lines.iter().filter(|line| line.starts_with("m=")).count() > SECTIONS {
            return Err(SdpError::TooLong);
        }
        let audio = sections(&lines)
            .find(|section| section[0].starts_with("m=audio ") && payload_types(section, "opus").next().is_some());
        let audio = audio.ok_or(SdpError::NoOpus)?;
        if audio.iter().any(|line| matches!(*line, "a=sendonly" | "a=inactive")) {
            return Err(SdpError::NotHeard);
        }
        if !lines.iter().any(|line| line.starts_with("a=fingerprint:")) {
            return Err(SdpError::NoCredentials);
        }
        let listens_only = audio.contains(&"a=recvonly");
        let credentials = credentials(&lines).ok_or(SdpError::NoCredentials)?;
        let mut left = CANDIDATES;
        let kept = lines.iter().filter(|line| match line.strip_prefix("a=candidate:") {
            Some(candidate) if usable(candidate) && left > 0 => {
                left -= 1;
                true
            }
            Some(_) => false,
            None => true,
        });
        let text = kept.fold(String::with_capacity(text.len()), |text, line| text + line + "\r\n");
        Ok(Offer { text, credentials, listens_only })
    }

    /// The same offer after an ICE restart.
    pub(super) fn restarted(&self, fragment: &Fragment) -> Offer {
        let mut text = String::with_capacity(self.text.len());
        for line in self.text.lines().filter(|line| !line.starts_with("a=candidate:") && *line != "a=end-of-candidates") {
            if line.starts_with("a=ice-ufrag:") {
                push(&mut text, &format!("a=ice-ufrag:{}", fragment.credentials.ufrag));
            } else if line.starts_with("a=ice-pwd:") {
                push(&mut text, &format!("a=ice-pwd:{}", fragment.credentials.password));
            } else {
                push(&mut text, line);
            }
        }
        Offer { text, credentials: fragment.credentials.clone(), listens_only: self.listens_only }
    }
}

/// The payload types of the negotiated audio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PayloadTypes {
    pub(super) opus: u8,
    /// Telephone events, at any clock.
    pub(super) events: Vec<u8>,
}

/// Our answer, ready to be sent.
pub(super) struct Answered {
    pub(super) text: String,
    pub(super) credentials: Credentials,
    pub(super) payload_types: PayloadTypes,
}

impl Answered {
    /// Finishes what the library wrote: our addresses in the place of the ones it knows, packets of 20 ms, no line twice.
    pub(super) fn finish(written: &str, addresses: &[SocketAddr]) -> Option<Answered> {
        let lines: Vec<&str> = written.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let credentials = credentials(&lines)?;
        let audio = sections(&lines)
            .find(|section| section[0].starts_with("m=audio ") && payload_types(section, "opus").next().is_some())?;
        let opus = payload_types(audio, "opus").next()?;
        let events: BTreeSet<u8> = payload_types(audio, "telephone-event").collect();
        let payload_types = PayloadTypes { opus, events: events.into_iter().collect() };
        let mut text = String::with_capacity(written.len() + 512);
        let begin = lines.iter().position(|line| line.starts_with("m="))?;
        lines[..begin].iter().for_each(|line| push(&mut text, line));
        let mut placed = false;
        for section in sections(&lines) {
            let rejected = section[0].split(' ').nth(1) == Some("0");
            push(&mut text, &without_repeats(section[0]));
            let mut seen = BTreeSet::new();
            for line in section[1..].iter().filter(|line| !line.starts_with("a=candidate:") && **line != "a=end-of-candidates") {
                if seen.insert(*line) {
                    push(&mut text, line);
                }
            }
            if section[0].starts_with("m=audio ") && !rejected {
                push(&mut text, "a=ptime:20");
                push(&mut text, "a=maxptime:20");
            }
            if !rejected && !std::mem::replace(&mut placed, true) {
                candidates(addresses).for_each(|line| push(&mut text, &line));
                push(&mut text, "a=end-of-candidates");
            }
        }
        Some(Answered { text, credentials, payload_types })
    }

    /// What changed with an ICE restart, as a fragment.
    pub(super) fn fragment(&self, addresses: &[SocketAddr]) -> String {
        let mut text = String::new();
        push(&mut text, &format!("a=ice-ufrag:{}", self.credentials.ufrag));
        push(&mut text, &format!("a=ice-pwd:{}", self.credentials.password));
        let lines: Vec<&str> = self.text.lines().collect();
        if let Some(section) = sections(&lines).next() {
            push(&mut text, section[0]);
            section.iter().filter(|line| line.starts_with("a=mid:")).for_each(|line| push(&mut text, line));
        }
        candidates(addresses).for_each(|line| push(&mut text, &line));
        push(&mut text, "a=end-of-candidates");
        text
    }
}

/// A fragment of a caller: more of their addresses, or new credentials.
pub(super) struct Fragment {
    pub(super) credentials: Credentials,
    /// As `candidate:…`, those that we use.
    pub(super) candidates: Vec<String>,
}

impl Fragment {
    pub(super) fn read(text: &str) -> Result<Fragment, SdpError> {
        if text.len() > SDP_BYTES {
            return Err(SdpError::TooLong);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let credentials = credentials(&lines).ok_or(SdpError::NoFragment)?;
        let candidates = lines.iter().filter_map(|line| line.strip_prefix("a=candidate:")).filter(|candidate| usable(candidate));
        let candidates = candidates.take(CANDIDATES).map(|candidate| format!("candidate:{candidate}")).collect();
        Ok(Fragment { credentials, candidates })
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push_str("\r\n");
}

fn sections<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a [&'a str]> {
    let begin = lines.iter().position(|line| line.starts_with("m=")).unwrap_or(lines.len());
    let mut rest = &lines[begin..];
    std::iter::from_fn(move || {
        let end = rest.iter().skip(1).position(|line| line.starts_with("m=")).map_or(rest.len(), |at| at + 1);
        let (section, after) = rest.split_at(end);
        rest = after;
        (!section.is_empty()).then_some(section)
    })
}

/// The payload types that a section maps to a codec.
fn payload_types<'a>(section: &'a [&'a str], codec: &'a str) -> impl Iterator<Item = u8> + 'a {
    section.iter().filter_map(move |line| {
        let (number, mapped) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let name = mapped.split('/').next()?;
        name.eq_ignore_ascii_case(codec).then(|| number.parse().ok()).flatten()
    })
}

/// The first credentials there are: everything is bundled.
fn credentials(lines: &[&str]) -> Option<Credentials> {
    let find = |prefix: &str| lines.iter().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
    let (ufrag, password) = (find("a=ice-ufrag:")?, find("a=ice-pwd:")?);
    // RFC 8839, section 5.4.
    let whole = |text: &str, least| (least..=256).contains(&text.len()) && text.bytes().all(is_ice_char);
    (whole(&ufrag, 4) && whole(&password, 22)).then_some(Credentials { ufrag, password })
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/' || byte == b'-' || byte == b'_' || byte == b'='
}

/// Whether we would send to a candidate: UDP, and an address instead of a name.
fn usable(candidate: &str) -> bool {
    let mut fields = candidate.split(' ');
    let (protocol, address) = (fields.nth(2), fields.nth(1));
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"))
        && address.and_then(|address| address.parse::<IpAddr>().ok()).is_some_and(|ip| !ip.is_unspecified() && !ip.is_multicast())
}

/// Our addresses, UDP before TCP (RFC 8839, section 5.1; RFC 6544, section 4.5).
fn candidates(addresses: &[SocketAddr]) -> impl Iterator<Item = String> + '_ {
    let priority = |kind: u32, index: usize| (kind << 24) | ((65_535 - index as u32) << 8) | 255;
    let udp = addresses.iter().enumerate().map(move |(index, address)| {
        let (ip, port) = (address.ip(), address.port());
        format!("a=candidate:{} 1 udp {} {ip} {port} typ host", index + 1, priority(126, index))
    });
    let tcp = addresses.iter().enumerate().map(move |(index, address)| {
        let (ip, port) = (address.ip(), address.port());
        let foundation = addresses.len() + index + 1;
        format!("a=candidate:{foundation} 1 tcp {} {ip} {port} typ host tcptype passive", priority(90, index))
    });
    udp.chain(tcp)
}

/// A media line that names a payload type twice names it once.
fn without_repeats(line: &str) -> String {
    let mut seen = BTreeSet::new();
    let fields = line.split(' ').enumerate().filter(|(index, field)| *index < 3 || seen.insert(*field));
    fields.map(|(_, field)| field).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 110 126\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=fingerprint:sha-256 AA\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
        a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host\r\na=candidate:2 1 tcp 1518280447 10.0.0.1 22 typ host tcptype passive\r\n\
        a=candidate:3 1 udp 2113937151 b2b1.local 50000 typ host\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n";

    #[test]
    fn an_offer_keeps_the_addresses_that_we_would_send_to() {
        let offer = Offer::read(OFFER).unwrap();
        assert!(offer.text.contains("192.0.2.7"));
        assert!(!offer.text.contains("10.0.0.1") && !offer.text.contains(".local"));
        let many = format!("{OFFER}{}", "a=candidate:1 1 udp 1 192.0.2.9 1 typ host\r\n".repeat(500));
        assert_eq!(Offer::read(&many).unwrap().text.matches("a=candidate").count(), CANDIDATES);
    }

    #[test]
    fn what_cannot_be_answered_is_refused_in_one_sentence() {
        let without = |line: &str| Offer::read(&OFFER.replace(line, "")).err();
        assert_eq!(without("a=ice-ufrag:abcd\r\n"), Some(SdpError::NoCredentials));
        assert_eq!(without("a=fingerprint:sha-256 AA\r\n"), Some(SdpError::NoCredentials));
        assert_eq!(without("a=rtpmap:111 opus/48000/2\r\n"), Some(SdpError::NoOpus));
        assert_eq!(Offer::read(&OFFER.replace("sendrecv", "sendonly")).err(), Some(SdpError::NotHeard));
        assert!(Offer::read(&OFFER.replace("sendrecv", "recvonly")).is_ok(), "a caller without a microphone has keys");
        assert_eq!(Offer::read("hello").err(), Some(SdpError::NotSdp));
        assert_eq!(Offer::read("").err(), Some(SdpError::NotSdp));
        assert_eq!(Offer::read(&"v=0\r\n".repeat(20_000)).err(), Some(SdpError::TooLong));
        assert_eq!(Offer::read(&OFFER.replace("abcd", "a b\u{7}d")).err(), Some(SdpError::NoCredentials));
    }

    #[test]
    fn an_answer_says_our_addresses_and_twenty_milliseconds_and_nothing_twice() {
        let written = OFFER
            .replace("111 110 126", "111 110 110")
            .replace("a=sendrecv\r\n", "a=sendrecv\r\na=rtpmap:110 telephone-event/48000\r\n");
        let addresses = ["203.0.113.5:8081".parse().unwrap(), "[2001:db8::1]:8081".parse().unwrap()];
        let answer = Answered::finish(&written, &addresses).unwrap();
        assert_eq!(answer.payload_types, PayloadTypes { opus: 111, events: vec![110, 126] });
        assert!(answer.text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\n"), "{}", answer.text);
        assert_eq!(answer.text.matches("a=rtpmap:110").count(), 1);
        assert!(answer.text.contains("a=ptime:20\r\na=maxptime:20\r\n"));
        assert!(!answer.text.contains("192.0.2.7"));
        let ours: Vec<&str> = answer.text.lines().filter(|line| line.starts_with("a=candidate")).collect();
        assert_eq!(
            ours,
            [
                "a=candidate:1 1 udp 2130706431 203.0.113.5 8081 typ host",
                "a=candidate:2 1 udp 2130706175 2001:db8::1 8081 typ host",
                "a=candidate:3 1 tcp 1526726655 203.0.113.5 8081 typ host tcptype passive",
                "a=candidate:4 1 tcp 1526726399 2001:db8::1 8081 typ host tcptype passive",
            ]
        );
        let fragment = answer.fragment(&addresses);
        assert!(fragment.starts_with("a=ice-ufrag:abcd\r\na=ice-pwd:"), "{fragment}");
        assert!(fragment.contains("m=audio 9") && fragment.contains("a=mid:0\r\n"));
    }

    #[test]
    fn a_fragment_brings_candidates_or_a_restart() {
        let text = "a=ice-ufrag:EFGH\r\na=ice-pwd:abcdefghijabcdefghijab\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
            a=candidate:1 1 udp 1 192.0.2.8 6000 typ host\r\na=candidate:1 1 tcp 1 192.0.2.8 9 typ host tcptype active\r\na=end-of-candidates\r\n";
        let fragment = Fragment::read(text).unwrap();
        assert_eq!(fragment.candidates, ["candidate:1 1 udp 1 192.0.2.8 6000 typ host"]);
        let restarted = Offer::read(OFFER).unwrap().restarted(&fragment);
        assert!(restarted.text.contains("a=ice-ufrag:EFGH\r\n") && !restarted.text.contains("abcd\r\n"));
        assert!(!restarted.text.contains("a=candidate"));
        assert!(Offer::read(&restarted.text).is_ok());
        assert_eq!(Fragment::read("a=candidate:x").err(), Some(SdpError::NoFragment));
    }

    proptest::proptest! {
        #[test]
        fn any_text_does_no_harm(text in "\\PC{0,300}", cut in 0..OFFER.len(), inserted in "\\PC{0,20}") {
            let _ = (Offer::read(&text).is_ok(), Fragment::read(&text).is_ok());
            let broken = format!("{}{inserted}{}", &OFFER[..cut], &OFFER[cut..]);
            if let Ok(offer) = Offer::read(&broken) {
                let _ = Answered::finish(&offer.text, &[]);
            }
        }
    }
}
