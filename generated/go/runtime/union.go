package runtime

import (
	"encoding/json"
	"errors"
	"reflect"
)

// Inspection is what a union looks at to choose its variant.
type Inspection struct {
	kind    string
	members map[string]json.RawMessage
}

// Inspect reads the JSON type of a value and, for an object, its members.
func Inspect(data []byte) Inspection {
	var seen Inspection
	for _, first := range data {
		switch first {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			seen.kind = "object"
			_ = json.Unmarshal(data, &seen.members)
		case '[':
			seen.kind = "array"
		case '"':
			seen.kind = "string"
		case 't', 'f':
			seen.kind = "boolean"
		case 'n':
			seen.kind = "null"
		default:
			seen.kind = "number"
		}
		break
	}
	return seen
}

// Is says whether the value is of this JSON type.
func (i Inspection) Is(kind string) bool { return i.kind == kind }

// Has says whether the value is an object with all these members.
func (i Inspection) Has(names ...string) bool {
	if i.kind != "object" {
		return false
	}
	for _, name := range names {
		if _, present := i.members[name]; !present {
			return false
		}
	}
	return true
}

// Tag says whether the value is an object whose property has one of these values.
func (i Inspection) Tag(property string, values ...string) bool {
	raw, present := i.members[property]
	if !present {
		return false
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	for _, value := range values {
		if value == text {
			return true
		}
	}
	return false
}

// Choose reads the value into one variant of a union and says whether it fits.
func Choose[T any](data []byte, variant **T) bool {
	value := new(T)
	if decode(data, value) != nil {
		return false
	}
	*variant = value
	return true
}

var errNoVariant = errors.New("no variant of the union is set")

// MarshalUnion writes the first variant that is set, else the raw value.
func MarshalUnion(raw json.RawMessage, variants ...any) ([]byte, error) {
	for _, variant := range variants {
		if value := reflect.ValueOf(variant); !value.IsNil() {
			return marshal(value.Elem().Interface())
		}
	}
	if raw == nil {
		return nil, errNoVariant
	}
	return raw, nil
}
