//! What the server counts for its operator, in the text form that Prometheus and OpenTelemetry collectors read.
//!
//! A label's values are a closed set, written in the type: whatever callers send, no series is added. A room counts in
//! [`Totals`] of its own, which it gets here; the room that answers scrapes asks for [`Telemetry::text`].

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The content type of [`Telemetry::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A label with a closed set of values.
pub trait Label: Copy + PartialEq + 'static {
    /// What it is called.
    const NAME: &'static str;
    /// All values.
    const ALL: &'static [Self];

    /// The value as text.
    fn text(self) -> &'static str;
}

/// Everything that is counted. Cheap to clone; all clones count together.
#[derive(Clone, Default)]
pub struct Telemetry(Arc<Mutex<Registry>>);

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Telemetry {
    /// Totals under this name, which begins with `kellion_` and ends without `_total`: that is added where it is shown.
    pub fn totals<L: Label>(&self, name: &str, help: &str) -> Totals<L> {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let counters = L::ALL
            .iter()
            .map(|label| family.get_or_create_owned(&[(L::NAME, label.text())]))
            .collect();
        self.with(|registry| registry.register(name, help, family));
        Totals {
            counters,
            label: PhantomData,
        }
    }

    /// Durations under this name, which ends with `_seconds`: from a tenth of a millisecond to some minutes, each bound four
    /// times the one before.
    pub fn durations(&self, name: &str, help: &str) -> Durations {
        let histogram = Histogram::new(exponential_buckets(0.000_1, 4.0, 12));
        self.with(|registry| registry.register(name, help, histogram.clone()));
        Durations(histogram)
    }

    /// A number that is measured when somebody asks.
    pub fn measured(
        &self,
        name: &'static str,
        help: &'static str,
        measure: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let measured = Measured {
            name,
            help,
            measure: Box::new(measure),
        };
        self.with(|registry| registry.register_collector(Box::new(measured)));
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.with(|registry| prometheus_client::encoding::text::encode(&mut text, registry))
            .expect("a string takes everything");
        text
    }

    fn with<T>(&self, work: impl FnOnce(&mut Registry) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A total for each value of a label. Counting is one addition.
#[derive(Debug)]
pub struct Totals<L> {
    counters: Box<[Counter]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Totals<L> {
    /// One more.
    pub fn count(&self, label: L) {
        self.add(label, 1);
    }

    /// So many more.
    pub fn add(&self, label: L, more: u64) {
        let place = L::ALL.iter().position(|known| *known == label);
        if let Some(counter) = place.and_then(|place| self.counters.get(place)) {
            counter.inc_by(more);
        }
    }
}

/// How long things took.
#[derive(Debug)]
pub struct Durations(Histogram);

impl Durations {
    /// One more, which took so long.
    pub fn observe(&self, took: Duration) {
        self.0.observe(took.as_secs_f64());
    }
}

/// A gauge that is looked at when it is shown.
struct Measured {
    name: &'static str,
    help: &'static str,
    measure: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Measured {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = ConstGauge::new((self.measure)());
        let encoder = encoder.encode_descriptor(self.name, self.help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Fruit {
        Apple,
        Pear,
    }

    impl Label for Fruit {
        const NAME: &'static str = "fruit";
        const ALL: &'static [Self] = &[Self::Apple, Self::Pear];

        fn text(self) -> &'static str {
            match self {
                Self::Apple => "apple",
                Self::Pear => "pear",
            }
        }
    }

    #[test]
    fn what_was_counted_is_told_with_all_values_of_its_label() {
        let telemetry = Telemetry::default();
        let eaten = telemetry.totals("kellion_eaten", "Fruit that was eaten");
        let took = telemetry.durations("kellion_meal_seconds", "How long it took");
        telemetry.measured("kellion_left", "Fruit that is left", || 7);
        eaten.count(Fruit::Pear);
        eaten.add(Fruit::Pear, 2);
        took.observe(Duration::from_millis(3));
        let text = telemetry.text();
        for line in [
            "kellion_eaten_total{fruit=\"apple\"} 0",
            "kellion_eaten_total{fruit=\"pear\"} 3",
            "kellion_meal_seconds_count 1",
            "kellion_meal_seconds_bucket{le=\"0.0016\"} 0",
            "kellion_meal_seconds_bucket{le=\"0.0064\"} 1",
            "kellion_left 7",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|told| told == line),
                "{line:?} is not in\n{text}"
            );
        }
    }
}
