//! Which texts are a moment.

use super::super::stamp::Stamp;

#[test]
fn a_moment_is_read_in_both_forms() {
    let moment = Stamp::basic("20150830T123600Z").unwrap();
    assert_eq!(
        (moment.seconds(), moment.day()),
        (1_440_938_160, "20150830")
    );
    for text in [
        "Sun, 30 Aug 2015 12:36:00 GMT",
        "Sun, 30 Aug 2015 12:36:00 -0000",
        "Sun, 30 Aug 2015 12:36:00 +0000",
    ] {
        assert_eq!(Stamp::http(text).as_ref(), Some(&moment), "{text}");
    }
    let first = Stamp::http("Thu, 1 Jan 1970 00:00:00 GMT").unwrap();
    assert_eq!((first.seconds(), first.text()), (0, "19700101T000000Z"));
}

#[test]
fn other_texts_are_not_a_moment() {
    for text in [
        "",
        "Z",
        "TZ",
        "20150830T123600",
        "20150830T123600z",
        "2015-08-30T12:36:00Z",
        "20150830T1236000Z",
        "20151330T123600Z",
        "20150230T123600Z",
        "20150830T243600Z",
        "20150830T126000Z",
        "20150830T123660Z",
        "00000101T000000Z",
        "19691231T235959Z",
        "2015083éT123600Z",
        "+0150830T123600Z",
        " 20150830T123600Z",
    ] {
        assert_eq!(Stamp::basic(text), None, "{text}");
    }
    for text in [
        "",
        ",",
        "Sun 30 Aug 2015 12:36:00 GMT",
        "Sun, 30 Aug 2015 12:36:00",
        "Sun, 30 Aug 2015 12:36:00 CET",
        "Sun, 30 aug 2015 12:36:00 GMT",
        "Sun, 31 Feb 2015 12:36:00 GMT",
        "Sun, 30 Aug 15 12:36:00 GMT",
        "Sun, 30 Aug 2015 12:36 GMT",
        "Sun, 30 Aug 2015 12:36:00 GMT x",
        "Sun, 030 Aug 2015 12:36:00 GMT",
    ] {
        assert_eq!(Stamp::http(text), None, "{text}");
    }
}
