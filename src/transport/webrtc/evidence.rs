use std::collections::VecDeque;
use std::time::Duration;

use crate::audio::FRAME;
use crate::transport::Mark;

/// How long the other side keeps sound before it plays it. Its jitter buffer does not tell; browsers begin at 40 to 80 ms.
const PLAYOUT: Duration = Duration::from_millis(60);
/// How long a report's hole may be filled by packets that overtook each other.
const REORDERED: Duration = Duration::from_millis(150);
/// What may be lost, in thousandths, before the words cannot be trusted to have been understood: each packet holds a copy of the one
/// before, which makes up for more than this as long as losses do not come in a row.
const TOLERATED_PER_MILLE: u64 = 120;
/// A few packets are always tolerated: five single frames are concealed.
const TOLERATED_PACKETS: u64 = 5;
/// Of less than a second of sound a share says how the dice fell: marks that follow each other so closely are judged by what came before them
/// as well, three seconds in all.
const A_SECOND: u64 = 50;
const JUDGED: usize = 150;
/// A hole of so many packets swallows a word: 200 ms.
const LONGEST_HOLE: u64 = 10;
/// How much is remembered: packets of a minute, marks of a long dialog.
const REMEMBERED: usize = 3000;
const OUTSTANDING: usize = 256;

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything before it arrived and has had the time to be played.
    Played(Mark),
    /// So much before it was lost that it cannot have been understood.
    Garbled(Mark),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Arrived,
}

struct Sent {
    fate: Fate,
    sound: bool,
}

struct Outstanding {
    mark: Mark,
    /// The packets that it covers, by number: from the first to the one before `end`.
    begin: u64,
    end: u64,
    /// When the last of them can have been played.
    due: Duration,
    /// Since when the reports cover all of it.
    covered: Option<Duration>,
    /// How many packets receiver reports had counted as missed before the sound of the mark began, and as far as which packet.
    missed_before: (u64, u64),
}

/// What was sent, what of it is known to have arrived, and which marks that proves. Pure: the time is handed in.
///
/// Packets are numbered from 0 over the whole leg. Transport-wide feedback names the packets that arrived; where a peer gives none, a
/// receiver report says how far it has heard and how many it has missed.
#[derive(Default)]
pub(super) struct Evidence {
    /// Number of the first packet in `sent`.
    first: u64,
    sent: VecDeque<Sent>,
    marks: VecDeque<Outstanding>,
    /// Where the sound after the last mark begins, and how many had been missed by then.
    begin: u64,
    missed_before: (u64, u64),
    /// What came before this is no part of any judgement.
    judged_since: u64,
    last_sound: Option<(u64, Duration)>,
    highest_arrived: Option<u64>,
    named: bool,
    /// What the last receiver report said: up to which packet, and how many were missed since the beginning.
    reported: Option<(u64, u64)>,
}

impl Evidence {
    /// How many packets have gone out.
    pub(super) fn count_sent(&self) -> u64 {
        self.first + self.sent.len() as u64
    }

    /// A packet goes out at `now`; gives its number.
    pub(super) fn sent(&mut self, now: Duration, sound: bool) -> u64 {
        let number = self.count_sent();
        self.sent.push_back(Sent { fate: Fate::Unknown, sound });
        if sound {
            self.last_sound = Some((number, now));
        }
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
            self.first += 1;
        }
        number
    }

    /// A mark follows what was sent.
    pub(super) fn mark(&mut self, mark: Mark, now: Duration) {
        let end = self.count_sent();
        let due = self.last_sound.map_or(now, |(_, at)| at + FRAME + PLAYOUT);
        let (begin, missed_before) = self.begin_anew();
        self.marks.push_back(Outstanding { mark, begin, end, due, covered: None, missed_before });
        if self.marks.len() > OUTSTANDING {
            self.marks.pop_front();
            metrics::counter!("candor_webrtc_marks_forgotten_total").increment(1);
        }
    }

    /// What was not reported yet will not be: those marks, in order.
    pub(super) fn clear(&mut self) -> Vec<Mark> {
        self.begin_anew();
        self.judged_since = self.begin;
        self.marks.drain(..).map(|outstanding| outstanding.mark).collect()
    }

    /// What is sent from here on belongs to the next mark. Whatever is reported as missed later is counted against it, even where it
    /// was missed a little before: a receiver report does not say which packets it means.
    fn begin_anew(&mut self) -> (u64, (u64, u64)) {
        let end = self.count_sent();
        let missed = self.reported.map_or((0, 0), |(heard, missed)| (missed, heard));
        (std::mem::replace(&mut self.begin, end), std::mem::replace(&mut self.missed_before, missed))
    }

    /// Whether a report is still waited for, and a packet more would make it come.
    pub(super) fn is_waiting(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Transport-wide feedback: these packets arrived.
    pub(super) fn arrived(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.named = true;
        for number in numbers {
            if let Some(sent) = number.checked_sub(self.first).and_then(|index| self.sent.get_mut(index as usize)) {
                sent.fate = Fate::Arrived;
                self.highest_arrived = self.highest_arrived.max(Some(number));
            }
        }
    }

    /// A receiver report: heard up to the packet that ends in these 16 bits, missed so many since the beginning.
    pub(super) fn reported(&mut self, highest: u64, missed: u64) {
        if highest >= self.count_sent() {
            return;
        }
        self.reported = Some((highest, missed));
    }

    /// The mark that is settled first, if one is.
    pub(super) fn settle(&mut self, now: Duration) -> Option<Verdict> {
        let front = self.marks.front()?;
        let (begin, end, due) = (front.begin, front.end, front.due);
        let sounds = self.count(begin, end, |_| true);
        let (covered, of, lost, hole) = if sounds == 0 {
            (true, 0, 0, 0)
        } else if self.named {
            let last = self.last_sound_in(begin, end);
            let covered = self.highest_arrived >= Some(last);
            let judged = if sounds < A_SECOND { self.judged_from(begin, end) } else { begin };
            let lost = self.count(judged, end, |sent| sent.fate != Fate::Arrived);
            (covered, self.count(judged, end, |_| true), lost, self.longest_hole(self.hole_into(begin), end))
        } else {
            let last = self.last_sound_in(begin, end);
            let (missed_before, heard_before) = front.missed_before;
            match self.reported {
                Some((heard, missed)) if heard >= last => {
                    let of = self.count(heard_before.min(begin), heard + 1, |_| true);
                    (true, of.max(sounds), missed.saturating_sub(missed_before), 0)
                }
                _ => (false, 0, 0, 0),
            }
        };
        if !covered {
            return None;
        }
        let front = self.marks.front_mut()?;
        let since = *front.covered.get_or_insert(now);
        let settled = lost == 0 || now >= since + REORDERED;
        if now < due || !settled {
            return None;
        }
        let mark = front.mark;
        self.marks.pop_front();
        let tolerated = TOLERATED_PACKETS.max(of * TOLERATED_PER_MILLE / 1000);
        Some(if lost > tolerated || hole > LONGEST_HOLE { Verdict::Garbled(mark) } else { Verdict::Played(mark) })
    }

    fn range(&self, begin: u64, end: u64) -> impl DoubleEndedIterator<Item = (u64, &Sent)> {
        let from = begin.saturating_sub(self.first) as usize;
        let until = end.saturating_sub(self.first) as usize;
        let range = self.sent.range(from.min(self.sent.len())..until.min(self.sent.len()));
        range.enumerate().map(move |(index, sent)| (self.first + (from + index) as u64, sent)).filter(|(_, sent)| sent.sound)
    }

    /// From where on a mark's losses are counted.
    fn judged_from(&self, begin: u64, end: u64) -> u64 {
        let early_enough = self.range(self.first, end).rev().nth(JUDGED - 1);
        early_enough.map_or(self.first, |(number, _)| number).max(self.judged_since).min(begin)
    }

    /// Where a hole begins that reaches into the packets from `begin` on: to whoever listens it is one.
    fn hole_into(&self, begin: u64) -> u64 {
        let before = self.range(self.judged_since, begin).rev();
        before.take_while(|(_, sent)| sent.fate != Fate::Arrived).last().map_or(begin, |(number, _)| number)
    }

    fn count(&self, begin: u64, end: u64, which: impl Fn(&Sent) -> bool) -> u64 {
        self.range(begin, end).filter(|(_, sent)| which(sent)).count() as u64
    }

    fn last_sound_in(&self, begin: u64, end: u64) -> u64 {
        self.range(begin, end).next_back().map_or(begin, |(number, _)| number)
    }

    fn longest_hole(&self, begin: u64, end: u64) -> u64 {
        let (mut longest, mut hole) = (0, 0);
        for (_, sent) in self.range(begin, end) {
            hole = if sent.fate == Fate::Arrived { 0 } else { hole + 1 };
            longest = longest.max(hole);
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// 50 packets of sound, from the beginning, a mark, and ten of silence.
    fn a_second() -> Evidence {
        let mut evidence = Evidence::default();
        (0..50).for_each(|n| {
            evidence.sent(ms(20 * n), true);
        });
        evidence.mark(Mark(1), ms(980));
        (50..60).for_each(|n| {
            evidence.sent(ms(20 * n), false);
        });
        evidence
    }

    #[test]
    fn a_mark_is_played_when_its_last_packet_has_arrived_and_had_its_time() {
        let mut evidence = a_second();
        evidence.arrived(0..49);
        assert_eq!(evidence.settle(ms(1500)), None, "its last packet is not covered");
        evidence.arrived([49]);
        assert_eq!(evidence.settle(ms(1059)), None, "it cannot have been played");
        assert_eq!(evidence.settle(ms(1060)), Some(Verdict::Played(Mark(1))));
        assert_eq!(evidence.settle(ms(2000)), None);
    }

    #[test]
    fn a_lost_tail_is_known_by_what_follows() {
        let mut evidence = a_second();
        evidence.arrived(0..48);
        assert_eq!(evidence.settle(ms(1500)), None);
        evidence.arrived([52]);
        assert_eq!(evidence.settle(ms(1500)), None, "the missing ones may be on their way");
        assert_eq!(evidence.settle(ms(1650)), Some(Verdict::Played(Mark(1))), "two frames are bearable");
    }

    #[test]
    fn too_much_loss_garbles() {
        let mut evidence = a_second();
        evidence.arrived((0..60).filter(|n| n % 6 != 0));
        evidence.settle(ms(1500));
        assert_eq!(evidence.settle(ms(1650)), Some(Verdict::Garbled(Mark(1))), "one in six");
        let mut evidence = a_second();
        evidence.arrived((0..60).filter(|n| n % 16 != 3));
        evidence.settle(ms(1500));
        assert_eq!(evidence.settle(ms(1650)), Some(Verdict::Played(Mark(1))), "one in sixteen");
    }

    #[test]
    fn marks_that_follow_each_other_closely_are_judged_by_three_seconds() {
        let mut evidence = Evidence::default();
        for mark in 0..12u64 {
            for n in 0..25 {
                evidence.sent(ms(20 * (mark * 25 + n)), true);
            }
            evidence.mark(Mark(mark), ms(500 * (mark + 1)));
        }
        // One packet in twenty, but six of them within half a second.
        evidence.arrived((0..300).filter(|n| n % 20 != 0 && !(200..225).contains(n) || (200..225).contains(n) && n % 4 != 0));
        let mut verdicts = Vec::new();
        evidence.settle(ms(8000));
        while let Some(verdict) = evidence.settle(ms(9000)).or_else(|| evidence.settle(ms(9200))) {
            verdicts.push(verdict);
        }
        assert_eq!(verdicts, (0..12).map(|mark| Verdict::Played(Mark(mark))).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_hole_garbles_even_a_long_prompt() {
        let mut evidence = Evidence::default();
        (0..1000).for_each(|n| {
            evidence.sent(ms(20 * n), true);
        });
        evidence.mark(Mark(7), ms(20_000));
        evidence.arrived((0..1000).filter(|n| !(500..511).contains(n)));
        evidence.settle(ms(21_000));
        assert_eq!(evidence.settle(ms(21_200)), Some(Verdict::Garbled(Mark(7))));
    }

    #[test]
    fn a_hole_on_both_sides_of_a_mark_is_one() {
        let mut evidence = Evidence::default();
        for mark in 0..4u64 {
            for n in 0..50 {
                evidence.sent(ms(20 * (mark * 50 + n)), true);
            }
            evidence.mark(Mark(mark), ms(1000 * (mark + 1)));
        }
        evidence.arrived((0..200).filter(|n| !(94..105).contains(n)));
        let mut verdicts = Vec::new();
        while let Some(verdict) = evidence.settle(ms(9000)).or_else(|| evidence.settle(ms(9200))) {
            verdicts.push(verdict);
        }
        let garbled = Verdict::Garbled(Mark(2));
        assert_eq!(verdicts, [Verdict::Played(Mark(0)), Verdict::Played(Mark(1)), garbled, Verdict::Played(Mark(3))]);
    }

    #[test]
    fn without_any_report_nothing_is_known() {
        let mut evidence = a_second();
        assert_eq!(evidence.settle(ms(60_000)), None);
        assert!(evidence.is_waiting());
    }

    #[test]
    fn a_receiver_report_serves_where_nothing_names_packets() {
        let mut evidence = a_second();
        evidence.reported(30, 0);
        assert_eq!(evidence.settle(ms(1500)), None);
        evidence.reported(55, 1);
        evidence.settle(ms(2000));
        assert_eq!(evidence.settle(ms(2150)), Some(Verdict::Played(Mark(1))));
        (0..50).for_each(|n| {
            evidence.sent(ms(3000 + 20 * n), true);
        });
        evidence.mark(Mark(2), ms(4000));
        evidence.reported(109, 15);
        evidence.settle(ms(5000));
        assert_eq!(evidence.settle(ms(5150)), Some(Verdict::Garbled(Mark(2))));
    }

    #[test]
    fn a_report_about_what_was_never_sent_proves_nothing() {
        let mut evidence = a_second();
        evidence.reported(5000, 0);
        evidence.arrived([5000]);
        assert_eq!(evidence.settle(ms(5000)), None);
    }

    #[test]
    fn what_was_cleared_is_not_played_and_the_next_mark_covers_only_what_follows() {
        let mut evidence = a_second();
        assert_eq!(evidence.clear(), [Mark(1)]);
        let number = evidence.sent(ms(2000), true);
        evidence.mark(Mark(2), ms(2000));
        evidence.arrived([number]);
        assert_eq!(evidence.settle(ms(2080)), Some(Verdict::Played(Mark(2))));
    }

    #[test]
    fn a_mark_without_sound_is_played_when_those_before_it_are() {
        let mut evidence = a_second();
        evidence.mark(Mark(2), ms(1000));
        assert_eq!(evidence.settle(ms(1500)), None);
        evidence.arrived(0..60);
        assert_eq!(evidence.settle(ms(1500)), Some(Verdict::Played(Mark(1))));
        assert_eq!(evidence.settle(ms(1500)), Some(Verdict::Played(Mark(2))));
    }

    #[test]
    fn memory_is_bounded() {
        let mut evidence = Evidence::default();
        for n in 0..10_000u64 {
            evidence.sent(ms(20 * n), true);
            evidence.mark(Mark(n), ms(20 * n));
        }
        assert!(evidence.sent.len() <= REMEMBERED && evidence.marks.len() <= OUTSTANDING);
        evidence.arrived(9_000..10_000);
        while evidence.settle(ms(300_000)).is_some() {}
        assert!(!evidence.is_waiting());
    }
}
