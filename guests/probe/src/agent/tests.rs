use super::*;

#[test]
fn two_numbers_are_calculated() {
    assert_eq!(calculate("2*5").as_deref(), Ok("10"));
    assert_eq!(calculate("10 + 34").as_deref(), Ok("44"));
    assert_eq!(calculate("-3 - -4").as_deref(), Ok("1"));
    assert_eq!(calculate("1/4").as_deref(), Ok("0.25"));
}

#[test]
fn what_has_no_value_is_an_error() {
    assert_eq!(calculate("1/0"), Err("division by zero".to_owned()));
    for wrong in ["", "2", "two*5", "2*", "é*2"] {
        assert!(calculate(wrong).is_err(), "{wrong}");
    }
}
