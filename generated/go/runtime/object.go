package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Models travel through this file instead of encoding/json alone for three reasons: names are
// compared exactly and not without case, unknown fields are kept, and a required list is never
// written as null.

type member struct {
	wireName string
	key      []byte
	index    int
	optional bool
	nullable bool
	constant json.RawMessage
}

type layout struct {
	members []member
	byName  map[string]int
	extra   int
}

var layouts sync.Map

// layoutOf reads the tags of a struct: `json` names a field, `wire` names it when encoding/json
// could not spell the name, `constant` holds the JSON that stands for the zero value, and
// `nullable` marks a list or map for which nil means null.
func layoutOf(structure reflect.Type) *layout {
	if known, ok := layouts.Load(structure); ok {
		return known.(*layout)
	}
	made := &layout{extra: -1, byName: make(map[string]int)}
	for index := range structure.NumField() {
		field := structure.Field(index)
		if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if exact, ok := field.Tag.Lookup("wire"); ok {
			name, options = exact, field.Tag.Get("absent")
		} else if name == "-" {
			if field.Name == "Extra" {
				made.extra = index
			}
			continue
		}
		key, _ := marshal(name)
		made.byName[name] = len(made.members)
		made.members = append(made.members, member{
			wireName: name,
			key:      key,
			index:    index,
			optional: options == "omitzero",
			nullable: field.Tag.Get("nullable") == "true",
			constant: json.RawMessage(field.Tag.Get("constant")),
		})
	}
	known, _ := layouts.LoadOrStore(structure, made)
	return known.(*layout)
}

// MarshalObject writes a struct in the order of its fields, then its unknown fields by name.
func MarshalObject(object any) ([]byte, error) {
	value := reflect.ValueOf(object)
	table := layoutOf(value.Type())
	var out bytes.Buffer
	out.WriteByte('{')
	for _, member := range table.members {
		text, err := member.encode(value.Field(member.index))
		if err != nil {
			return nil, err
		}
		if text != nil {
			writeMember(&out, member.key, text)
		}
	}
	if table.extra >= 0 {
		if err := writeExtra(&out, table, value.Field(table.extra)); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (m *member) encode(field reflect.Value) ([]byte, error) {
	zero := isZero(field)
	switch {
	case zero && m.optional:
		return nil, nil
	case zero && len(m.constant) > 0:
		return m.constant, nil
	case zero && !m.nullable:
		if empty := emptyOf(field); empty != nil {
			return empty, nil
		}
	}
	text, err := marshal(field.Interface())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.wireName, err)
	}
	return text, nil
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// emptyOf is what a nil list, map or octet string is on the wire where null is not allowed.
func emptyOf(field reflect.Value) []byte {
	switch {
	case field.Kind() == reflect.Map && field.IsNil():
		return []byte("{}")
	case field.Kind() != reflect.Slice || !field.IsNil() || field.Type() == rawMessage:
		return nil
	case field.Type().Elem().Kind() == reflect.Uint8:
		return []byte(`""`)
	}
	return []byte("[]")
}

func isZero(field reflect.Value) bool {
	if field.Kind() == reflect.Pointer || field.Kind() == reflect.Interface {
		return field.IsNil()
	}
	if zeroer, ok := field.Interface().(interface{ IsZero() bool }); ok {
		return zeroer.IsZero()
	}
	return field.IsZero()
}

func writeExtra(out *bytes.Buffer, table *layout, extra reflect.Value) error {
	names := make([]string, 0, extra.Len())
	for _, name := range extra.MapKeys() {
		names = append(names, name.String())
	}
	slices.Sort(names)
	for _, name := range names {
		if _, declared := table.byName[name]; declared {
			continue
		}
		key, _ := marshal(name)
		text, err := marshal(extra.MapIndex(reflect.ValueOf(name)).Interface())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		writeMember(out, key, text)
	}
	return nil
}

func writeMember(out *bytes.Buffer, key, text []byte) {
	if out.Len() > 1 {
		out.WriteByte(',')
	}
	out.Write(key)
	out.WriteByte(':')
	out.Write(text)
}

// UnmarshalObject reads a struct; what it has no field for goes to Extra when it has one.
func UnmarshalObject(data []byte, target any) error {
	if isNull(data) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	value := reflect.ValueOf(target).Elem()
	value.SetZero()
	table := layoutOf(value.Type())
	for _, member := range table.members {
		text, present := members[member.wireName]
		if !present {
			continue
		}
		delete(members, member.wireName)
		if err := member.decode(text, value.Field(member.index)); err != nil {
			return fmt.Errorf("%s: %w", member.wireName, err)
		}
	}
	if table.extra >= 0 && len(members) > 0 {
		return readExtra(members, value.Field(table.extra))
	}
	return nil
}

func (m *member) decode(text json.RawMessage, field reflect.Value) error {
	if m.optional && field.Kind() == reflect.Interface && isNull(text) {
		field.Set(reflect.ValueOf(JSONNull{}))
		return nil
	}
	return decode(text, field.Addr().Interface())
}

func readExtra(members map[string]json.RawMessage, extra reflect.Value) error {
	extra.Set(reflect.MakeMapWithSize(extra.Type(), len(members)))
	for name, text := range members {
		entry := reflect.New(extra.Type().Elem())
		if err := decode(text, entry.Interface()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		extra.SetMapIndex(reflect.ValueOf(name), entry.Elem())
	}
	return nil
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// decode is json.Unmarshal that keeps the exact text of numbers inside any.
func decode(data []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(target); err != nil {
		return err
	}
	if decoder.More() {
		return fmt.Errorf("text after the JSON value")
	}
	return nil
}

func isNull(data []byte) bool { return string(bytes.TrimSpace(data)) == "null" }
