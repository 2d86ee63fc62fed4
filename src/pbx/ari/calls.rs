//! Which callers are in the Stasis application, how far their agent's leg is, and what an event means for them. Pure: what is to be done comes out.

use std::collections::HashMap;

use serde::Deserialize;
use tokio::sync::watch;

/// How many callers there are at the most; more go on in their dialplan.
const MOST: usize = 1024;
/// The longest number of a caller that is passed on, in bytes.
const LONGEST_NUMBER: usize = 64;

/// A caller as Asterisk tells of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) call: String,
    pub(super) channel: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) language: Option<String>,
}

/// The call alone: the rest is the caller's.
impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Caller({})", self.call)
    }
}

/// A channel in Asterisk's JSON.
#[derive(Deserialize)]
pub(super) struct Channel {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    caller: Party,
    #[serde(default)]
    dialplan: Dialplan,
}

#[derive(Default, Deserialize)]
struct Party {
    #[serde(default)]
    number: String,
}

#[derive(Default, Deserialize)]
struct Dialplan {
    #[serde(default)]
    exten: String,
    #[serde(default)]
    app_data: String,
}

#[derive(Deserialize)]
struct Written {
    r#type: String,
    channel: Option<Channel>,
    bridge: Option<Bridge>,
    #[serde(default)]
    args: Vec<String>,
}

/// A bridge in Asterisk's JSON.
#[derive(Deserialize)]
pub(super) struct Bridge {
    id: String,
    #[serde(default)]
    channels: Vec<String>,
}

impl Channel {
    /// The caller of this channel; `args` are those of `Stasis(app,to=…,language=…)`.
    fn caller(self, args: &[String]) -> Caller {
        let arg = |name: &str| {
            let value = args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
            value.filter(|value| (1..=LONGEST_NUMBER).contains(&value.len())).map(str::to_owned)
        };
        let told = |value: String| Some(value).filter(|value| (1..=LONGEST_NUMBER).contains(&value.len()));
        let (to, language) = (arg("to"), arg("language"));
        Caller {
            from: told(self.caller.number),
            // The number that was called, where nothing else is said and it is one.
            to: to.or_else(|| {
                told(self.dialplan.exten).filter(|exten| exten.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+'))
            }),
            language,
            call: self.id,
            channel: self.name,
        }
    }

    /// The same of a channel whose beginning was missed.
    pub(super) fn caller_of_dialplan(self) -> Caller {
        let args: Vec<String> = self.dialplan.app_data.split(',').skip(1).map(str::to_owned).collect();
        self.caller(&args)
    }
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Somebody has come: connect them with the agent.
    Join(Caller),
    /// A leg is over.
    End(Ended),
    /// A leg that belongs to nobody any more.
    HangUp(String),
    /// Another program has taken the application.
    Replaced,
}

/// What is to be cleaned up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) call: String,
    pub(super) number: u64,
    /// The caller is left alone and goes on in the dialplan.
    pub(super) caller_stays: bool,
    /// They had the agent on the line.
    pub(super) joined: bool,
}

/// How far a leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Asterisk connects to the agent.
    Connecting,
    /// The agent's channel is there, the bridge is not complete.
    Connected,
    /// Caller and agent hear each other.
    Joined,
}

struct Leg {
    number: u64,
    stage: watch::Sender<Stage>,
    caller_in: bool,
    agent_in: bool,
    handed_over: bool,
}

/// The legs of one application, by call.
pub(super) struct Calls {
    app: String,
    legs: HashMap<String, Leg>,
    number: u64,
}

impl Calls {
    /// `first` is the number of the first leg: different for each start of this program, so that an old leg is never taken for a new one.
    pub(super) fn new(app: &str, first: u64) -> Calls {
        Calls { app: app.to_owned(), legs: HashMap::new(), number: first }
    }

    /// Takes up a caller: the leg's number, and how far it is, which ends with it. `None`: they are known already, or there are too many.
    pub(super) fn begin(&mut self, call: &str) -> Option<(u64, watch::Receiver<Stage>)> {
        if self.legs.contains_key(call) || self.legs.len() >= MOST {
            return None;
        }
        self.number += 1;
        let (stage, seen) = watch::channel(Stage::Connecting);
        let leg = Leg { number: self.number, stage, caller_in: false, agent_in: false, handed_over: false };
        self.legs.insert(call.to_owned(), leg);
        Some((self.number, seen))
    }

    /// How far a caller's leg is; `None`: they are not in the application.
    pub(super) fn stage(&self, call: &str) -> Option<watch::Receiver<Stage>> {
        Some(self.legs.get(call)?.stage.subscribe())
    }

    /// The number of a caller's leg whose bridge is complete.
    pub(super) fn joined(&self, call: &str) -> Option<u64> {
        let leg = self.legs.get(call)?;
        (*leg.stage.borrow() == Stage::Joined).then_some(leg.number)
    }

    /// A caller is about to be sent elsewhere, so that the end of the agent's leg is not theirs. Gives the leg's number.
    pub(super) fn hand_over(&mut self, call: &str) -> Option<u64> {
        let leg = self.legs.get_mut(call)?;
        leg.handed_over = true;
        Some(leg.number)
    }

    /// They could not be sent. `Some`: the agent's leg has ended meanwhile, and they are alone.
    pub(super) fn not_handed_over(&mut self, call: &str, number: u64) -> Option<Ended> {
        match self.legs.get_mut(call).filter(|leg| leg.number == number) {
            Some(leg) => {
                leg.handed_over = false;
                None
            }
            None => Some(Ended { call: call.to_owned(), number, caller_stays: true, joined: true }),
        }
    }

    /// Forgets a leg. `Some` to the one who ends it, and to nobody else.
    pub(super) fn end(&mut self, call: &str, number: u64, caller_stays: bool) -> Option<Ended> {
        self.legs.get(call).filter(|leg| leg.number == number)?;
        let leg = self.legs.remove(call)?;
        let joined = *leg.stage.borrow() == Stage::Joined;
        Some(Ended { call: call.to_owned(), number, caller_stays: caller_stays && !leg.handed_over, joined })
    }

    /// What an event means.
    pub(super) fn hear(&mut self, text: &str) -> Option<Todo> {
        let event: Written = serde_json::from_str(text).ok()?;
        let (channel, bridge) = (event.channel, event.bridge);
        match event.r#type.as_str() {
            "ApplicationReplaced" => Some(Todo::Replaced),
            "StasisStart" => {
                let channel = channel?;
                match self.read(&channel.id, MEDIA) {
                    None => Some(Todo::Join(channel.caller(&event.args))),
                    Some((call, number)) => match self.legs.get(&call).filter(|leg| leg.number == number) {
                        Some(leg) => {
                            leg.stage.send_if_modified(|stage| {
                                std::mem::replace(stage, (*stage).max_connected()) == Stage::Connecting
                            });
                            None
                        }
                        None => Some(Todo::HangUp(channel.id)),
                    },
                }
            }
            "ChannelEnteredBridge" => {
                let (channel, (call, number)) = (channel?.id, self.read(&bridge?.id, BRIDGE)?);
                let agent = self.id(&call, number, MEDIA) == channel;
                let leg = self.legs.get_mut(&call).filter(|leg| leg.number == number)?;
                leg.agent_in |= agent;
                leg.caller_in |= channel == call;
                if leg.agent_in && leg.caller_in {
                    leg.stage.send_replace(Stage::Joined);
                }
                None
            }
            "ChannelLeftBridge" => {
                let (channel, (call, number)) = (channel?.id, self.read(&bridge?.id, BRIDGE)?);
                let agent = self.id(&call, number, MEDIA) == channel;
                if agent || channel == call { self.end(&call, number, agent).map(Todo::End) } else { None }
            }
            "StasisEnd" | "ChannelDestroyed" => {
                let channel = channel?.id;
                if let Some((call, number)) = self.read(&channel, MEDIA) {
                    return self.end(&call, number, true).map(Todo::End);
                }
                let number = self.legs.get(&channel)?.number;
                self.end(&channel, number, false).map(Todo::End)
            }
            _ => None,
        }
    }

    /// Holds what Asterisk has against what is known here, after events may have been missed. Gives what is to be done, and the channels in the application that nobody
    /// has looked after.
    pub(super) fn compare(&mut self, bridges: &[Bridge], channels: &[String]) -> (Vec<Todo>, Vec<String>) {
        let mut todo = Vec::new();
        let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
        for bridge in bridges {
            let Some((call, number)) = self.read(&bridge.id, BRIDGE) else { continue };
            seen.entry(call.clone()).or_default().push(number);
            let agent_in = bridge.channels.contains(&self.id(&call, number, MEDIA));
            let caller_in = bridge.channels.contains(&call);
            match self.legs.get_mut(&call).filter(|leg| leg.number == number) {
                // It is being made.
                Some(leg) if *leg.stage.borrow() != Stage::Joined && !(agent_in && caller_in) => {}
                Some(leg) if agent_in && caller_in => {
                    leg.stage.send_replace(Stage::Joined);
                }
                Some(_) => todo.extend(self.end(&call, number, caller_in).map(Todo::End)),
                // Of an earlier run of this program, whose end of the agent's leg is gone.
                None => todo.push(Todo::End(Ended { call, number, caller_stays: caller_in, joined: true })),
            }
        }
        let gone: Vec<(String, u64)> = self
            .legs
            .iter()
            .filter(|(call, leg)| {
                *leg.stage.borrow() == Stage::Joined && !seen.get(*call).is_some_and(|numbers| numbers.contains(&leg.number))
            })
            .map(|(call, leg)| (call.clone(), leg.number))
            .collect();
        todo.extend(gone.into_iter().filter_map(|(call, number)| self.end(&call, number, false).map(Todo::End)));
        let mut alone = Vec::new();
        for channel in channels {
            match self.read(channel, MEDIA) {
                Some((call, number)) if self.legs.get(&call).is_some_and(|leg| leg.number == number) => {}
                Some((call, number)) if seen.get(&call).is_some_and(|numbers| numbers.contains(&number)) => {}
                Some(_) => todo.push(Todo::HangUp(channel.clone())),
                None if self.legs.contains_key(channel) || seen.contains_key(channel) => {}
                None => alone.push(channel.clone()),
            }
        }
        (todo, alone)
    }

    /// The id of the agent's channel.
    pub(super) fn media(&self, call: &str, number: u64) -> String {
        self.id(call, number, MEDIA)
    }

    /// The id of the bridge.
    pub(super) fn bridge(&self, call: &str, number: u64) -> String {
        self.id(call, number, BRIDGE)
    }

    fn id(&self, call: &str, number: u64, what: &str) -> String {
        format!("{}.{call}.{number}.{what}", self.app)
    }

    /// Call and number of an id that was made here.
    fn read(&self, id: &str, what: &str) -> Option<(String, u64)> {
        let inner = id.strip_prefix(self.app.as_str())?.strip_prefix('.')?.strip_suffix(what)?.strip_suffix('.')?;
        let (call, number) = inner.rsplit_once('.')?;
        Some((call.to_owned(), number.parse().ok()?))
    }
}

const MEDIA: &str = "media";
const BRIDGE: &str = "bridge";

impl Stage {
    /// At least connected.
    fn max_connected(self) -> Stage {
        if self == Stage::Connecting { Stage::Connected } else { self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALL: &str = "1795909125.9";

    fn calls() -> Calls {
        Calls::new("candor", 6)
    }

    fn event(kind: &str, channel: &str, bridge: &str) -> String {
        json!({"type": kind, "channel": {"id": channel, "name": "PJSIP/trunk-1"}, "bridge": {"id": bridge, "channels": []}, "args": []}).to_string()
    }

    /// A caller who has the agent on the line.
    fn joined() -> (Calls, watch::Receiver<Stage>) {
        let mut calls = calls();
        let (number, stage) = calls.begin(CALL).unwrap();
        assert_eq!(number, 7);
        assert_eq!(calls.hear(&event("ChannelEnteredBridge", CALL, "candor.1795909125.9.7.bridge")), None);
        assert_eq!(calls.hear(&event("StasisStart", "candor.1795909125.9.7.media", "")), None);
        assert_eq!(*stage.borrow(), Stage::Connected);
        assert_eq!(
            calls.hear(&event("ChannelEnteredBridge", "candor.1795909125.9.7.media", "candor.1795909125.9.7.bridge")),
            None
        );
        assert_eq!(*stage.borrow(), Stage::Joined);
        (calls, stage)
    }

    fn ended(caller_stays: bool) -> Option<Todo> {
        Some(Todo::End(Ended { call: CALL.into(), number: 7, caller_stays, joined: true }))
    }

    #[test]
    fn a_caller_who_comes_is_to_be_joined_with_what_the_dialplan_says() {
        let text = json!({"type": "StasisStart", "args": ["to=+31201234567", "language=nl"], "channel": {"id": CALL, "name": "PJSIP/trunk-1",
            "caller": {"name": "", "number": "+31612345678"}, "dialplan": {"context": "in", "exten": "stasis", "priority": 1}}});
        let Some(Todo::Join(caller)) = calls().hear(&text.to_string()) else { panic!("nobody came") };
        assert_eq!((caller.from.as_deref(), caller.to.as_deref()), (Some("+31612345678"), Some("+31201234567")));
        assert_eq!((caller.language.as_deref(), caller.channel.as_str()), (Some("nl"), "PJSIP/trunk-1"));
        assert!(!format!("{caller:?}").contains("31612345678"));
    }

    #[test]
    fn the_number_called_is_the_extension_unless_that_is_a_name() {
        let of = |exten: &str, app_data: &str| {
            let channel: Channel =
                serde_json::from_value(json!({"id": CALL, "dialplan": {"exten": exten, "app_data": app_data}})).unwrap();
            channel.caller_of_dialplan()
        };
        assert_eq!(of("0201234567", "candor").to.as_deref(), Some("0201234567"));
        assert_eq!(of("s", "candor").to, None);
        let caller = of("s", "candor,to=+31,language=nl");
        assert_eq!((caller.to.as_deref(), caller.language.as_deref()), (Some("+31"), Some("nl")));
    }

    #[test]
    fn when_the_agent_goes_the_caller_goes_on() {
        for (kind, bridge) in [("ChannelLeftBridge", "candor.1795909125.9.7.bridge"), ("StasisEnd", ""), ("ChannelDestroyed", "")]
        {
            let (mut calls, stage) = joined();
            let gone = event(kind, "candor.1795909125.9.7.media", bridge);
            assert_eq!(calls.hear(&gone), ended(true));
            assert_eq!(calls.hear(&gone), None, "once");
            assert!(stage.has_changed().is_err(), "who waits is told");
        }
    }

    #[test]
    fn when_the_caller_goes_only_the_agents_leg_is_left() {
        for (kind, bridge) in [("ChannelLeftBridge", "candor.1795909125.9.7.bridge"), ("StasisEnd", ""), ("ChannelDestroyed", "")]
        {
            assert_eq!(joined().0.hear(&event(kind, CALL, bridge)), ended(false));
        }
    }

    #[test]
    fn a_caller_who_was_sent_elsewhere_is_not_sent_again() {
        let (mut calls, _) = joined();
        assert_eq!(calls.hand_over(CALL), Some(7));
        assert_eq!(calls.hear(&event("StasisEnd", "candor.1795909125.9.7.media", "")), ended(false));
        assert_eq!(
            calls.not_handed_over(CALL, 7),
            Some(Ended { call: CALL.into(), number: 7, caller_stays: true, joined: true })
        );
        let (mut calls, _) = joined();
        calls.hand_over(CALL);
        assert_eq!(calls.not_handed_over(CALL, 7), None, "the agent is still there");
        assert_eq!(calls.hear(&event("StasisEnd", "candor.1795909125.9.7.media", "")), ended(true));
    }

    #[test]
    fn a_leg_that_comes_too_late_is_hung_up() {
        let mut calls = calls();
        let (number, _) = calls.begin(CALL).unwrap();
        assert!(calls.end(CALL, number, true).is_some());
        assert!(calls.end(CALL, number, true).is_none());
        let late = calls.hear(&event("StasisStart", "candor.1795909125.9.7.media", ""));
        assert_eq!(late, Some(Todo::HangUp("candor.1795909125.9.7.media".into())));
    }

    #[test]
    fn others_and_nonsense_mean_nothing() {
        let (mut calls, _) = joined();
        for text in [
            "",
            "{}",
            "[]",
            "{\"type\":\"StasisStart\"}",
            &event("ChannelDestroyed", "other", ""),
            &event("ChannelLeftBridge", CALL, "other"),
        ] {
            assert_eq!(calls.hear(text), None, "{text}");
        }
        assert_eq!(calls.hear(r#"{"type":"ApplicationReplaced"}"#), Some(Todo::Replaced));
        assert!(calls.begin(CALL).is_none(), "known already");
    }

    fn bridge(id: &str, channels: &[&str]) -> Bridge {
        Bridge { id: id.to_owned(), channels: channels.iter().map(|channel| (*channel).to_owned()).collect() }
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        let (mut calls, _) = joined();
        let (media, id) = ("candor.1795909125.9.7.media", "candor.1795909125.9.7.bridge");
        let all = [CALL.to_owned(), media.to_owned()];
        assert_eq!(calls.compare(&[bridge(id, &[CALL, media])], &all), (vec![], vec![]), "nothing was");
        assert_eq!(calls.compare(&[bridge(id, &[CALL])], &all[..1]).0, [ended(true).unwrap()], "the agent left");
        let (mut calls, _) = joined();
        assert_eq!(calls.compare(&[bridge(id, &[media])], &all[1..]).0, [ended(false).unwrap()], "the caller left");
        let (mut calls, _) = joined();
        assert_eq!(calls.compare(&[], &[]).0, [ended(false).unwrap()], "both left");
    }

    #[test]
    fn who_was_left_by_an_earlier_run_is_looked_after() {
        let mut calls = calls();
        let left = bridge("candor.1.1.3.bridge", &["1.1"]);
        let others = bridge("other.1.1.3.bridge", &["1.1"]);
        let (todo, alone) = calls.compare(&[left, others], &["1.1".into(), "2.2".into(), "candor.3.3.1.media".into()]);
        let ended = Ended { call: "1.1".into(), number: 3, caller_stays: true, joined: true };
        assert_eq!(todo, [Todo::End(ended), Todo::HangUp("candor.3.3.1.media".into())]);
        assert_eq!(alone, ["2.2"]);
    }

    #[test]
    fn who_is_being_connected_is_left_alone() {
        let mut calls = calls();
        calls.begin(CALL).unwrap();
        assert_eq!(calls.compare(&[], &[CALL.to_owned()]), (vec![], vec![]));
        assert_eq!(calls.compare(&[bridge("candor.1795909125.9.7.bridge", &[CALL])], &[CALL.to_owned()]), (vec![], vec![]));
    }
}
