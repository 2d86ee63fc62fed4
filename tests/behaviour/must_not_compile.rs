//! What must not happen does not compile: each program in `tests/must_not_compile` is refused, for the reason beside it.

#[test]
fn nobody_else_can_make_a_turn_that_may_be_kept() {
    trybuild::TestCases::new().compile_fail("tests/must_not_compile/*.rs");
}
