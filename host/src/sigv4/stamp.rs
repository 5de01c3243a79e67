//! The moment of a signature, in the two forms that may name it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that the formatter knows: the end of the year 9999.
const LAST: u64 = 253_402_300_799;

/// A moment in whole seconds, and its text as it is signed: `20150830T123600Z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    seconds: u64,
    text: String,
}

impl Stamp {
    pub(super) fn of(time: SystemTime) -> Self {
        Self::at(
            time.duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        )
    }

    fn at(seconds: u64) -> Self {
        let seconds = seconds.min(LAST);
        let mut text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds))
            .to_string();
        text.retain(|c| c != '-' && c != ':');
        Self { seconds, text }
    }

    /// The form of `x-amz-date`: `20150830T123600Z`.
    pub(super) fn basic(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(date, 8) || !digits(time, 6) {
            return None;
        }
        let stamp = Self::extended(&format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        ))?;
        // What was signed is the text: a leap second would not come back as it was written.
        (stamp.text == text).then_some(stamp)
    }

    /// The form of the header `date`: `Sun, 30 Aug 2015 12:36:00 GMT`, with `-0000` in place of `GMT` from boto3.
    pub(super) fn http(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let mut words = text.split(' ');
        let mut word = || words.next();
        word()?.strip_suffix(',')?;
        let (day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?);
        if word().is_some() || !matches!(zone, "GMT" | "UTC" | "+0000" | "-0000") {
            return None;
        }
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        Self::extended(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
    }

    fn extended(text: &str) -> Option<Self> {
        Some(Self::of(humantime::parse_rfc3339(text).ok()?))
    }

    /// The text that is signed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The day, as a credential scope names it: `20150830`.
    pub(super) fn day(&self) -> &str {
        &self.text[..8]
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    pub(super) fn earlier(&self, seconds: u64) -> Self {
        Self::at(self.seconds.saturating_sub(seconds))
    }

    pub(super) fn later(&self, seconds: u64) -> Self {
        Self::at(self.seconds.saturating_add(seconds))
    }
}
