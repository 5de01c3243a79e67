//! A trip as it grows, and what it must not become.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::catalogue::Stop;

/// Of one day.
const MOST_HOURS: u32 = 10;

const MOST_DAYS: u32 = 30;

/// What is booked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Trip {
    pub(crate) budget: Option<u32>,
    pub(crate) spent: u32,
    #[serde(serialize_with = "as_list")]
    days: BTreeMap<u32, Vec<Stop>>,
}

/// Why a stop cannot be booked. The model reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Error {
    NoSuchDay(u32),
    Twice(&'static str),
    DayIsFull { day: u32, hours_left: u32 },
    TooExpensive { price: u32, left: u32 },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDay(day) => {
                write!(f, "there is no day {day}: days are 1 to {MOST_DAYS}")
            }
            Self::Twice(name) => write!(f, "{name} is booked already"),
            Self::DayIsFull { day, hours_left } => {
                write!(f, "day {day} has only {hours_left} hours left")
            }
            Self::TooExpensive { price, left } => {
                write!(
                    f,
                    "it costs {price}, and only {left} are left of the budget"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl Trip {
    pub(crate) fn book(&mut self, day: u32, stop: Stop) -> Result<(), Error> {
        if !(1..=MOST_DAYS).contains(&day) {
            return Err(Error::NoSuchDay(day));
        }
        if self.days.values().flatten().any(|booked| *booked == stop) {
            return Err(Error::Twice(stop.name));
        }
        let stops = self.days.entry(day).or_default();
        let hours_left = MOST_HOURS - stops.iter().map(|stop| stop.hours).sum::<u32>();
        if stop.hours > hours_left {
            return Err(Error::DayIsFull { day, hours_left });
        }
        let left = self
            .budget
            .map_or(u32::MAX, |budget| budget.saturating_sub(self.spent));
        if stop.price > left {
            let price = stop.price;
            return Err(Error::TooExpensive { price, left });
        }
        stops.push(stop);
        self.spent += stop.price;
        Ok(())
    }
}

/// Days in order, each with its number; a day for which nothing could be booked is left out.
fn as_list<S: Serializer>(
    days: &BTreeMap<u32, Vec<Stop>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Day<'a> {
        day: u32,
        stops: &'a [Stop],
    }
    let days = days.iter().filter(|(_, stops)| !stops.is_empty());
    serializer.collect_seq(days.map(|(day, stops)| Day { day: *day, stops }))
}
