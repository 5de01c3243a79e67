//! Whose turn it is among the tasks of one group.

use std::collections::VecDeque;
use std::time::Duration;

use super::LONG;

/// A group's ready tasks, by what they have had of a core since they began or last waited for something, or are expected to
/// take; those of a kind in the order in which they came. Those who have had least get three quarters of the time as long as
/// there are others: who may soon be done does not wait until all who compute for long had more, and none of those waits
/// for ever.
pub(super) struct Lines<T> {
    lines: [VecDeque<T>; KINDS],
    /// By how much, in microseconds, those who have had least were served for longer than three times what the others were,
    /// since there are both.
    ahead: i64,
    /// The kind that comes next among the others.
    next: usize,
}

/// Those of the first kind have had less than this, those of the next up to twice as much, and so on…
const LEAST: Duration = Duration::from_millis(1);

/// … and those of the last a quarter of a second or more.
const KINDS: usize = 10;

/// So many times what the others get.
const TIMES: i64 = 3;

/// Where a task stood whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// With those who have had least.
    Least,
    /// With those who have had more.
    Others,
    /// There were no others.
    Only,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self {
            lines: Default::default(),
            ahead: 0,
            next: 0,
        }
    }
}

impl<T> Lines<T> {
    pub(super) fn push(&mut self, task: T, had: Duration) {
        self.lines[kind(had)].push_back(task);
    }

    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum()
    }

    /// The next one. What it takes is told by [`Self::had`].
    pub(super) fn take(&mut self) -> Option<(T, Line)> {
        let has_any = |kind: &usize| !self.lines[*kind].is_empty();
        let least = (0..KINDS).find(has_any)?;
        let mut others = (self.next..KINDS).chain(0..self.next);
        let other = others.find(|kind| *kind != least && has_any(kind));
        let (kind, line) = match other {
            Some(other) if self.ahead > 0 => {
                self.next = (other + 1) % KINDS;
                (other, Line::Others)
            }
            Some(_) => (least, Line::Least),
            None => {
                self.ahead = 0;
                (least, Line::Only)
            }
        };
        // As much as a turn may be, until it is known: the next may be chosen meanwhile.
        self.serves(line, micros(LONG));
        Some((self.lines[kind].pop_front()?, line))
    }

    /// A turn took so long.
    pub(super) fn had(&mut self, line: Line, took: Duration) {
        self.serves(line, micros(took) - micros(LONG));
    }

    fn serves(&mut self, line: Line, more: i64) {
        match line {
            Line::Least => self.ahead += more,
            Line::Others => self.ahead -= TIMES * more,
            Line::Only => {}
        }
    }
}

/// Of a task that has had so much of a core.
fn kind(had: Duration) -> usize {
    let times = had.as_micros() / LEAST.as_micros();
    let doublings = u128::BITS - times.leading_zeros();
    (doublings as usize).min(KINDS - 1)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUCH: Duration = Duration::from_secs(1);

    /// Who is served in so many turns, of which each takes as long as its name says. Who has had much stays.
    fn serve<const COUNT: usize>(lines: &mut Lines<&'static str>) -> [&'static str; COUNT] {
        std::array::from_fn(|_| {
            let (name, line) = lines.take().unwrap();
            let took = match name {
                _ if name.starts_with("short") => LONG / 5,
                _ => LONG,
            };
            lines.had(line, took);
            if name.starts_with("much") {
                lines.push(name, MUCH);
            }
            name
        })
    }

    #[test]
    fn who_has_had_least_and_the_others_share_the_time() {
        let mut lines = Lines::default();
        for name in ["much 1", "much 2", "much 3"] {
            lines.push(name, MUCH);
        }
        for name in ["new 1", "new 2", "new 3", "new 4", "new 5"] {
            lines.push(name, Duration::ZERO);
        }
        assert_eq!(
            serve(&mut lines),
            [
                "new 1", "much 1", "new 2", "new 3", "new 4", "much 2", "new 5", "much 3", "much 1"
            ]
        );
    }

    #[test]
    fn it_is_their_time_that_counts_and_not_their_number() {
        let mut lines = Lines::default();
        lines.push("much", MUCH);
        for _ in 0..20 {
            lines.push("short", Duration::ZERO);
        }
        let served = serve::<18>(&mut lines);
        assert_eq!(served.iter().filter(|name| **name == "much").count(), 2);
    }

    #[test]
    fn who_comes_first_is_served_at_once_whoever_was_before() {
        let mut lines = Lines::default();
        lines.push("much", MUCH);
        lines.push("new 1", Duration::ZERO);
        assert_eq!(serve(&mut lines), ["new 1", "much", "much"]);
        lines.push("new 2", Duration::ZERO);
        assert_eq!(serve(&mut lines), ["new 2"]);
    }

    #[test]
    fn two_at_once_are_of_both() {
        let mut lines = Lines::default();
        for name in ["much 1", "much 2"] {
            lines.push(name, MUCH);
        }
        for name in ["short 1", "short 2"] {
            lines.push(name, Duration::ZERO);
        }
        let turns = [(); 2].map(|()| lines.take().unwrap());
        assert_eq!(turns, [("short 1", Line::Least), ("much 1", Line::Others)]);
    }
}
