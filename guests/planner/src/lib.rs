//! A trip planner: it streams a plan, and what it books of a small catalogue is checked and remembered here.
//!
//! Send it `{"prompt": "Two days in Lima", "budget": 100}`.

mod catalogue;
mod trip;

use std::cell::RefCell;
use std::rc::Rc;

use kellion_sdk::response::{Events, Streamed};
use kellion_sdk::{Agent, Context, Handler, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use catalogue::Kind;
use trip::Trip;

const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

const SYSTEM_PROMPT: &str = "You plan trips. Look up what there is with `find`, book what fits with \
    `book`, and then tell the plan day by day in a few sentences. Book nothing that the user does not want, and never \
    promise what is not booked.";

/// The session's memory: the conversation, and the trip that its tools work on.
struct Planner {
    agent: Agent,
    trip: Rc<RefCell<Trip>>,
}

#[derive(Deserialize)]
struct Wish {
    prompt: String,
    /// For the whole trip; without one in any turn there is no limit.
    budget: Option<u32>,
}

/// The last event of an answer.
#[derive(Serialize)]
struct Plan<'a> {
    trip: &'a Trip,
}

#[derive(Deserialize, JsonSchema)]
struct Search {
    /// The city's name.
    city: String,
    /// Only stops of this kind.
    kind: Option<Kind>,
}

#[derive(Deserialize, JsonSchema)]
struct Booking {
    /// The stop's name, as `find` tells it.
    stop: String,
    /// The day of the trip, from 1.
    day: u32,
}

fn find(Search { city, kind }: Search) -> Result<Vec<catalogue::Stop>, String> {
    let found = catalogue::find(&city, kind);
    if found.is_empty() {
        let cities = catalogue::cities().join(", ");
        return Err(format!(
            "there is nothing of that kind in {city}; there are stops in {cities}"
        ));
    }
    Ok(found)
}

fn book(trip: &mut Trip, booking: &Booking) -> Result<String, String> {
    let stop = catalogue::named(&booking.stop)
        .ok_or_else(|| format!("there is no stop `{}`", booking.stop))?;
    trip.book(booking.day, stop)
        .map_err(|error| error.to_string())?;
    Ok(format!("booked; {} spent so far", trip.spent))
}

impl Handler for Planner {
    type Payload = Wish;
    type Answer = Streamed;

    fn start() -> Self {
        let trip = Rc::new(RefCell::new(Trip::default()));
        let booked = Rc::clone(&trip);
        let agent = Agent::new(MODEL)
            .system(SYSTEM_PROMPT)
            .tool("find", "Lists what can be done in a city.", find)
            .tool(
                "book",
                "Books a stop for a day.",
                move |booking: Booking| book(&mut booked.borrow_mut(), &booking),
            );
        Self { agent, trip }
    }

    fn invoke(&mut self, wish: Wish, _: &Context) -> Result<Streamed> {
        if wish.budget.is_some() {
            self.trip.borrow_mut().budget = wish.budget;
        }
        // A turn that fails is forgotten by the conversation, and so are its bookings.
        let before = self.trip.borrow().clone();
        let mut events = Events::open();
        if let Err(error) = self.agent.ask_forwarding(wish.prompt, &mut events) {
            self.trip.replace(before);
            return Err(error.into());
        }
        events.send(&Plan {
            trip: &self.trip.borrow(),
        })?;
        Ok(events.end())
    }
}

kellion_sdk::export!(Planner);

#[cfg(test)]
mod tests;
