//! What can be done where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something to do on a trip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Stop {
    pub(crate) name: &'static str,
    pub(crate) city: &'static str,
    #[serde(skip)]
    pub(crate) kind: Kind,
    pub(crate) hours: u32,
    pub(crate) price: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Food,
    Museum,
    Outdoors,
    Tour,
}

const fn stop(name: &'static str, city: &'static str, kind: Kind, hours: u32, price: u32) -> Stop {
    Stop {
        name,
        city,
        kind,
        hours,
        price,
    }
}

const CATALOGUE: [Stop; 12] = [
    stop("Tram 28", "Lisbon", Kind::Tour, 2, 15),
    stop("Tile Museum", "Lisbon", Kind::Museum, 3, 10),
    stop("Alfama food walk", "Lisbon", Kind::Food, 3, 60),
    stop("Belém riverside", "Lisbon", Kind::Outdoors, 4, 0),
    stop("Sintra day tour", "Lisbon", Kind::Tour, 8, 70),
    stop("Larco Museum", "Lima", Kind::Museum, 3, 12),
    stop("Ceviche class", "Lima", Kind::Food, 4, 45),
    stop("Malecón by bicycle", "Lima", Kind::Outdoors, 3, 20),
    stop("Old town tour", "Lima", Kind::Tour, 4, 25),
    stop("Philosopher's Path", "Kyoto", Kind::Outdoors, 3, 0),
    stop("Nishiki market tasting", "Kyoto", Kind::Food, 2, 35),
    stop("Railway Museum", "Kyoto", Kind::Museum, 4, 10),
];

/// The stops of a city, of one kind if that is named.
pub(crate) fn find(city: &str, kind: Option<Kind>) -> Vec<Stop> {
    CATALOGUE
        .into_iter()
        .filter(|stop| stop.city.eq_ignore_ascii_case(city))
        .filter(|stop| kind.is_none_or(|kind| stop.kind == kind))
        .collect()
}

/// The stop of that name.
pub(crate) fn named(name: &str) -> Option<Stop> {
    CATALOGUE
        .into_iter()
        .find(|stop| stop.name.eq_ignore_ascii_case(name))
}

/// The cities that have stops.
pub(crate) fn cities() -> Vec<&'static str> {
    let mut cities: Vec<&str> = CATALOGUE.iter().map(|stop| stop.city).collect();
    cities.dedup();
    cities
}
