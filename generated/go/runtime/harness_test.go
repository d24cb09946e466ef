package runtime

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

var (
	errRoot          = NewErrorClass("RootError", nil)
	errMissing       = NewErrorClass("MissingError", errRoot, 404)
	errTransport     = NewErrorClass("CommunicationError", errRoot)
	errUnknownPlugin = NewErrorCode("UnknownPluginError", "unknown_plugin", "Unknown plugin", "List them first.", errMissing)
	testTree         = NewErrorTree(errRoot, errTransport, errRoot, errMissing, errTransport, errUnknownPlugin)
)

// reply is one answer of the test server.
type reply struct {
	status int
	header map[string]string
	body   string
}

// listener answers with its replies in turn and keeps what it was asked.
type listener struct {
	lock    sync.Mutex
	replies []reply
	seen    []*http.Request
}

func (l *listener) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.seen = append(l.seen, request)
	next := l.replies[min(len(l.seen), len(l.replies))-1]
	for name, value := range next.header {
		writer.Header().Set(name, value)
	}
	writer.WriteHeader(next.status)
	_, _ = writer.Write([]byte(next.body))
}

func (l *listener) requests() []*http.Request {
	l.lock.Lock()
	defer l.lock.Unlock()
	return append([]*http.Request(nil), l.seen...)
}

// newTest makes a transport that waits for nobody: waits are recorded, not slept.
func newTest(t *testing.T, replies []reply, options ...ClientOption) (*Transport, *listener, *[]time.Duration) {
	t.Helper()
	handler := &listener{replies: replies}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	facts := NewSettings(server.URL, "test/1", "", testTree)
	facts.AddScheme("bearer", Bearer, "")
	facts.AddScheme("basic", Basic, "")
	facts.AddScheme("header", KeyInHeader, "X-Key")
	facts.AddScheme("query", KeyInQuery, "key")
	facts.AddScheme("cookie", KeyInCookie, "key")
	facts.AddScheme("other", Unsupported, "")
	transport, err := NewTransport(facts, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.Close)
	var waits []time.Duration
	transport.random = func() float64 { return 0.5 }
	transport.sleep = func(ctx context.Context, wait time.Duration) error {
		waits = append(waits, wait)
		return ctx.Err()
	}
	return transport, handler, &waits
}

func asAPIError(t *testing.T, err error) *APIError {
	t.Helper()
	var refused *APIError
	if !errors.As(err, &refused) {
		t.Fatalf("want an APIError, got %v", err)
	}
	return refused
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
