//! The picture in words, for those who hear it read: the same cards, rows and ways, one a line.

use super::plan::{Kind, Manner, Plan, Words};

/// Every card with its steps and where its ways lead.
pub(super) fn in_words(plan: &Plan, head: &[String]) -> String {
    let mut lines = head.to_vec();
    for (at, card) in plan.cards.iter().enumerate() {
        match card.kind {
            Kind::Person | Kind::End | Kind::Back => continue,
            Kind::Opening => lines.push(format!("Opening, {}:", card.name)),
            Kind::State { first: true } => lines.push(format!("State {} (the dialog begins here):", card.name)),
            Kind::State { first: false } => lines.push(format!("State {}:", card.name)),
            Kind::Missing => lines.push(format!("{}: named, but not there.", card.name)),
        }
        for row in &card.rows {
            let marks: Vec<String> = row.marks.iter().map(|mark| format!(" ({})", mark.in_words())).collect();
            lines.push(format!("- {}: {}{}", row.does, row.text, marks.concat()));
        }
        for exit in &card.exits {
            lines.push(format!("- {} → {}", way(exit.manner, &exit.words), exit.to.in_words()));
        }
        for tie in plan.ties.iter().filter(|tie| tie.from == at) {
            let to = plan.cards.get(tie.to).map_or("", |card| card.name.as_str());
            lines.push(format!("- {} → {to}", way(tie.manner, &tie.words)));
        }
    }
    lines.join("\n")
}

fn way(manner: Manner, words: &[Words]) -> String {
    if words.is_empty() {
        return match manner {
            Manner::Given => "goes on, consent given".into(),
            Manner::NotGiven => "goes on, consent not given".into(),
            _ => "goes on".into(),
        };
    }
    let each = |words: &Words| match &words.key {
        Some(key) => format!("key {key}, {}", words.text),
        None => words.text.clone(),
    };
    words.iter().map(each).collect::<Vec<_>>().join("; ")
}
