use super::*;
use crate::journal::Body;

fn answered(text: &str) -> journal::Outcome {
    journal::Outcome::Answered {
        content_type: "application/json".to_owned(),
        streamed: false,
        output: Body(text.to_owned().into()),
    }
}

fn excerpts(recorded: &str, replayed: &str) -> [String; 2] {
    match answers_otherwise(&answered(recorded), &answered(replayed)) {
        Difference::AnswersOtherwise { recorded, replayed } => {
            [recorded, replayed].map(|end| end.excerpt)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn short_answers_are_shown_whole() {
    assert_eq!(excerpts("green", "blue"), ["green", "blue"]);
    assert_eq!(excerpts("", "blue"), ["", "blue"]);
    assert_eq!(excerpts("same", "same and more"), ["same", "same and more"]);
}

#[test]
fn of_long_answers_the_place_is_shown_where_they_differ() {
    let common = "x".repeat(10_000);
    let [recorded, replayed] =
        excerpts(&format!("{common}green{common}"), &format!("{common}blue"));
    let before = "x".repeat(BEFORE);
    let behind = "x".repeat(EXCERPT - BEFORE - 5);
    assert_eq!(recorded, format!("…{before}green{behind}…"));
    assert_eq!(replayed, format!("…{before}blue"));
}

#[test]
fn characters_stay_whole() {
    for shift in 0..4 {
        let common = format!("{}{}", "x".repeat(shift), "€".repeat(1_000));
        let [recorded, replayed] =
            excerpts(&format!("{common}a{common}"), &format!("{common}é{common}"));
        for shown in [recorded, replayed] {
            assert!(!shown.contains(char::REPLACEMENT_CHARACTER), "{shown}");
        }
    }
}

#[test]
fn what_is_no_text_is_shown_all_the_same() {
    let bytes = |bytes: &'static [u8]| journal::Outcome::Answered {
        content_type: "image/png".to_owned(),
        streamed: true,
        output: Body(bytes.into()),
    };
    let difference = answers_otherwise(&bytes(&[0x80; 200]), &bytes(&[0xff, 0x80]));
    let Difference::AnswersOtherwise { recorded, .. } = difference else {
        panic!("{difference:?}")
    };
    assert!(recorded.excerpt.ends_with("\u{fffd}…"), "{recorded:?}");
    assert_eq!(recorded.content_type.as_deref(), Some("image/png"));
}
