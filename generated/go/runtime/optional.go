package runtime

import (
	"fmt"
	"log/slog"
)

// Optional is a field that can be absent, null or present, three different things on the
// wire. The zero value is absent.
type Optional[T any] struct {
	value *T
	null  bool
}

// Present is an Optional that holds a value.
func Present[T any](value T) Optional[T] { return Optional[T]{value: &value} }

// Null is an Optional that is null on the wire.
func Null[T any]() Optional[T] { return Optional[T]{null: true} }

// Get returns the value and whether there is one.
func (o Optional[T]) Get() (T, bool) {
	if o.value == nil {
		var zero T
		return zero, false
	}
	return *o.value, true
}

// IsNull says whether the field is null.
func (o Optional[T]) IsNull() bool { return o.null }

// IsZero says whether the field is absent.
func (o Optional[T]) IsZero() bool { return o.value == nil && !o.null }

// Format prints the value, or null, or absent.
func (o Optional[T]) Format(state fmt.State, verb rune) {
	switch {
	case o.value != nil:
		_, _ = fmt.Fprintf(state, fmt.FormatString(state, verb), *o.value)
	case o.null:
		_, _ = fmt.Fprint(state, "null")
	default:
		_, _ = fmt.Fprint(state, "absent")
	}
}

// LogValue is the printed form, so that a classified value inside stays masked.
func (o Optional[T]) LogValue() slog.Value { return LogMasked(o) }

// MarshalJSON writes the value, or null.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if o.value == nil {
		return []byte("null"), nil
	}
	return marshal(*o.value)
}

// UnmarshalJSON reads a value or null.
func (o *Optional[T]) UnmarshalJSON(data []byte) error {
	*o = Optional[T]{}
	if isNull(data) {
		o.null = true
		return nil
	}
	value := new(T)
	if err := decode(data, value); err != nil {
		return err
	}
	o.value = value
	return nil
}

// Ptr returns a pointer to a value, for optional fields.
func Ptr[T any](value T) *T { return &value }

// JSONNull is an explicit null in a field that can hold any JSON value and may be absent:
// there nil means absent.
type JSONNull struct{}

// MarshalJSON writes null.
func (JSONNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }
