package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const secret = "canary-7f3a"

func sprint(value any) string { return fmt.Sprint(value) }

type patient struct {
	Name    Classified[string]           `json:"name"`
	Notes   *Classified[[]string]        `json:"notes,omitzero"`
	Maybe   Optional[Classified[string]] `json:"maybe,omitzero"`
	History []Classified[string]         `json:"history"`
}

func (p patient) MarshalJSON() ([]byte, error)     { return MarshalObject(p) }
func (p *patient) UnmarshalJSON(data []byte) error { return UnmarshalObject(data, p) }
func (p patient) LogValue() slog.Value             { return LogMasked(p) }

type visit struct {
	Patient patient
	Pointer *patient
	hidden  patient
	direct  Classified[string]
	byName  map[string]Classified[string]
}

type embedding struct {
	patient
	Classified[string]
}

func samplePatient() patient {
	notes := Classify([]string{secret})
	return patient{
		Name:    Classify(secret),
		Notes:   &notes,
		Maybe:   Present(Classify(secret)),
		History: []Classified[string]{Classify(secret)},
	}
}

func TestNothingClassifiedIsPrinted(t *testing.T) {
	one := samplePatient()
	all := visit{Patient: one, Pointer: &one, hidden: one, direct: Classify(secret), byName: map[string]Classified[string]{"a": Classify(secret)}}
	values := []any{
		one.Name, &one.Name, one, &one, all, &all, []visit{all}, map[string]visit{"a": all}, one.Maybe,
		embedding{patient: one, Classified: Classify(secret)}, struct{ inner embedding }{embedding{patient: one}},
		fmt.Errorf("wrapped: %v", one),
	}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%20v", "%T"} {
			if text := fmt.Sprintf(verb, value); leaks(text) {
				t.Errorf("%s of %T shows it: %s", verb, value, text)
			}
		}
		if text := fmt.Sprint(value) + fmt.Sprintln(value); leaks(text) {
			t.Errorf("%T shows it: %s", value, text)
		}
	}
	equal(t, "string", one.Name.String(), Mask)
	equal(t, "go string", one.Name.GoString(), Mask)
	equal(t, "format", fmt.Sprintf("%v", one.Name), Mask)
}

func leaks(text string) bool {
	return strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret))
}

func TestNothingClassifiedIsLogged(t *testing.T) {
	one := samplePatient()
	for _, name := range []string{"text", "json"} {
		var out bytes.Buffer
		var handler slog.Handler = slog.NewTextHandler(&out, nil)
		if name == "json" {
			handler = slog.NewJSONHandler(&out, nil)
		}
		logger := slog.New(handler)
		logger.Info("m", "name", one.Name, "patient", one, "pointer", &one, "optional", one.Maybe, "list", LogMasked(one.History))
		if leaks(out.String()) {
			t.Errorf("%s: %s", name, out.String())
		}
		if !strings.Contains(out.String(), Mask) {
			t.Errorf("%s: no mask in %s", name, out.String())
		}
	}
}

func TestTheWireFormIsTheValue(t *testing.T) {
	source := `{"name":"` + secret + `","notes":["` + secret + `"],"maybe":"x","history":[]}`
	var one patient
	if err := json.Unmarshal([]byte(source), &one); err != nil {
		t.Fatal(err)
	}
	equal(t, "revealed", one.Name.Reveal(), secret)
	text, _ := marshal(one)
	equal(t, "text", string(text), source)
	var zero Classified[map[string]any]
	equal(t, "zero", zero.IsZero(), true)
	equal(t, "nothing to reveal", len(zero.Reveal()), 0)
	text, _ = marshal(zero)
	equal(t, "empty map", string(text), "{}")
	var number Classified[int]
	if err := decode([]byte(`"`+secret+`"`), &number); err == nil || leaks(err.Error()) {
		t.Errorf("wrong error: %v", err)
	}
}
