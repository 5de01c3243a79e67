//! The time of day, by the clock that the host gives the session.

use std::time::{SystemTime, SystemTimeError, UNIX_EPOCH};

/// The current time as ISO 8601, to the second: "2025-03-01T12:34:56Z".
pub(crate) fn utc_now() -> Result<String, SystemTimeError> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(format_utc(since_epoch.as_secs()))
}

fn format_utc(unix_seconds: u64) -> String {
    let (year, month, day) = civil_date(unix_seconds / 86_400);
    let second_of_day = unix_seconds % 86_400;
    let (hour, minute, second) = (
        second_of_day / 3_600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day in the Gregorian calendar of a day since 1970-01-01.
///
/// Counts years from the first of March, so that the leap day is the last of its year, in eras of
/// 400 years, which all have the same number of days.
fn civil_date(unix_day: u64) -> (u64, u64, u64) {
    const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;

    let day = unix_day + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (day / DAYS_PER_ERA, day % DAYS_PER_ERA);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days, and again: 153 in five of them.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests;
