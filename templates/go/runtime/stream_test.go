package runtime

import (
	"context"
	"errors"
	"testing"
)

const events = "\ufeffid: 1\nevent: made\ndata: {\"n\":\ndata: 1}\n\n: a comment\n\nretry: 5\nid: 2\ndata: x\n\ndata: cut off"

func TestEventStream(t *testing.T) {
	transport, _, _ := newTest(t, []reply{{status: 200, body: events}})
	var seen []ServerEvent
	for event, err := range ReceiveEvents(context.Background(), transport, NewRequest("GET", "/", RetryAlways), nil) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, event)
	}
	equal(t, "events", len(seen), 2)
	equal(t, "first", seen[0], ServerEvent{ID: "1", Event: "made", Data: "{\"n\":\n1}"})
	equal(t, "second", seen[1], ServerEvent{ID: "2", Event: "message", Data: "x"})
	var payload map[string]int
	if err := seen[0].Decode(&payload); err != nil || payload["n"] != 1 {
		t.Errorf("payload: %v %v", payload, err)
	}
	for range ReceiveEvents(context.Background(), transport, NewRequest("GET", "/", RetryAlways), nil) {
		break
	}
}

func TestLines(t *testing.T) {
	transport, _, _ := newTest(t, []reply{{status: 200, body: "1\n\n2\n\"x\"\n"}})
	sum, faults := 0, 0
	for number, err := range ReceiveLines[int](context.Background(), transport, NewRequest("GET", "/", RetryAlways), nil) {
		sum += number
		if errors.Is(err, errTransport) {
			faults++
		}
	}
	equal(t, "sum", sum, 3)
	equal(t, "faults", faults, 1)
}

func TestAStreamThatIsRefusedYieldsTheError(t *testing.T) {
	transport, _, _ := newTest(t, []reply{{status: 404}})
	request := NewRequest("GET", "/", RetryAlways)
	for _, err := range ReceiveEvents(context.Background(), transport, request, nil) {
		equal(t, "status", asAPIError(t, err).Status, 404)
	}
	for _, err := range ReceiveLines[int](context.Background(), transport, request, nil) {
		equal(t, "status", asAPIError(t, err).Status, 404)
	}
}

func TestAStreamThatBreaksOffYieldsATransportError(t *testing.T) {
	transport, _, _ := newTest(t, []reply{{status: 200, header: map[string]string{"Content-Length": "99"}, body: "data: x\n\n"}})
	var last error
	for _, err := range ReceiveEvents(context.Background(), transport, NewRequest("GET", "/", RetryAlways), nil) {
		last = err
	}
	if !errors.Is(last, errTransport) {
		t.Errorf("wrong error: %v", last)
	}
}
