//! Times as the log writes them: RFC 3339 in UTC with milliseconds, 24 characters that sort as text.

use time::OffsetDateTime;

/// The form of `time` in every record.
pub(crate) fn stamp(time: OffsetDateTime) -> String {
    let mut stamps = Stamps::default();
    stamps.write(time).to_owned()
}

/// Writes stamps, and the date only when it has changed since the one before.
#[derive(Debug, Clone)]
pub struct Stamps {
    second: i64,
    text: String,
}

impl Default for Stamps {
    fn default() -> Self {
        Self { second: 0, text: "1970-01-01T00:00:00.000Z".to_owned() }
    }
}

impl Stamps {
    pub fn write(&mut self, time: OffsetDateTime) -> &str {
        let second = time.unix_timestamp();
        if second != self.second {
            let time = time.to_offset(time::UtcOffset::UTC);
            let (year, month, day) = time.to_calendar_date();
            let (hour, minute, second_of_minute) = time.to_hms();
            let month = u8::from(month);
            self.second = second;
            self.text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second_of_minute:02}"
            );
        }
        self.text.truncate("1970-01-01T00:00:00".len());
        let millis = time.millisecond();
        self.text.push('.');
        for digit in [millis / 100, millis / 10 % 10, millis % 10] {
            self.text.push(char::from(b'0' + (digit % 10) as u8));
        }
        self.text.push('Z');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn stamps_are_in_utc_with_all_their_digits() {
        let mut stamps = Stamps::default();
        for (time, text) in [
            (datetime!(1970-01-01 00:00 UTC), "1970-01-01T00:00:00.000Z"),
            (datetime!(2026-11-22 17:00:00.1 UTC), "2026-11-22T17:00:00.100Z"),
            (datetime!(2026-11-22 17:00:00.0129 UTC), "2026-11-22T17:00:00.012Z"),
            (datetime!(2026-11-22 17:00:01 +02), "2026-11-22T15:00:01.000Z"),
            (datetime!(2027-01-02 03:04:05.999 UTC), "2027-01-02T03:04:05.999Z"),
        ] {
            assert_eq!(stamps.write(time), text);
            assert_eq!(stamp(time), text);
        }
    }
}
