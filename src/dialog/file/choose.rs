//! Branches on what is known: conditions, the first of which that holds decides.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::dialog::condition::Condition;

/// The branches of a `choose`, in order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Choose(#[schemars(with = "Vec<Branch>")] pub Vec<Spanned<Branch>>);

/// One branch: `when` with `go`, or `otherwise` alone.
// The check requires one of the two: it can say more than a parser.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Branch {
    /// A condition in the Common Expression Language over slots, results and `language`: `order.status == "shipped"`.
    #[schemars(with = "Option<String>")]
    pub when: Option<Spanned<Condition>>,
    /// The state to go to when it holds.
    #[schemars(with = "Option<String>")]
    pub go: Option<Spanned<String>>,
    /// The state to go to when nothing before it holds.
    #[schemars(with = "Option<String>")]
    pub otherwise: Option<Spanned<String>>,
}
