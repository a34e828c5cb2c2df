//! Times as text, in UTC.

use std::time::SystemTime;

use time::OffsetDateTime;

/// The date and the time in the form of RFC 3339: `2026-01-31T12:00:00.000Z`.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let date = OffsetDateTime::from(at).date();
    format!("{:04}-{:02}-{:02}T{}Z", date.year(), u8::from(date.month()), date.day(), time_of_day(at))
}

/// The time alone: `12:00:00.000`.
pub(crate) fn time_of_day(at: SystemTime) -> String {
    let time = OffsetDateTime::from(at).time();
    format!("{:02}:{:02}:{:02}.{:03}", time.hour(), time.minute(), time.second(), time.millisecond())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_utc_to_the_millisecond() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_009);
        assert_eq!(timestamp(at), "2023-11-14T22:13:20.009Z");
        assert_eq!(time_of_day(at), "22:13:20.009");
    }
}
