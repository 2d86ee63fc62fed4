//! What the steps know and need: slots and results, who sets them, who reads them.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use crate::dialog::condition::{LANGUAGE, Reads};
use crate::dialog::file::{DialogFile, Fetch, Part, Step, read_reference};
use crate::dialog::known::Kind;
use crate::dialog::spoken::Form;

/// Something that can be known in a call.
pub(super) enum Thing<'a> {
    /// A slot: what kind of value the first step takes that collects it.
    Slot { sensitive: bool, form: Option<Form>, written: &'a Spanned<String>, part: Option<&'a Part> },
    /// A result, with what the first lookup that gives it takes.
    Result { fetch: &'a Fetch, part: Option<&'a Part> },
}

/// Everything that can be known, by name.
pub(super) struct Things<'a>(pub(super) BTreeMap<&'a str, Thing<'a>>);

impl<'a> Things<'a> {
    pub(super) fn of(dialog: &'a DialogFile) -> Things<'a> {
        let mut things = BTreeMap::new();
        for (state, step) in dialog.every_step() {
            let part = state.part;
            match &step.value {
                Step::Collect(collect) => {
                    let written = &collect.slot;
                    let slot = Thing::Slot { sensitive: collect.sensitive, form: collect.form(), written, part };
                    let known = things.entry(written.value.as_str()).or_insert(slot);
                    if let Thing::Slot { sensitive, .. } = known {
                        *sensitive |= collect.sensitive;
                    }
                }
                Step::Fetch(fetch) => {
                    things.entry(fetch.into.value.as_str()).or_insert(Thing::Result { fetch, part });
                }
                _ => {}
            }
        }
        Things(things)
    }

    /// What a variable of a condition is.
    pub(super) fn kind(&self, reads: &Reads) -> Option<Kind> {
        match (self.0.get(reads.name.as_str()), &reads.field) {
            (None, None) if reads.name == LANGUAGE => Some(Kind::Text),
            (Some(Thing::Slot { form, .. }), None) if form.is_some_and(Form::is_number) => Some(Kind::Number),
            (Some(Thing::Slot { .. }), None) => Some(Kind::Text),
            (Some(Thing::Result { fetch, .. }), Some(field)) => Kind::read(&fetch.takes.get(field)?.value),
            _ => None,
        }
    }

    /// The names that can be written where something known is asked for: slots, and results with their fields.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.iter().flat_map(|(name, thing)| match thing {
            Thing::Slot { .. } => vec![(*name).to_owned()],
            Thing::Result { fetch, .. } => fetch.takes.iter().map(|(field, _)| format!("{name}.{}", field.value)).collect(),
        });
        names.collect()
    }

    pub(super) fn is_sensitive(&self, slot: &str) -> bool {
        matches!(self.0.get(slot), Some(Thing::Slot { sensitive: true, .. }))
    }
}

/// The slots and results that a step needs to be known, each with where it is written and as it is written there.
pub(super) fn needs(step: &Step) -> Vec<Need<'_>> {
    match step {
        Step::Fetch(fetch) => {
            let sent = fetch.send.iter().map(|written| Need {
                name: read_reference(&written.value).0.to_owned(),
                at: written.referenced,
                what: "sends",
            });
            sent.collect()
        }
        Step::Choose(choose) => {
            let conditions = choose.0.iter().filter_map(|branch| branch.value.when.as_ref());
            let needs = conditions.flat_map(|when| {
                let reads = when.value.reads().unwrap_or_default();
                reads.into_iter().map(move |reads| Need { name: reads.name, at: when.referenced, what: "looks at" })
            });
            needs.filter(|need| need.name != LANGUAGE).collect()
        }
        _ => Vec::new(),
    }
}

/// Something that must be known for a step.
pub(super) struct Need<'a> {
    pub(super) name: String,
    pub(super) at: serde_saphyr::Location,
    pub(super) what: &'a str,
}
