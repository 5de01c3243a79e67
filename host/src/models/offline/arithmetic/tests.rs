use super::{Calculation, find};

fn whole(sentence: &str) -> String {
    match find(sentence) {
        Some(Calculation::Whole(expression)) => expression,
        other => panic!("{sentence}: {other:?}"),
    }
}

fn continued(sentence: &str) -> (char, String) {
    match find(sentence) {
        Some(Calculation::Continued { operator, operand }) => (operator, operand),
        other => panic!("{sentence}: {other:?}"),
    }
}

#[test]
fn signs_and_words_are_operators() {
    for (sentence, expression) in [
        ("How much is 2X5?", "2*5"),
        ("How much is 2x5?", "2*5"),
        ("how much is 3 + 4", "3 + 4"),
        ("What is 12 times 12?", "12 * 12"),
        ("2 plus 3 minus 1", "2 + 3 - 1"),
        ("Please tell me 10 divided by 4.", "10 / 4"),
        ("7 multiplied by 6!", "7 * 6"),
        ("6 x 7", "6 * 7"),
        ("8×2", "8*2"),
        ("9÷3", "9/3"),
        ("2^10", "2^10"),
        ("1.5*2.25.", "1.5*2.25"),
        ("(2 + 3)*4", "(2 + 3)*4"),
        ("2x(3+4)", "2*(3+4)"),
        ("-5 + 3", "-5 + 3"),
        ("3 * -2", "3 * -2"),
        ("is it 5 - 3 or what?", "5 - 3"),
    ] {
        assert_eq!(whole(sentence), expression, "{sentence}");
    }
}

#[test]
fn a_sentence_may_go_on_from_the_last_result() {
    for (sentence, operator, operand) in [
        ("and that plus 34?", '+', "34"),
        ("And plus 10?", '+', "10"),
        ("minus 3", '-', "3"),
        ("that times 2.5", '*', "2.5"),
        ("it divided by (1 + 1)", '/', "(1 + 1)"),
    ] {
        assert_eq!(
            continued(sentence),
            (operator, operand.to_owned()),
            "{sentence}"
        );
    }
}

#[test]
fn what_is_no_calculation_is_left_alone() {
    let long = format!("1{}", "+1".repeat(200));
    for sentence in [
        "",
        "How is the weather?",
        "What time is it?",
        "I have 3 cats",
        "plus",
        "5 +",
        "2 + + 3",
        "(2 + 3",
        "2 + 3)",
        "()",
        "34 plus that",
        "x",
        "the well-known 3",
        &long,
    ] {
        assert_eq!(find(sentence), None, "{sentence}");
    }
}

#[test]
fn text_of_any_alphabet_is_read() {
    assert_eq!(find("Ä ß 東京 🦀 İ"), None);
    assert_eq!(whole("計算 2*3 お願いします"), "2*3");
    assert_eq!(whole("2 − 3"), "2 - 3");
}
