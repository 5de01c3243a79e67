use super::*;
use crate::testing;

struct Sum(i64);

impl Handler for Sum {
    type Payload = i64;
    type Answer = i64;

    fn start() -> Self {
        Self(0)
    }

    fn invoke(&mut self, payload: i64, _: &Context) -> Result<i64> {
        self.0 += payload;
        Ok(self.0)
    }
}

#[test]
fn memory_lasts_from_turn_to_turn_and_past_a_refused_payload() {
    let session = Session::<Sum>::new();
    let turn = |payload: &str| session.turn(payload.into(), &testing::context());

    assert_eq!(turn("40"), Ok(b"40".to_vec()));
    assert!(matches!(
        turn("\"two\""),
        Err(AgentError::InvalidPayload(_))
    ));
    assert_eq!(turn("2"), Ok(b"42".to_vec()));
}

#[test]
fn a_body_carries_the_content_types_of_both_ways() {
    let context = Context {
        content_type: Some("text/csv".to_owned()),
        ..testing::context()
    };
    let upload = |body: Body, _: &Context| {
        assert_eq!(body, Body::new("text/csv", "a,b"));
        Ok(Body::new("text/plain", "thanks"))
    };

    assert_eq!(turn("a,b".into(), &context, upload), Ok(b"thanks".to_vec()));
    assert_eq!(testing::take_sent(), Body::new("text/plain", ""));
}
