package runtime

import (
	"fmt"
	"time"
)

// Date is a day without a time, RFC 3339 full-date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a day such as 2026-11-22.
func ParseDate(text string) (Date, error) {
	moment, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, fmt.Errorf("not a date such as 2026-11-22")
	}
	return Date{Year: moment.Year(), Month: moment.Month(), Day: moment.Day()}, nil
}

// String is the wire form.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText writes the wire form.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the wire form.
func (d *Date) UnmarshalText(text []byte) error {
	date, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = date
	return nil
}
