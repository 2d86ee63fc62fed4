//! Types of conditions: a proof that evaluating one cannot fail, whatever the values are.

use std::ops::Range;

use cel::Program;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use super::Reads;
use crate::dialog::known::Kind;

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A number.
    Number,
}

impl Type {
    fn a(self) -> &'static str {
        match self {
            Type::Text => "a text",
            Type::Flag => "true or false",
            Type::Number => "a number",
        }
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Type {
        match kind {
            Kind::Text => Type::Text,
            Kind::Flag => Type::Flag,
            Kind::Number => Type::Number,
        }
    }
}

/// Something in a condition that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Where in it, in bytes.
    pub at: Range<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub help: String,
    /// The variable that does not exist, where it is one.
    pub unknown: Option<Reads>,
}

const WHAT_THERE_IS: &str = "a condition has `==`, `!=`, `<`, `<=`, `>`, `>=`, `in [\"a\", \"b\"]`, `&&`, `||`, `!`, `c ? a : b`, and for texts \
                             `.startsWith(\"…\")`, `.endsWith(\"…\")`, `.contains(\"…\")` and `.size()`";

/// Whether the program is true or false on every value.
pub(super) fn check(program: &Program, source: &str, kind: &dyn Fn(&Reads) -> Option<Type>) -> Result<(), Unfit> {
    let typing = Typing { info: program.source_info(), source, kind };
    let whole = program.expression();
    match typing.of(whole)? {
        Type::Flag => Ok(()),
        other => Err(Unfit {
            at: 0..source.len(),
            problem: format!("this is {}, not a condition", other.a()),
            help: "compare it with something: `order.status == \"shipped\"`".into(),
            unknown: None,
        }),
    }
}

/// What the program reads, each once.
pub(super) fn reads(program: &Program) -> Vec<Reads> {
    let mut found = Vec::new();
    collect(program.expression(), &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(expression: &IdedExpr, found: &mut Vec<Reads>) {
    if let Some(reads) = variable(expression) {
        return found.push(reads);
    }
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).for_each(|part| collect(part, found)),
        Expr::Select(select) => collect(&select.operand, found),
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, found)),
        _ => {}
    }
}

/// The variable that an expression names.
fn variable(expression: &IdedExpr) -> Option<Reads> {
    match &expression.expr {
        Expr::Ident(name) => Some(Reads { name: name.clone(), field: None }),
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(name) => Some(Reads { name: name.clone(), field: Some(select.field.clone()) }),
            _ => None,
        },
        _ => None,
    }
}

struct Typing<'a> {
    info: &'a SourceInfo,
    source: &'a str,
    kind: &'a dyn Fn(&Reads) -> Option<Type>,
}

impl Typing<'_> {
    fn of(&self, expression: &IdedExpr) -> Result<Type, Unfit> {
        if let Some(reads) = variable(expression) {
            return (self.kind)(&reads).ok_or_else(|| {
                let name = match &reads.field {
                    Some(field) => format!("{}.{field}", reads.name),
                    None => reads.name.clone(),
                };
                let mut unfit = self.unfit(expression, format!("there is no `{name}`"), String::new());
                unfit.unknown = Some(reads);
                unfit
            });
        }
        match &expression.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Ok(Type::Flag),
            Expr::Literal(LiteralValue::String(_)) => Ok(Type::Text),
            Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_)) => Ok(Type::Number),
            Expr::Call(call) => self.of_call(expression, call),
            Expr::Select(select) if select.test => {
                Err(self.unfit(expression, "a result always has all its fields".into(), "compare the field instead".into()))
            }
            _ => Err(self.unfit(expression, "this means nothing in a condition".into(), WHAT_THERE_IS.into())),
        }
    }

    fn of_call(&self, whole: &IdedExpr, call: &CallExpr) -> Result<Type, Unfit> {
        let parts: Vec<&IdedExpr> = call.target.iter().map(|target| &**target).chain(&call.args).collect();
        match (call.func_name.as_str(), parts.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                self.expect(left, Type::Flag)?;
                self.expect(right, Type::Flag)
            }
            (operators::LOGICAL_NOT, [inner]) => self.expect(inner, Type::Flag),
            (operators::NEGATE, [inner]) if matches!(inner.expr, Expr::Literal(_)) => self.expect(inner, Type::Number),
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                self.alike(whole, left, right)?;
                Ok(Type::Flag)
            }
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [left, right]) => {
                match self.alike(whole, left, right)? {
                    Type::Flag => {
                        let problem = "true and false are not more or less than each other".into();
                        Err(self.unfit(whole, problem, "write `flag` or `!flag`".into()))
                    }
                    _ => Ok(Type::Flag),
                }
            }
            (operators::IN, [element, list]) => self.within(element, list),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.expect(condition, Type::Flag)?;
                self.alike(whole, yes, no)
            }
            ("startsWith" | "endsWith" | "contains", [text, part]) if call.target.is_some() => {
                self.expect(text, Type::Text)?;
                self.expect(part, Type::Text)?;
                Ok(Type::Flag)
            }
            ("size", [text]) => {
                self.expect(text, Type::Text)?;
                Ok(Type::Number)
            }
            // What an author of `service-quality == …` has written, whether meant so or not.
            (operators::SUBSTRACT, _) => {
                let help = "names have `_` and no `-`, and nothing is calculated here; consent is not known to conditions: `- on-consent: …` branches on it";
                Err(self.unfit(whole, "`-` means nothing in a condition".into(), help.into()))
            }
            _ => Err(self.unfit(whole, "this means nothing in a condition".into(), WHAT_THERE_IS.into())),
        }
    }

    fn within(&self, element: &IdedExpr, list: &IdedExpr) -> Result<Type, Unfit> {
        let Expr::List(elements) = &list.expr else {
            return Err(self.unfit(list, "`in` needs a list".into(), "write `in [\"one\", \"another\"]`".into()));
        };
        if elements.elements.is_empty() || !elements.optional_indices.is_empty() {
            return Err(self.unfit(list, "nothing is in this list".into(), "write `in [\"one\", \"another\"]`".into()));
        }
        for other in &elements.elements {
            self.alike(other, element, other)?;
        }
        Ok(Type::Flag)
    }

    fn expect(&self, expression: &IdedExpr, wanted: Type) -> Result<Type, Unfit> {
        let found = self.of(expression)?;
        if found == wanted {
            return Ok(found);
        }
        let help = match wanted {
            Type::Flag => "compare it with something, such as `order.status == \"shipped\"`",
            Type::Text => "texts stand in quotes: `\"shipped\"`",
            Type::Number => "numbers stand without quotes: `3`",
        };
        Err(self.unfit(expression, format!("this is {}, where {} belongs", found.a(), wanted.a()), help.into()))
    }

    fn alike(&self, whole: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Result<Type, Unfit> {
        let (one, other) = (self.of(left)?, self.of(right)?);
        if one == other {
            return Ok(one);
        }
        let problem = format!("{} is compared with {}", one.a(), other.a());
        let help = "texts stand in quotes, numbers and `true` and `false` without; what a lookup takes says what a field is; a slot is a text, or a number with `number` and `amount`";
        Err(self.unfit(whole, problem, help.into()))
    }

    fn unfit(&self, at: &IdedExpr, problem: String, help: String) -> Unfit {
        Unfit { at: self.range(at), problem, help, unknown: None }
    }

    /// Where an expression stands. The parser counts in bytes, and names the operator of a call or of a selection: it begins where the first of its
    /// parts does.
    fn range(&self, expression: &IdedExpr) -> Range<usize> {
        let (begin, end) = self.extent(expression);
        let whole = |at: u32| {
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(self.source.len());
            (at..=self.source.len()).find(|at| self.source.is_char_boundary(*at)).unwrap_or(self.source.len())
        };
        whole(begin)..whole(end.saturating_add(1))
    }

    fn extent(&self, expression: &IdedExpr) -> (u32, u32) {
        let own = self.info.offset_for(expression.id).unwrap_or((0, 0));
        let parts: Vec<&IdedExpr> = match &expression.expr {
            Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
            Expr::Select(select) => vec![&*select.operand],
            Expr::List(list) => list.elements.iter().collect(),
            _ => Vec::new(),
        };
        let field = if let Expr::Select(select) = &expression.expr {
            u32::try_from(select.field.chars().count()).unwrap_or(0)
        } else {
            0
        };
        let own = (own.0, own.1.saturating_add(field));
        parts.into_iter().map(|part| self.extent(part)).fold(own, |all, part| (all.0.min(part.0), all.1.max(part.1)))
    }
}
