use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

/// Samples of 20 ms at the RTP clock of Opus, 48 000 Hz (RFC 7587, section 4.1).
pub(super) const FRAME_SAMPLES: u64 = 960;
/// The shortest and the longest time for which a packet waits for those before it.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_millis(100);
/// How much more than the target may wait before it is released at double speed.
const TOO_MUCH: u64 = 3 * FRAME_SAMPLES;
/// How many packets may wait: two seconds of 20 ms packets.
const CAPACITY: usize = 100;
/// A jump further than this is another stream, not loss: two seconds of packets, ten seconds of clock.
const JUMP_PACKETS: i64 = 100;
const JUMP_SAMPLES: i64 = 10 * 48_000;
/// So many packets in a row that are too late are not late: the stream has begun anew, a little further back.
const LATE: u32 = 25;
/// A longer hole is passed over: whoever was cut off for so long begins anew.
const LONGEST_HOLE: u64 = 25 * FRAME_SAMPLES;

/// What comes out of the buffer, in the order in which it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Released {
    /// A packet as it came.
    Packet(Bytes),
    /// 20 ms that were sent and did not arrive in time.
    Lost,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It, or what follows it, has been released already.
    Late,
    /// It waits already.
    Duplicate,
}

/// What an RTP packet carries, as far as its place in time goes.
enum Slot {
    Sound {
        timestamp: u64,
        samples: u64,
        payload: Bytes,
    },
    /// A number of the sequence that carries no sound: a telephone event.
    NoSound,
}

/// Puts the caller's packets in order and in time. Pure: the time is handed in, as a duration since the leg began.
///
/// The first packet of a spurt waits for the target delay (40 to 100 ms, by the jitter seen), and from then on 20 ms are released for each
/// [`JitterBuffer::tick`]. A packet that is missing when it is due is lost; one that was never sent, because the caller's encoder had
/// nothing to say (DTX), is not: then the timestamps have a hole that the sequence numbers have not.
#[derive(Default)]
pub(super) struct JitterBuffer {
    slots: BTreeMap<u64, Slot>,
    /// The highest number and the timestamp with it, unwrapped.
    highest: Option<(u64, u64)>,
    /// The number that is released next.
    next: Option<u64>,
    /// Where what was released ends, and how long its last packet was.
    released_to: u64,
    last_samples: u64,
    /// Up to where the clock has come.
    clock: u64,
    /// From when on the waiting spurt is released, and whether that has begun; `None`: nothing waits.
    playing_from: Option<Duration>,
    begun: bool,
    /// How many packets have come too late, one after the other.
    late: u32,
    /// Interarrival jitter in samples (RFC 3550, section 6.4.1), and what it is computed from.
    jitter: f64,
    transit: Option<i64>,
}

impl JitterBuffer {
    /// Takes an Opus packet of `samples` that arrived at `now`.
    pub(super) fn insert(
        &mut self,
        now: Duration,
        number: u16,
        timestamp: u32,
        samples: u64,
        payload: Bytes,
    ) -> Result<(), Refused> {
        let (mut place, mut at) = self.unwrap(number, timestamp);
        if self.next.is_some_and(|next| place < next) {
            self.late += 1;
            if self.late < LATE {
                return Err(Refused::Late);
            }
            self.begin_anew();
            (place, at) = self.unwrap(number, timestamp);
        }
        self.late = 0;
        let (number, timestamp) = (place, at);
        self.place(number, Slot::Sound { timestamp, samples, payload })?;
        self.observe(now, timestamp);
        if self.playing_from.is_none() {
            self.playing_from = Some(now + self.target());
        }
        Ok(())
    }

    /// Takes note of a packet without sound, so that its number is not taken for a loss.
    pub(super) fn pass_over(&mut self, number: u16, timestamp: u32) {
        let Some((_, highest)) = self.highest else { return };
        // An event's timestamp is that of its beginning (RFC 4733, section 2.2): it says nothing about when the next sound is due.
        let _ = timestamp;
        let (number, _) = self.unwrap(number, highest as u32);
        let _ = self.place(number, Slot::NoSound);
    }

    /// 20 ms have passed: what is due comes out, in order. Two frames' worth where too much waits.
    pub(super) fn tick(&mut self, now: Duration, mut release: impl FnMut(Released)) {
        if self.playing_from.is_none_or(|from| now < from) {
            return;
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.begin();
        }
        self.advance(&mut release);
        let waiting = self.last_end().saturating_sub(self.clock);
        if waiting > samples_in(self.target()) + TOO_MUCH {
            self.advance(&mut release);
        }
    }

    /// How long a packet waits for those before it, as things are.
    pub(super) fn target(&self) -> Duration {
        let jitter = Duration::from_secs_f64(self.jitter * 3.0 / 48_000.0);
        (jitter + Duration::from_millis(20)).clamp(SHORTEST, LONGEST)
    }

    fn advance(&mut self, release: &mut impl FnMut(Released)) {
        let until = self.clock + FRAME_SAMPLES;
        let mut released = 0;
        // Timestamps that stand still do not let everything out at once.
        while released < FRAME_SAMPLES {
            let Some((&number, slot)) = self.slots.first_key_value() else {
                self.playing_from = None;
                self.begun = false;
                break;
            };
            let next = *self.next.get_or_insert(number);
            let begins = match slot {
                Slot::Sound { timestamp, .. } => *timestamp,
                Slot::NoSound => self.released_to,
            };
            if number > next {
                let missing = begins.saturating_sub(self.released_to);
                let sent = (number - next).saturating_mul(self.last_samples.max(FRAME_SAMPLES));
                if !(FRAME_SAMPLES / 2..=LONGEST_HOLE).contains(&missing) || sent == 0 {
                    self.next = Some(number);
                } else if self.released_to + FRAME_SAMPLES <= until {
                    release(Released::Lost);
                    released += FRAME_SAMPLES;
                    self.released_to += FRAME_SAMPLES;
                    let packets = (FRAME_SAMPLES / self.last_samples.max(1)).max(1);
                    self.next = Some((next + packets).min(number));
                } else {
                    break;
                }
                continue;
            }
            if begins >= until {
                break;
            }
            if let Some((_, Slot::Sound { timestamp, samples, payload })) = self.slots.pop_first() {
                self.released_to = timestamp + samples;
                self.last_samples = samples;
                released += samples;
                release(Released::Packet(payload));
            }
            self.next = Some(number + 1);
        }
        self.clock = until;
    }

    /// A spurt begins to be released: the clock stands where its sound begins, or where a hole begins that has to be told of.
    fn begin(&mut self) {
        let first = self.slots.iter().enumerate().find_map(|(index, (number, slot))| match slot {
            Slot::Sound { timestamp, .. } => Some((index as u64, *number, *timestamp)),
            Slot::NoSound => None,
        });
        let Some((before, number, begins)) = first else { return };
        let missing = self.next.is_some_and(|next| number.saturating_sub(next) > before);
        let hole = missing && begins.saturating_sub(self.released_to) <= LONGEST_HOLE;
        self.clock = if hole { self.released_to } else { begins };
    }

    fn last_end(&self) -> u64 {
        self.slots
            .values()
            .rev()
            .find_map(|slot| match slot {
                Slot::Sound { timestamp, samples, .. } => Some(timestamp + samples),
                Slot::NoSound => None,
            })
            .unwrap_or(self.clock)
    }

    fn place(&mut self, number: u64, slot: Slot) -> Result<(), Refused> {
        if self.next.is_some_and(|next| number < next) {
            return Err(Refused::Late);
        }
        if self.slots.contains_key(&number) {
            return Err(Refused::Duplicate);
        }
        self.slots.insert(number, slot);
        if self.slots.len() > CAPACITY {
            self.slots.pop_first();
            self.next = self.slots.first_key_value().map(|(number, _)| *number);
        }
        Ok(())
    }

    /// Sequence numbers and timestamps wrap; here they do not. A jump begins a stream anew.
    fn unwrap(&mut self, number: u16, timestamp: u32) -> (u64, u64) {
        if let Some((highest, latest)) = self.highest {
            let steps = i64::from(number.wrapping_sub(highest as u16) as i16);
            let samples = i64::from(timestamp.wrapping_sub(latest as u32) as i32);
            // A long silence without packets moves the timestamp alone; a jump of the sequence is another sender.
            let restarted = steps.abs() > JUMP_PACKETS || (samples.abs() > JUMP_SAMPLES && (samples < 0 || steps > 1));
            let at = highest.checked_add_signed(steps).zip(latest.checked_add_signed(samples));
            if let (false, Some((number, timestamp))) = (restarted, at) {
                if number > highest {
                    self.highest = Some((number, timestamp));
                }
                return (number, timestamp);
            }
            self.begin_anew();
        }
        // Room below, for what comes out of order at the beginning.
        let first = ((1 << 32) + u64::from(number), (1 << 40) + u64::from(timestamp));
        self.highest = Some(first);
        first
    }

    /// Another stream: what waits is of the one before.
    fn begin_anew(&mut self) {
        *self = JitterBuffer { jitter: self.jitter, ..JitterBuffer::default() };
    }

    fn observe(&mut self, now: Duration, timestamp: u64) {
        let arrival = (now.as_secs_f64() * 48_000.0) as i64;
        let transit = arrival - timestamp as i64;
        if let Some(before) = self.transit.replace(transit) {
            // A silence is no jitter.
            let difference = ((transit - before).abs() as f64).min(48_000.0 / 5.0);
            self.jitter += (difference - self.jitter) / 16.0;
        }
    }
}

fn samples_in(duration: Duration) -> u64 {
    (duration.as_micros() as u64) * 48 / 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn payload(n: u64) -> Bytes {
        Bytes::copy_from_slice(&n.to_be_bytes())
    }

    /// A packet on its way: when it arrives, which it is, and where in time.
    #[derive(Clone, Debug)]
    struct Arrival {
        at: u64,
        n: u64,
        samples: u64,
    }

    fn steady(count: u64) -> Vec<Arrival> {
        (0..count).map(|n| Arrival { at: 20 * n, n, samples: 960 * n }).collect()
    }

    /// What comes out, per tick; `None` is a loss. Counters wrap soon after the beginning.
    fn play(mut arrivals: Vec<Arrival>, until: u64) -> Vec<(u64, Option<u64>)> {
        arrivals.sort_by_key(|arrival| arrival.at);
        let mut arrivals = arrivals.into_iter().peekable();
        let (mut buffer, mut out) = (JitterBuffer::default(), Vec::new());
        for at in (0..until).step_by(20) {
            while let Some(Arrival { at, n, samples }) = arrivals.next_if(|arrival| arrival.at <= at) {
                let (number, timestamp) = ((65_530 + n) as u16, (u64::from(u32::MAX) - 5000 + samples) as u32);
                let _ = buffer.insert(ms(at), number, timestamp, FRAME_SAMPLES, payload(n));
            }
            buffer.tick(ms(at), |released| {
                out.push((
                    at,
                    match released {
                        Released::Packet(payload) => Some(u64::from_be_bytes(payload[..].try_into().unwrap())),
                        Released::Lost => None,
                    },
                ));
            });
        }
        out
    }

    fn order(out: &[(u64, Option<u64>)]) -> Vec<Option<u64>> {
        out.iter().map(|(_, n)| *n).collect()
    }

    #[test]
    fn a_steady_stream_comes_out_one_each_tick_after_the_shortest_delay() {
        let out = play(steady(100), 4000);
        assert_eq!(order(&out), (0..100).map(Some).collect::<Vec<_>>());
        assert_eq!(out[0].0, 40);
        assert!(out.windows(2).all(|two| two[1].0 - two[0].0 == 20));
    }

    #[test]
    fn what_overtook_is_put_in_order() {
        let mut arrivals = steady(50);
        for pair in (0..50).step_by(5) {
            arrivals[pair].at += 25;
        }
        assert_eq!(order(&play(arrivals, 3000)), (0..50).map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_missing_when_it_is_due_is_lost_and_late_it_is_dropped() {
        let mut arrivals = steady(50);
        arrivals.remove(30);
        arrivals[10].at += 300;
        let mut wanted: Vec<Option<u64>> = (0..50).map(Some).collect();
        (wanted[10], wanted[30]) = (None, None);
        assert_eq!(order(&play(arrivals, 3000)), wanted);
    }

    #[test]
    fn a_copy_is_refused() {
        let mut buffer = JitterBuffer::default();
        assert_eq!(buffer.insert(ms(0), 1, 960, 960, payload(1)), Ok(()));
        assert_eq!(buffer.insert(ms(1), 1, 960, 960, payload(1)), Err(Refused::Duplicate));
        buffer.tick(ms(40), |_| {});
        assert_eq!(buffer.insert(ms(41), 1, 960, 960, payload(1)), Err(Refused::Late));
    }

    #[test]
    fn a_pause_of_the_encoder_is_no_loss() {
        // DTX: one packet in 400 ms while the caller is silent; numbers go on, timestamps jump.
        let mut arrivals = steady(10);
        arrivals.push(Arrival { at: 600, n: 10, samples: 960 * 30 });
        arrivals.push(Arrival { at: 1000, n: 11, samples: 960 * 50 });
        arrivals.extend((0..10).map(|n| Arrival { at: 1400 + 20 * n, n: 12 + n, samples: 960 * (70 + n) }));
        let out = play(arrivals, 3000);
        assert_eq!(order(&out), (0..22).map(Some).collect::<Vec<_>>());
        // 400 ms lie between the two.
        assert_eq!(out[11].0 - out[10].0, 400);
    }

    #[test]
    fn a_pause_that_waits_already_is_kept() {
        // Everything arrives at once after a stall; inside it is a pause of 100 ms.
        let mut arrivals: Vec<Arrival> = (0..3).map(|n| Arrival { at: 0, n, samples: 960 * n }).collect();
        arrivals.extend((3..6).map(|n| Arrival { at: 0, n, samples: 960 * (n + 1) }));
        let out = play(arrivals, 1000);
        assert_eq!(order(&out), (0..6).map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn a_stall_delays_and_is_caught_up_with() {
        // Nothing for half a second, then all of it at once.
        let mut arrivals = steady(200);
        arrivals.iter_mut().filter(|a| (1000..1500).contains(&a.at)).for_each(|a| a.at = 1500);
        let out = play(arrivals, 5000);
        assert_eq!(order(&out), (0..200).map(Some).collect::<Vec<_>>());
        let last = out.last().unwrap();
        assert!(last.0 <= 199 * 20 + 200, "still {} ms behind at the end", last.0 - 199 * 20);
    }

    #[test]
    fn an_outage_is_lost_in_part_and_a_long_one_passed_over() {
        let arrivals =
            |from: u64, to: u64| steady(300).into_iter().filter(move |a| !(from..to).contains(&a.n)).collect::<Vec<_>>();
        let lost = |out: Vec<(u64, Option<u64>)>| out.iter().filter(|(_, n)| n.is_none()).count();
        assert_eq!(lost(play(arrivals(100, 120), 8000)), 20);
        assert_eq!(lost(play(arrivals(100, 180), 8000)), 0, "1.6 s: begun anew");
        assert_eq!(lost(play(arrivals(50, 250), 8000)), 0);
    }

    #[test]
    fn another_stream_begins_anew() {
        for (number, timestamp) in [(40_000, 5), (3, 4_000_000_000)] {
            let mut buffer = JitterBuffer::default();
            let mut out = 0;
            for n in 0..10u16 {
                buffer.insert(ms(20 * u64::from(n)), n, 960 * u32::from(n), 960, payload(0)).unwrap();
                buffer.tick(ms(20 * u64::from(n)), |_| out += 1);
            }
            for n in 0..60u16 {
                let _ = buffer.insert(ms(1000 + 20 * u64::from(n)), n + number, timestamp + 960 * u32::from(n), 960, payload(1));
                buffer.tick(ms(1000 + 20 * u64::from(n)), |_| out += 1);
            }
            assert!(out >= 40, "{out} of a stream that begins at {number}");
        }
    }

    #[test]
    fn jitter_makes_the_delay_longer_within_its_bounds() {
        let mut buffer = JitterBuffer::default();
        assert_eq!(buffer.target(), SHORTEST);
        for n in 0..200u64 {
            let late = if n % 2 == 0 { 0 } else { 50 };
            let _ = buffer.insert(ms(20 * n + late), n as u16, 960 * n as u32, 960, payload(n));
            buffer.tick(ms(20 * n), |_| {});
        }
        assert_eq!(buffer.target(), LONGEST);
    }

    #[test]
    fn packets_of_other_lengths_keep_the_pace() {
        for (samples, count) in [(480u64, 200u64), (2880, 40)] {
            let mut buffer = JitterBuffer::default();
            let (mut arrived, mut out) = (0, Vec::new());
            for at in (0..5000).step_by(20) {
                while arrived < count && arrived * samples <= at * 48 {
                    let _ = buffer.insert(ms(at), arrived as u16, (arrived * samples) as u32, samples, payload(arrived));
                    arrived += 1;
                }
                buffer.tick(ms(at), |released| out.push((at, released)));
            }
            assert_eq!(out.len() as u64, count, "packets of {samples}");
            assert!(out.iter().all(|(_, released)| matches!(released, Released::Packet(_))));
            let took = out.last().unwrap().0 - out[0].0;
            assert!(took.abs_diff(count * samples / 48) <= 100, "packets of {samples} took {took}");
        }
    }

    proptest! {
        /// Whatever the network does: order is kept, nothing comes twice, no packet that was in time is lost, and memory is bounded.
        #[test]
        fn order_is_kept_whatever_the_network_does(delays in proptest::collection::vec((0u64..150, proptest::bool::weighted(0.9)), 1..200)) {
            let sent: Vec<Arrival> = delays.iter().enumerate().filter(|(_, (_, arrives))| *arrives)
                .map(|(n, (delay, _))| Arrival { at: 20 * n as u64 + delay, n: n as u64, samples: 960 * n as u64 }).collect();
            let out = play(sent.clone(), 20 * delays.len() as u64 + 4000);
            let packets: Vec<u64> = out.iter().filter_map(|(_, n)| *n).collect();
            prop_assert!(packets.windows(2).all(|two| two[0] < two[1]), "{packets:?}");
            prop_assert!(packets.iter().all(|n| sent.iter().any(|arrival| arrival.n == *n)));
            let losses = out.iter().filter(|(_, n)| n.is_none()).count();
            prop_assert!(packets.len() + losses <= delays.len());
            let calm = delays.iter().all(|(delay, _)| *delay < 20);
            prop_assert!(!calm || packets.len() == sent.len(), "a calm network: {} of {}", packets.len(), sent.len());
        }

        /// Any numbers and times at all.
        #[test]
        fn any_stream_does_no_harm(packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 120u64..5760, 0u64..100), 0..300)) {
            let mut buffer = JitterBuffer::default();
            let (mut at, mut out) = (0, 0);
            for (number, timestamp, samples, later) in &packets {
                at += later;
                let _ = buffer.insert(ms(at), *number, *timestamp, *samples, payload(0));
                buffer.pass_over(number.wrapping_add(1), *timestamp);
                buffer.tick(ms(at), |_| out += 1);
                prop_assert!(buffer.slots.len() <= CAPACITY);
            }
            prop_assert!(out <= packets.len() * 2);
        }
    }
}
