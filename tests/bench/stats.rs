//! Medians, percentiles and spreads.

use std::fmt;

/// A value that was measured in several rounds.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        percentile(&mut self.0.clone(), 50.0)
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The median, and from where to where the rounds went. A precision rounds all three.
impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision().unwrap_or(2);
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let median = self.median();
        write!(
            f,
            "{median:.precision$} ({least:.precision$}–{most:.precision$})"
        )
    }
}

/// The value below which so many per cent of the samples lie. NaN when there are none.
pub(crate) fn percentile(samples: &mut [f64], per_cent: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1) as f64;
    let index = (last * per_cent / 100.0).round() as usize;
    samples.get(index).copied().unwrap_or(f64::NAN)
}
