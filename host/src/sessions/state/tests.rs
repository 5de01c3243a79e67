use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_000_000);

fn seconds(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// Idle after 60 s, dead after 300 s, turns of at most 100 s.
fn session() -> State {
    let lifecycle = Lifecycle {
        idle_timeout: Duration::from_secs(60),
        max_lifetime: Duration::from_secs(300),
    };
    State::new(lifecycle, Duration::from_secs(100), false, START)
}

#[test]
fn turns_are_numbered_from_one() {
    let mut session = session();
    for turn in 1..=3 {
        assert_eq!(
            session.apply(Event::TurnTaken, START),
            [Effect::Run { turn }]
        );
        assert_eq!(session.apply(Event::TurnDone, START), []);
    }
}

#[test]
fn a_session_ends_when_nobody_came_for_its_idle_time() {
    let mut session = session();
    assert_eq!(session.wake_at(), Some(seconds(60)));
    assert_eq!(session.apply(Event::TimePassed, seconds(59)), []);
    assert_eq!(
        session.apply(Event::TimePassed, seconds(60)),
        [Effect::Retire(EndReason::Idle)]
    );
    assert_eq!(session.wake_at(), None);
}

#[test]
fn a_turn_starts_the_idle_time_again_but_not_the_lifetime() {
    let mut session = session();
    for start in [50, 100, 150, 200, 250] {
        session.apply(Event::TurnTaken, seconds(start));
        assert_eq!(session.apply(Event::TimePassed, seconds(start + 1)), []);
        session.apply(Event::TurnDone, seconds(start + 1));
        assert_eq!(session.wake_at(), Some(seconds(u64::min(start + 61, 300))));
    }
    assert_eq!(
        session.apply(Event::TimePassed, seconds(300)),
        [Effect::Retire(EndReason::Lifetime)]
    );
}

#[test]
fn a_running_session_is_not_idle() {
    let mut session = session();
    session.apply(Event::TurnTaken, seconds(10));
    assert_eq!(session.apply(Event::TimePassed, seconds(80)), []);
}

#[test]
fn a_turn_that_takes_too_long_is_given_up_and_its_session_with_it() {
    let mut session = session();
    session.apply(Event::TurnTaken, seconds(10));
    assert_eq!(session.wake_at(), Some(seconds(110)));
    assert_eq!(
        session.apply(Event::TimePassed, seconds(110)),
        [
            Effect::Abandon(Abandoned::TimedOut),
            Effect::Retire(EndReason::Broken)
        ]
    );
}

#[test]
fn the_lifetime_ends_also_a_running_turn() {
    let mut session = session();
    session.apply(Event::TurnTaken, seconds(250));
    assert_eq!(
        session.apply(Event::TimePassed, seconds(300)),
        [
            Effect::Abandon(Abandoned::Ended(EndReason::Lifetime)),
            Effect::Retire(EndReason::Lifetime)
        ]
    );
}

#[test]
fn a_stop_ends_a_running_turn_at_once() {
    let mut session = session();
    session.apply(Event::TurnTaken, START);
    assert_eq!(
        session.apply(Event::EndAsked(EndReason::Stopped), START),
        [
            Effect::Abandon(Abandoned::Ended(EndReason::Stopped)),
            Effect::Retire(EndReason::Stopped)
        ]
    );
}

#[test]
fn a_fault_ends_the_session() {
    let mut session = session();
    session.apply(Event::TurnTaken, START);
    assert_eq!(
        session.apply(Event::TurnBroke, START),
        [Effect::Retire(EndReason::Broken)]
    );
}

#[test]
fn an_ended_session_does_nothing_more() {
    let mut session = session();
    session.apply(Event::EndAsked(EndReason::Stopped), START);
    let events = [
        Event::TurnTaken,
        Event::TurnDone,
        Event::TurnBroke,
        Event::EndAsked(EndReason::Deleted),
        Event::TimePassed,
    ];
    for event in events {
        assert_eq!(session.apply(event, seconds(1_000)), [], "{event:?}");
    }
    assert_eq!(
        session.phase(),
        Phase::Ended {
            reason: EndReason::Stopped,
            at: START
        }
    );
}
