use super::{Prompt, parse};

#[test]
fn the_tutorials_frame_is_taken_off() {
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let text =
        format!("My name is Maira. Here is my request: How much is 2X5?. This is session {id}.");
    assert_eq!(
        parse(&text),
        Prompt {
            name: Some("Maira"),
            request: "How much is 2X5?",
            session: Some(id)
        }
    );
}

#[test]
fn without_a_frame_the_whole_text_is_the_request() {
    assert_eq!(
        parse(" How much is 3 + 4? "),
        Prompt {
            name: None,
            request: "How much is 3 + 4?",
            session: None
        }
    );
    assert_eq!(
        parse(""),
        Prompt {
            name: None,
            request: "",
            session: None
        }
    );
}

#[test]
fn a_request_that_speaks_of_the_frame_does_not_break_it() {
    let text = "My name is Mani. Here is my request: Say: This is session nine of the year. This is session s-2";
    assert_eq!(
        parse(text),
        Prompt {
            name: Some("Mani"),
            request: "Say: This is session nine of the year",
            session: Some("s-2")
        }
    );
}

#[test]
fn a_frame_with_holes_gives_what_it_has() {
    assert_eq!(parse("My name is . Here is my request: x.").name, None);
    assert_eq!(
        parse("Here is my request: x. This is session .").session,
        None
    );
    assert_eq!(
        parse("My name is Anna Maria Lopez, hello").name,
        Some("Anna Maria Lopez")
    );
    assert_eq!(
        parse("My name is something that I would rather not tell").name,
        None
    );
}
