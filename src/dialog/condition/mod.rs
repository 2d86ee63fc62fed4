//! Conditions of a `choose`, in the Common Expression Language, over what is known of a call: slots are texts or numbers, fields of results are what the lookup
//! takes, and `language` is the one that is spoken. Consent is not among them.
//!
//! A part of the language is enough, and [`types`] proves for that part that evaluating can fail on no value: what is compared is of one kind, and what
//! could go wrong on some value (division, conversion, an index) is not in it.

mod types;

use std::sync::{Arc, OnceLock};

use cel::common::types::{CelBool, CelDouble, CelString};
use cel::{Context, Env, Program};
use serde::{Deserialize, Deserializer};

use super::known::{Known, Value};

pub use types::{Type, Unfit};

/// A condition that is longer is not read (characters).
const LONGEST: usize = 500;

/// The name of the variable that holds the language.
pub const LANGUAGE: &str = "language";

/// A condition as it was written; compiled when it is first asked for, which is when it is checked.
pub struct Condition {
    source: String,
    compiled: OnceLock<Result<Program, Unreadable>>,
}

/// A condition that is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where in it, in bytes.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// What a condition reads: a slot or `language` without a field, or a field of a result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reads {
    /// The slot, the result, or `language`.
    pub name: String,
    /// The field of a result.
    pub field: Option<String>,
}

impl Condition {
    /// A condition as it is written.
    pub fn new(source: impl Into<String>) -> Condition {
        Condition { source: source.into(), compiled: OnceLock::new() }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    fn program(&self) -> Result<&Program, &Unreadable> {
        self.compiled.get_or_init(|| compile(&self.source)).as_ref()
    }

    /// What it reads.
    pub fn reads(&self) -> Result<Vec<Reads>, Unreadable> {
        Ok(types::reads(self.program().map_err(Clone::clone)?))
    }

    /// Whether it can be evaluated on every value, where `kind` gives what a variable is. The error says what does not fit, and where.
    pub fn check(&self, kind: &dyn Fn(&Reads) -> Option<Type>) -> Result<(), Unfit> {
        let program = self.program().map_err(|unreadable| Unfit {
            at: unreadable.at..unreadable.at,
            problem: unreadable.problem.clone(),
            help: "a condition compares what is known: `order.status == \"shipped\"`, `order.pieces > 1 && !order.open`".into(),
            unknown: None,
        })?;
        types::check(program, &self.source, kind)
    }

    /// Whether it holds, where `is_number` says which slots hold numbers; `None` when it cannot be evaluated, which a condition that was checked
    /// cannot be.
    pub fn holds(&self, known: &Known, language: &str, is_number: &dyn Fn(&str) -> bool) -> Option<bool> {
        let program = self.program().ok()?;
        let mut context = Context::with_env(standard());
        // Borrowed: evaluating leaves no copy of what a caller gave behind.
        context.add_variable_as_val(LANGUAGE, Box::new(CelString::from(language)));
        for (slot, value) in known.slots.iter().chain(known.sensitive.iter()) {
            match value.parse::<f64>().ok().filter(|_| is_number(slot)) {
                Some(number) => context.add_variable_as_val(slot, Box::new(CelDouble::from(number))),
                None => context.add_variable_as_val(slot, Box::new(CelString::from(value))),
            }
        }
        for (result, answer) in &known.results {
            for (field, value) in answer.iter() {
                let name = format!("{result}.{field}");
                match value {
                    Value::Text(text) => context.add_variable_as_val(name, Box::new(CelString::from(text.as_str()))),
                    Value::Flag(flag) => context.add_variable_as_val(name, Box::new(CelBool::from(*flag))),
                    Value::Number(number) => context.add_variable_as_val(name, Box::new(CelDouble::from(*number))),
                }
            }
        }
        match program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }
}

fn standard() -> Arc<Env> {
    static ENV: OnceLock<Arc<Env>> = OnceLock::new();
    ENV.get_or_init(|| Arc::new(Env::stdlib())).clone()
}

fn compile(source: &str) -> Result<Program, Unreadable> {
    if source.chars().count() > LONGEST {
        return Err(Unreadable { at: 0, problem: format!("a condition has at most {LONGEST} characters") });
    }
    if source.trim().is_empty() {
        return Err(Unreadable { at: 0, problem: "the condition is empty".into() });
    }
    Program::compile(source).map_err(|errors| {
        let first = errors.errors.first();
        let (line, column) = first.map_or((1, 1), |error| error.pos);
        let before = source.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum::<usize>();
        let rest = source.get(before..).unwrap_or_default();
        let column = usize::try_from(column - 1).unwrap_or(0);
        let at = before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
        let shown = source.get(at..).map(str::trim).unwrap_or_default();
        let problem = match shown {
            "" => "the condition ends too early".to_owned(),
            rest => format!("this cannot be read from `{}` on", rest.chars().take(20).collect::<String>()),
        };
        Unreadable { at, problem }
    })
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
        String::deserialize(deserializer).map(Condition::new)
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests;
