package runtime

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

type thing struct {
	Kind  string                     `json:"kind" constant:"\"thing\""`
	Name  string                     `json:"name"`
	List  []int                      `json:"list"`
	Map   map[string]int             `json:"map"`
	Bytes []byte                     `json:"bytes"`
	None  []int                      `json:"none" nullable:"true"`
	Maybe *int                       `json:"maybe,omitzero"`
	Three Optional[string]           `json:"three,omitzero"`
	Any   any                        `json:"any,omitzero"`
	Odd   *string                    `json:"-" wire:"a,\"b" absent:"omitzero"`
	Child *thing                     `json:"child,omitzero"`
	Time  *time.Time                 `json:"time,omitzero"`
	Extra map[string]json.RawMessage `json:"-"`
	local int
}

func (m thing) MarshalJSON() ([]byte, error)     { return MarshalObject(m) }
func (m *thing) UnmarshalJSON(data []byte) error { return UnmarshalObject(data, m) }

type counted struct {
	Extra map[string]int `json:"-"`
}

func (m counted) MarshalJSON() ([]byte, error)     { return MarshalObject(m) }
func (m *counted) UnmarshalJSON(data []byte) error { return UnmarshalObject(data, m) }

func TestAZeroStructWritesWhatIsRequired(t *testing.T) {
	text, err := marshal(thing{local: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "text", string(text), `{"kind":"thing","name":"","list":[],"map":{},"bytes":"","none":null}`)
}

func TestUnknownFieldsComeBack(t *testing.T) {
	source := `{"kind":"other","name":"<n>","list":[1],"map":{"a":1},"bytes":"AAE=","none":[],"maybe":0,` +
		`"three":null,"any":null,"a,\"b":"x","child":{"kind":"thing","name":"","list":[],"map":{},"bytes":"","none":null,"z":1},` +
		`"time":"2026-11-22T17:00:00Z","Name":"other case","a":9007199254740993,"é":1e400}`
	var value thing
	if err := json.Unmarshal([]byte(source), &value); err != nil {
		t.Fatal(err)
	}
	equal(t, "exact name", value.Name, "<n>")
	equal(t, "unknown", len(value.Extra), 3)
	equal(t, "null", value.Three.IsNull(), true)
	text, err := marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(source, `"Name":"other case","a":9007199254740993,"é":1e400`, `"Name":"other case","a":9007199254740993,"é":1e400`, 1)
	equal(t, "text", string(text), want)
}

func TestADeclaredNameIsNotWrittenTwice(t *testing.T) {
	text, _ := marshal(thing{Name: "n", Extra: map[string]json.RawMessage{"name": json.RawMessage("1")}})
	equal(t, "name", strings.Count(string(text), `"name"`), 1)
}

func TestNumbersInsideAnyStayExact(t *testing.T) {
	var value any
	if err := decode([]byte(`{"a":9007199254740993}`), &value); err != nil {
		t.Fatal(err)
	}
	text, _ := marshal(value)
	equal(t, "text", string(text), `{"a":9007199254740993}`)
	if decode([]byte("1 2"), &value) == nil {
		t.Error("two values were accepted")
	}
}

func TestTypedExtraFields(t *testing.T) {
	var value counted
	if err := json.Unmarshal([]byte(`{"b":2,"a":1}`), &value); err != nil {
		t.Fatal(err)
	}
	text, _ := marshal(value)
	equal(t, "text", string(text), `{"a":1,"b":2}`)
	for _, bad := range []string{`{"a":"x"}`, `[]`, `{`} {
		if json.Unmarshal([]byte(bad), &value) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	if err := UnmarshalObject([]byte("null"), &value); err != nil {
		t.Error(err)
	}
}

func TestAFaultNamesTheField(t *testing.T) {
	var value thing
	err := UnmarshalObject([]byte(`{"child":{"name":1}}`), &value)
	if err == nil || !strings.HasPrefix(err.Error(), "child: name: ") {
		t.Errorf("wrong error: %v", err)
	}
	_, err = MarshalObject(thing{Any: func() {}})
	if err == nil || !strings.HasPrefix(err.Error(), "any: ") {
		t.Errorf("wrong error: %v", err)
	}
	_, err = MarshalObject(struct {
		Extra map[string]any `json:"-"`
	}{map[string]any{"x": func() {}}})
	if err == nil || !strings.HasPrefix(err.Error(), "x: ") {
		t.Errorf("wrong error: %v", err)
	}
}

func TestOptionalIsAbsentNullOrPresent(t *testing.T) {
	var zero Optional[int]
	present, null := Present(3), Null[int]()
	equal(t, "absent", zero.IsZero(), true)
	equal(t, "null is not absent", null.IsZero(), false)
	value, there := present.Get()
	equal(t, "value", value, 3)
	equal(t, "there", there, true)
	_, there = null.Get()
	equal(t, "null has no value", there, false)
	equal(t, "printed", strings.Join([]string{sprint(zero), sprint(null), sprint(present)}, " "), "absent null 3")
	text, _ := marshal([]Optional[int]{present, null})
	equal(t, "text", string(text), "[3,null]")
	if decode([]byte(`"x"`), &present) == nil {
		t.Error("a text was accepted as a number")
	}
}

func TestDate(t *testing.T) {
	var date Date
	if err := json.Unmarshal([]byte(`"2026-11-22"`), &date); err != nil {
		t.Fatal(err)
	}
	text, _ := marshal(map[Date]Date{date: date})
	equal(t, "text", string(text), `{"2026-11-22":"2026-11-22"}`)
	if json.Unmarshal([]byte(`"2026-13-22"`), &date) == nil {
		t.Error("month 13 was accepted")
	}
}

func TestUnions(t *testing.T) {
	object := Inspect([]byte(" {\"kind\":\"a\",\"n\":1}"))
	equal(t, "tag", object.Tag("kind", "b", "a"), true)
	equal(t, "number as tag", object.Tag("n", "1"), true)
	equal(t, "other tag", object.Tag("kind", "c"), false)
	equal(t, "no tag", object.Tag("x", "a"), false)
	equal(t, "has", object.Has("kind", "n"), true)
	equal(t, "has not", object.Has("kind", "x"), false)
	for text, kind := range map[string]string{"[]": "array", `"x"`: "string", "true": "boolean", "null": "null", "-1": "number", "{}": "object"} {
		equal(t, text, Inspect([]byte(text)).Is(kind), true)
	}
	equal(t, "no object", Inspect([]byte("[]")).Has("a"), false)
	var number *int
	equal(t, "chosen", Choose([]byte("3"), &number) && *number == 3, true)
	equal(t, "not chosen", Choose([]byte("{}"), &number), false)
	text, err := MarshalUnion(nil, (*string)(nil), number)
	equal(t, "variant", string(text), "3")
	equal(t, "error", err, nil)
	text, _ = MarshalUnion(json.RawMessage(`{"new":1}`), (*string)(nil))
	equal(t, "raw", string(text), `{"new":1}`)
	if _, err := MarshalUnion(nil, (*string)(nil)); err == nil {
		t.Error("an empty union was written")
	}
}
