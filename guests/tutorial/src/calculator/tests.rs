use super::*;

fn value(expression: &str) -> String {
    display(evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}")))
}

fn error(expression: &str) -> String {
    match evaluate(expression) {
        Err(error) => error.to_string(),
        Ok(value) => panic!("{expression} is {value}"),
    }
}

#[test]
fn operators_bind_as_in_school() {
    assert_eq!(value("2*5"), "10");
    assert_eq!(value("2 + 3 * 4"), "14");
    assert_eq!(value("(2 + 3) * 4"), "20");
    assert_eq!(value("10 - 4 - 3"), "3");
    assert_eq!(value("100 / 10 / 2"), "5");
    assert_eq!(value("2^3^2"), "512");
    assert_eq!(value("2 * 3^2"), "18");
}

#[test]
fn signs_go_anywhere_and_bind_less_than_powers() {
    assert_eq!(value("-2^2"), "-4");
    assert_eq!(value("(-2)^2"), "4");
    assert_eq!(value("2^-1"), "0.5");
    assert_eq!(value("3 - -4"), "7");
    assert_eq!(value("2 * -3"), "-6");
    assert_eq!(value("+5"), "5");
}

#[test]
fn whole_numbers_have_no_point_and_fractions_no_noise() {
    assert_eq!(value("4 / 2"), "2");
    assert_eq!(value("0 * -1"), "0");
    assert_eq!(value("2^53 - 1"), "9007199254740991");
    assert_eq!(value("2^53 + 1"), "9.00719925474099e15");
    assert_eq!(value("0.1 + 0.2"), "0.3");
    assert_eq!(value("1 / 3"), "0.333333333333333");
    assert_eq!(value(".5 + 1."), "1.5");
    assert_eq!(value("10^20"), "1e20");
    assert_eq!(value("1 / 10^9"), "1e-9");
}

#[test]
fn what_has_no_value_is_an_error() {
    assert_eq!(error("1 / 0"), "division by zero");
    assert_eq!(error("1 / (2 - 2)"), "division by zero");
    assert_eq!(error("0 ^ -1"), "division by zero");
    assert_eq!(
        error("10 ^ 400"),
        "the result is too large or not a real number"
    );
    assert_eq!(
        error("10^200 * 10^200"),
        "the result is too large or not a real number"
    );
    assert_eq!(
        error("1 / (10^200 * 10^200)"),
        "the result is too large or not a real number"
    );
    assert_eq!(
        error("(-8) ^ 0.5"),
        "the result is too large or not a real number"
    );
}

#[test]
fn a_slip_of_the_pen_is_told_with_its_place() {
    assert_eq!(error(""), "the expression ends too soon");
    assert_eq!(error("2 +"), "the expression ends too soon");
    assert_eq!(error("(2 + 3"), "the expression ends too soon");
    assert_eq!(error("2X5"), "unexpected `X` at position 2");
    assert_eq!(error("2 3"), "unexpected `3` at position 3");
    assert_eq!(error("(1 + 2))"), "unexpected `)` at position 8");
    assert_eq!(error("é"), "unexpected `é` at position 1");
    assert_eq!(error("1 + 1.2.3"), "`1.2.3` at position 5 is not a number");
    assert_eq!(error("."), "`.` at position 1 is not a number");
}

#[test]
fn depth_is_bounded_and_length_is_not() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));

    assert_eq!(value(&nested(MAX_DEPTH - 1)), "1");
    assert_eq!(evaluate(&nested(MAX_DEPTH)), Err(Error::TooDeep));
    assert_eq!(evaluate(&"-".repeat(1_000_000)), Err(Error::TooDeep));
    assert_eq!(evaluate(&"2^".repeat(1_000_000)), Err(Error::TooDeep));
    assert_eq!(value(&format!("0{}", " + (1)".repeat(1_000))), "1000");
}
