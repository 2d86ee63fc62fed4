use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::dialog::known::Answer;

fn known(status: &str, open: bool, pieces: f64) -> Known {
    let fields = [
        ("status".to_owned(), Value::Text(Zeroizing::new(status.to_owned()))),
        ("open".to_owned(), Value::Flag(open)),
        ("pieces".to_owned(), Value::Number(pieces)),
    ];
    let mut known = Known::default();
    known.slots.insert("order_number", "4711");
    known.sensitive.insert("card", "918273");
    known.results.insert("order".into(), fields.into_iter().collect::<Answer>());
    known
}

fn kind(reads: &Reads) -> Option<Type> {
    match (reads.name.as_str(), reads.field.as_deref()) {
        ("order_number" | "card" | "language", None) | ("order", Some("status")) => Some(Type::Text),
        ("order", Some("open")) => Some(Type::Flag),
        ("order", Some("pieces")) => Some(Type::Number),
        _ => None,
    }
}

fn holds(source: &str) -> bool {
    let condition = Condition::new(source);
    condition.check(&kind).unwrap_or_else(|unfit| panic!("{source}: {unfit:?}"));
    condition.holds(&known("shipped", true, 3.0), "nl", &|_| false).unwrap_or_else(|| panic!("{source} cannot be evaluated"))
}

fn unfit(source: &str) -> Unfit {
    Condition::new(source).check(&kind).expect_err(source)
}

#[test]
fn conditions_hold_or_do_not() {
    for source in [
        "order.status == \"shipped\"",
        "order.status != 'open' && order.open",
        "order.pieces > 1 && order.pieces <= 3",
        "order.pieces == 3",
        "order.pieces == 3.0",
        "order.pieces in [1, 3]",
        "order.status in [\"shipped\", \"open\"]",
        "!(order.pieces < 3)",
        "order.pieces > -1",
        "order_number == \"4711\" || language == \"en\"",
        "card.startsWith(\"91\") && card.endsWith(\"73\") && card.contains(\"82\") && card.size() == 6",
        "size(order.status) > 3",
        "order.open ? language == \"nl\" : language == \"en\"",
        "order.status > \"open\"",
        "order.open == true",
    ] {
        assert!(holds(source), "{source}");
        assert!(!holds(&format!("!({source})")), "{source}");
    }
}

#[test]
fn what_does_not_fit_is_shown_where_it_stands() {
    let at = |source: &str, part: &str| {
        let unfit = unfit(source);
        assert_eq!(&source[unfit.at.clone()], part, "{source}: {unfit:?}");
        unfit
    };
    assert!(at("order.pieces == \"3\"", "order.pieces == \"3\"").problem.contains("a number is compared with a text"));
    assert!(at("order.open && order.status", "order.status").problem.contains("a text, where true or false belongs"));
    assert_eq!(at("order.open && order.state == \"a\"", "order.state").unknown.unwrap().field.as_deref(), Some("state"));
    assert_eq!(at("order_nr == \"1\"", "order_nr").unknown.unwrap().name, "order_nr");
    // Places are bytes of the file, whatever stands before them.
    assert!(at("'é' == order.state", "order.state").unknown.is_some());
    assert!(at("order.pieces", "order.pieces").problem.contains("not a condition"));
    at("order.open > false", "order.open > false");
    at("order.pieces / 2 > 1", "order.pieces / 2");
    at("order.status in []", "[");
    at("order.status == null", "null");
}

#[test]
fn what_could_fail_on_some_value_is_not_a_condition() {
    for source in [
        "order.pieces / 0 > 1",
        "order.pieces % 2 == 0",
        "order.pieces * 2 > 3",
        "order.pieces + 1 > 3",
        "int(order.status) > 1",
        "order.status[0] == \"s\"",
        "has(order.status)",
        "[1, 2].exists(x, x > 1)",
        "order",
        "order == order",
        "order.status.matches(\"a+\")",
        "{\"a\": 1}.a == 1",
        "consent",
        "order.status.size",
        "order.open ? 1 : true",
        "-order.pieces < 0",
    ] {
        unfit(source);
    }
    assert!(holds("true"));
}

#[test]
fn what_cannot_be_read_is_shown_where_it_ends() {
    for (source, problem) in [
        ("order.status == ", "ends too early"),
        ("order.status = \"a\"", "cannot be read from `= \"a\"`"),
        ("", "empty"),
        ("(order.open", "ends too early"),
    ] {
        let unfit = unfit(source);
        assert!(unfit.problem.contains(problem), "{source}: {unfit:?}");
        assert!(unfit.at.start <= source.len(), "{source}: {unfit:?}");
    }
    assert!(unfit(&"(".repeat(400)).at.start <= 400);
    assert!(unfit(&format!("{}order.open", "!".repeat(495))).problem.contains("at most 500"));
}

#[test]
fn nothing_is_known_of_consent() {
    for name in ["consent", "recording", "given", "service_quality"] {
        assert_eq!(unfit(&format!("{name} == \"given\"")).unknown.unwrap().name, name);
    }
}

#[test]
fn what_it_reads_is_named_once() {
    let reads = Condition::new("order.open && order.status == card || order.open && language == \"nl\"").reads().unwrap();
    let names: Vec<String> =
        reads.iter().map(|reads| format!("{}.{}", reads.name, reads.field.as_deref().unwrap_or("-"))).collect();
    assert_eq!(names, ["card.-", "language.-", "order.open", "order.status"]);
}

/// Expressions at random, most of which do not fit.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("order.status".to_owned()),
        Just("order.open".to_owned()),
        Just("order.pieces".to_owned()),
        Just("order_number".to_owned()),
        Just("card".to_owned()),
        Just("language".to_owned()),
        Just("order".to_owned()),
        Just("\"shipped\"".to_owned()),
        Just("'é'".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("2u".to_owned()),
        Just("-3".to_owned()),
        Just("1.5".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        const OPERATORS: [&str; 11] = ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", "+", "/"];
        const METHODS: [&str; 4] = ["startsWith", "endsWith", "contains", "matches"];
        prop_oneof![
            8 => (inner.clone(), prop::sample::select(&OPERATORS[..]), inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            1 => inner.clone().prop_map(|a| format!("!{a}")),
            1 => inner.clone().prop_map(|a| format!("{a}.size()")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            2 => (inner.clone(), prop::sample::select(&METHODS[..]), inner).prop_map(|(a, m, b)| format!("{a}.{m}({b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_condition_that_was_checked_can_be_evaluated(
        source in expression(), status in "\\PC{0,8}", open: bool, pieces in prop::num::f64::NORMAL | prop::num::f64::ZERO,
    ) {
        let condition = Condition::new(source);
        if condition.check(&kind).is_ok() {
            prop_assert!(condition.holds(&known(&status, open, pieces), "nl", &|_| false).is_some(), "{}", condition.source());
        }
    }

    #[test]
    fn nothing_that_is_written_makes_reading_fall_over(source in "\\PC{0,60}") {
        let condition = Condition::new(source);
        if let Err(unfit) = condition.check(&kind) {
            prop_assert!(unfit.at.start <= condition.source().len() && unfit.at.end <= condition.source().len());
        }
    }
}
