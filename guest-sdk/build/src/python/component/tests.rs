use super::literal;

#[test]
fn a_literal_is_python_whatever_it_holds() {
    assert_eq!(literal("A=b c"), "\"A=b c\"");
    assert_eq!(
        literal("a\"\n\\é"),
        "\"a\\U00000022\\U0000000a\\U0000005c\\U000000e9\""
    );
}
