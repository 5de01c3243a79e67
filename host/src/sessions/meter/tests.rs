use std::sync::Barrier;

use super::*;
use crate::contract::model::{ErrorKind, Response, StopReason};

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
    }
}

fn error(billed: Option<Usage>) -> Error {
    Error {
        kind: ErrorKind::Throttled,
        message: String::new(),
        retry_after_ms: None,
        usage: billed,
    }
}

/// A meter with a call under way that sent 100 tokens and may get 50.
fn reserved() -> (Arc<Meter>, Reservation) {
    let meter = Arc::new(Meter::default());
    let reservation = meter.reserve(100, |_| Ok(50)).unwrap();
    (meter, reservation)
}

fn opened() -> (Arc<Meter>, StreamCount) {
    let (meter, reservation) = reserved();
    let mut count = StreamCount::of(reservation);
    for text in ["Hello", ", Maira"] {
        count.saw(Ok(&Event::Delta(Delta::Text(text.to_owned()))));
    }
    (meter, count)
}

fn tokens(used: ModelUse) -> (u64, u64) {
    (used.input_tokens, used.output_tokens)
}

#[test]
fn what_is_set_aside_is_nobody_elses_until_the_call_is_settled() {
    let (meter, reservation) = reserved();
    assert_eq!(tokens(meter.committed()), (100, 50));
    assert_eq!(tokens(meter.models()), (100, 0));
    reservation.settle(Ok(&usage(90, 20)));
    assert_eq!(tokens(meter.committed()), (90, 20));
    assert_eq!(tokens(meter.models()), (90, 20));
    assert_eq!(meter.models().calls, 1);
}

#[test]
fn a_call_that_is_given_up_costs_what_it_sent_and_gives_the_rest_back() {
    let (meter, reservation) = reserved();
    drop(reservation);
    assert_eq!(tokens(meter.committed()), (100, 0));
}

#[test]
fn a_call_that_fails_costs_what_its_error_says() {
    for (billed, expected) in [(None, (0, 0)), (Some(usage(7, 1)), (7, 1))] {
        let (meter, reservation) = reserved();
        reservation.settle(Err(&error(billed)));
        assert_eq!(tokens(meter.committed()), expected);
    }
}

#[test]
fn a_call_that_is_not_allowed_is_counted_and_sets_nothing_aside() {
    let (meter, reservation) = reserved();
    let refused = meter.reserve(1, |used| {
        assert_eq!(tokens(used), (100, 50));
        Err(error(None))
    });
    assert!(refused.is_err());
    assert_eq!(meter.committed().calls, 2);
    drop(reservation);
    assert_eq!(tokens(meter.committed()), (100, 0));
}

#[test]
fn m2_of_fifty_calls_at_once_as_many_are_allowed_as_the_budget_holds() {
    let meter = Arc::new(Meter::default());
    let together = Barrier::new(50);
    let reserve = || {
        together.wait();
        meter.reserve(1, |used| {
            let left = 100_u64.saturating_sub(used.output_tokens);
            (left >= 10).then_some(10).ok_or_else(|| error(None))
        })
    };
    let allowed: Vec<Reservation> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..50).map(|_| scope.spawn(reserve)).collect();
        let ended = callers.into_iter().map(|caller| caller.join().unwrap());
        ended.filter_map(Result::ok).collect()
    });
    assert_eq!(allowed.len(), 10);
    for (number, reservation) in (0..).zip(allowed) {
        reservation.settle(Ok(&usage(1, number)));
    }
    assert_eq!(tokens(meter.committed()), (10, (0..10).sum()));
}

#[test]
fn a_stream_that_is_dropped_counts_by_what_it_gave() {
    let (meter, count) = opened();
    assert_eq!(tokens(meter.models()), (100, 3));
    assert_eq!(tokens(meter.committed()), (100, 50));
    drop(count);
    assert_eq!(tokens(meter.committed()), (100, 3));
}

#[test]
fn what_the_provider_says_at_the_end_stands_in_place_of_the_estimate() {
    let (meter, mut count) = opened();
    count.saw(Ok(&Event::Done(Response {
        content: Vec::new(),
        stop_reason: StopReason::EndTurn,
        usage: usage(90, 2),
        latency_ms: 0,
        model: String::new(),
        extra: None,
    })));
    assert_eq!(tokens(meter.committed()), (90, 2));
    // Once.
    count.saw(Err(&error(Some(usage(1_000, 1_000)))));
    drop(count);
    assert_eq!(tokens(meter.committed()), (90, 2));
}

#[test]
fn a_stream_that_fails_counts_as_its_error_says() {
    for (billed, expected) in [(None, (0, 0)), (Some(usage(7, 1)), (7, 1))] {
        let (meter, mut count) = opened();
        count.saw(Err(&error(billed)));
        assert_eq!(tokens(meter.committed()), expected);
    }
}

#[test]
fn a_stream_that_gives_more_than_was_set_aside_counts_all_of_it() {
    let (meter, reservation) = reserved();
    let mut count = StreamCount::of(reservation);
    count.saw(Ok(&Event::Delta(Delta::Text("x".repeat(400)))));
    assert_eq!(tokens(meter.committed()), (100, 100));
    drop(count);
    assert_eq!(tokens(meter.committed()), (100, 100));
}
