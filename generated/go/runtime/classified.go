package runtime

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
)

// Mask is what every classified value prints as.
const Mask = "***"

// Classified holds a value that must not reach a log line, an error text or a metric label.
// Every printing, logging and debugging form is the mask; the wire form is the value.
//
// The value sits behind a pointer, so that fmt shows no more than an address even where it
// walks unexported fields and calls no method.
type Classified[T any] struct {
	value *T
}

// Classify wraps a value.
func Classify[T any](value T) Classified[T] { return Classified[T]{value: &value} }

// Reveal returns the value; the zero value when none was set.
func (c Classified[T]) Reveal() T {
	if c.value == nil {
		var zero T
		return zero
	}
	return *c.value
}

// IsZero says whether no value was set.
func (c Classified[T]) IsZero() bool { return c.value == nil }

// String is the mask.
func (c Classified[T]) String() string { return Mask }

// GoString is the mask.
func (c Classified[T]) GoString() string { return Mask }

// Format writes the mask for every verb.
func (c Classified[T]) Format(state fmt.State, _ rune) { WriteMask(state) }

// LogValue is the mask.
func (c Classified[T]) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalJSON writes the wire form of the value.
func (c Classified[T]) MarshalJSON() ([]byte, error) {
	value := c.Reveal()
	if empty := emptyOf(reflect.ValueOf(&value).Elem()); empty != nil {
		return empty, nil
	}
	return marshal(value)
}

// UnmarshalJSON reads the wire form of the value.
func (c *Classified[T]) UnmarshalJSON(data []byte) error {
	value := new(T)
	if err := decode(data, value); err != nil {
		return err
	}
	c.value = value
	return nil
}

// WriteMask writes the mask.
func WriteMask(writer io.Writer) { _, _ = io.WriteString(writer, Mask) }

// LogMasked is the log form of a value that holds classified ones: its printed form.
func LogMasked(value any) slog.Value { return slog.StringValue(fmt.Sprintf("%+v", value)) }

var (
	_ json.Marshaler = Classified[string]{}
	_ fmt.Formatter  = Classified[string]{}
	_ slog.LogValuer = Classified[string]{}
)
