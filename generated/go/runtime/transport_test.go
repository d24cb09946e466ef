package runtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var ok = reply{status: 200, body: `{"id":1}`}

func send(transport *Transport, retry Retry, options ...CallOption) error {
	return Send(context.Background(), transport, NewRequest("POST", "/things", retry), options)
}

func TestRetriesStatusesThatMayPass(t *testing.T) {
	for _, status := range []int{408, 429, 502, 503, 504} {
		transport, server, waits := newTest(t, []reply{{status: status}, {status: status}, ok})
		if err := send(transport, RetryAlways); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		equal(t, "tries", len(server.requests()), 3)
		equal(t, "first wait", (*waits)[0], 250*time.Millisecond)
		equal(t, "second wait", (*waits)[1], 500*time.Millisecond)
	}
}

func TestDoesNotRetryOtherStatuses(t *testing.T) {
	for _, status := range []int{302, 400, 401, 403, 404, 409, 422, 500, 501} {
		transport, server, _ := newTest(t, []reply{{status: status}})
		failure := asAPIError(t, send(transport, RetryAlways))
		equal(t, "status", failure.Status, status)
		equal(t, "tries", len(server.requests()), 1)
	}
}

func TestRetriesOnlyWhatIsSafe(t *testing.T) {
	transport, server, _ := newTest(t, []reply{{status: 503}})
	_ = send(transport, RetryNever)
	equal(t, "tries", len(server.requests()), 1)

	transport, server, _ = newTest(t, []reply{{status: 503}, ok})
	if err := send(transport, RetryNever, WithIdempotencyKey("mine")); err != nil {
		t.Fatal(err)
	}
	equal(t, "key", server.requests()[1].Header.Get("Idempotency-Key"), "mine")
}

func TestOneKeyAndOneTraceForAllTries(t *testing.T) {
	transport, server, _ := newTest(t, []reply{{status: 503}, {status: 503}, ok})
	if err := send(transport, RetryWithKey); err != nil {
		t.Fatal(err)
	}
	first, last := server.requests()[0].Header, server.requests()[2].Header
	equal(t, "length of the key", len(first.Get("Idempotency-Key")), 36)
	equal(t, "key", last.Get("Idempotency-Key"), first.Get("Idempotency-Key"))
	equal(t, "trace", last.Get("Traceparent"), first.Get("Traceparent"))
	equal(t, "length of the trace", len(first.Get("Traceparent")), 55)
	equal(t, "agent", first.Get("User-Agent"), "test/1")
}

func TestHonoursRetryAfterUpToAMinute(t *testing.T) {
	transport, _, waits := newTest(t, []reply{{status: 429, header: map[string]string{"Retry-After": "7"}}, ok})
	if err := send(transport, RetryAlways); err != nil {
		t.Fatal(err)
	}
	equal(t, "wait", (*waits)[0], 7*time.Second)

	transport, server, _ := newTest(t, []reply{{status: 429, header: map[string]string{"Retry-After": "61"}}})
	failure := asAPIError(t, send(transport, RetryAlways))
	equal(t, "tries", len(server.requests()), 1)
	equal(t, "retry after", failure.RetryAfter, 61*time.Second)
}

func TestReadsRetryAfterAsADate(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	header := func(text string) http.Header { return http.Header{"Retry-After": {text}} }
	equal(t, "date", retryAfter(header("Sun, 22 Nov 2026 17:00:30 GMT"), now), 30*time.Second)
	equal(t, "past date", retryAfter(header("Sun, 22 Nov 2026 16:00:30 GMT"), now), 0)
	equal(t, "negative", retryAfter(header("-3"), now), 0)
	equal(t, "not a number", retryAfter(header("NaN"), now), 0)
	equal(t, "words", retryAfter(header("soon"), now), 0)
}

func TestBackoffIsBounded(t *testing.T) {
	equal(t, "first", backoff(0, 1), 500*time.Millisecond)
	equal(t, "late", backoff(40, 1), 8*time.Second)
	equal(t, "lucky", backoff(3, 0), 0)
}

func TestAProblemCanStopRetries(t *testing.T) {
	transport, server, _ := newTest(t, []reply{{
		status: 503,
		header: map[string]string{"Content-Type": "application/problem+json"},
		body:   `{"code":"audit_unavailable","retryable":false,"retry_after":3}`,
	}})
	failure := asAPIError(t, send(transport, RetryAlways))
	equal(t, "tries", len(server.requests()), 1)
	equal(t, "retry after", failure.RetryAfter, 3*time.Second)
}

func TestAProblemBecomesItsClass(t *testing.T) {
	transport, server, _ := newTest(t, []reply{{
		status: 404,
		header: map[string]string{"Content-Type": "application/problem+json"},
		body: `{"type":"about:blank","title":"T","status":404,"code":"unknown_plugin","detail":"ada@example.org",
			"hint":"H","retryable":true,"decision_id":"d-1","violations":[{"pointer":"/body/a","rule":"type","message":"M"}]}`,
	}})
	request := NewRequest("GET", "/plugins/{id}", RetryAlways)
	request.Path("id", "secret-id", Simple, false)
	err := Send(context.Background(), transport, request, nil)
	failure := asAPIError(t, err)
	for _, class := range []error{errUnknownPlugin, errMissing, errRoot} {
		if !errors.Is(err, class) {
			t.Errorf("not a %v", class)
		}
	}
	if errors.Is(err, errTransport) {
		t.Error("an answer is not a transport failure")
	}
	equal(t, "class", failure.Class().Name(), "UnknownPluginError")
	equal(t, "code of the class", failure.Class().Code(), "unknown_plugin")
	equal(t, "detail", failure.Detail, "ada@example.org")
	equal(t, "hint", failure.Hint, "H")
	equal(t, "decision", failure.DecisionID, "d-1")
	equal(t, "pointer", failure.Violations[0].Pointer, "/body/a")
	trace := strings.Split(server.requests()[0].Header.Get("Traceparent"), "-")[1]
	equal(t, "trace", failure.TraceID, trace)
	want := "GET /plugins/{id}: 404 unknown_plugin: Unknown plugin (List them first.)"
	for _, printed := range []string{err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		equal(t, "printed", printed, want)
	}
}

func TestAnyOtherAnswerBecomesTheErrorOfItsStatus(t *testing.T) {
	transport, _, _ := newTest(t, []reply{{status: 404, body: "<html>Ada</html>"}})
	err := send(transport, RetryAlways)
	if !errors.Is(err, errMissing) {
		t.Errorf("not the class of the status: %v", err)
	}
	equal(t, "printed", err.Error(), "POST /things: 404 Not Found")

	transport, _, _ = newTest(t, []reply{{
		status: 418,
		header: map[string]string{"Content-Type": "application/json"},
		body:   `{"code":"<script>","errors":[{"rule":"r"}]}`,
	}})
	failure := asAPIError(t, send(transport, RetryAlways))
	equal(t, "class", failure.Class(), errRoot)
	equal(t, "printed", failure.Error(), "POST /things: 418 I'm a teapot")
	equal(t, "violation", failure.Violations[0].Rule, "r")
}

func TestNoConnectionIsATransportFailure(t *testing.T) {
	transport, _, waits := newTest(t, nil)
	transport.base.Host = "127.0.0.1:1"
	request := NewRequest("GET", "/plugins/{id}", RetryAlways)
	request.Path("id", "secret-id", Simple, false)
	request.Query("q", "secret-query", Form, true)
	err := Send(context.Background(), transport, request, nil)
	if !errors.Is(err, errTransport) || !errors.Is(err, errRoot) {
		t.Errorf("wrong class: %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("values in the text: %v", err)
	}
	equal(t, "retries", len(*waits), 2)
	var lost *TransportError
	if !errors.As(err, &lost) || lost.Class() != errTransport || lost.Path != "/plugins/{id}" {
		t.Errorf("wrong type: %v", err)
	}
}

func TestACanceledContextEndsTheCall(t *testing.T) {
	transport, _, waits := newTest(t, []reply{ok})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := Send(ctx, transport, NewRequest("GET", "/", RetryAlways), nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errTransport) {
		t.Errorf("wrong error: %v", err)
	}
	equal(t, "retries", len(*waits), 0)
}

func TestATryHasATimeLimit(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	transport, err := NewTransport(NewSettings(server.URL, "test/1", "", testTree), WithTimeout(time.Millisecond), WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	err = send(transport, RetryAlways)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errTransport) {
		t.Errorf("wrong error: %v", err)
	}
}

func TestTheWaitEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("wrong error: %v", err)
	}
	if err := sleep(context.Background(), 0); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerHasASizeLimit(t *testing.T) {
	transport, server, _ := newTest(t, []reply{ok})
	transport.limit = 3
	_, err := Receive[any](context.Background(), transport, NewRequest("GET", "/", RetryAlways), nil)
	if !errors.Is(err, errTransport) {
		t.Errorf("wrong error: %v", err)
	}
	equal(t, "tries", len(server.requests()), 1)
}

func TestAnswersOfEveryKind(t *testing.T) {
	ctx := context.Background()
	transport, _, _ := newTest(t, []reply{ok})
	request := NewRequest("GET", "/", RetryAlways)
	var seen Response
	value, err := Receive[map[string]int](ctx, transport, request, []CallOption{WithResponse(func(response Response) { seen = response })})
	if err != nil || value["id"] != 1 || seen.Status != 200 {
		t.Errorf("json: %v %v", value, err)
	}
	pointer, err := ReceivePointer[map[string]int](ctx, transport, request, nil)
	if err != nil || (*pointer)["id"] != 1 {
		t.Errorf("pointer: %v %v", pointer, err)
	}
	text, err := ReceiveText(ctx, transport, request, nil)
	if err != nil || text != ok.body {
		t.Errorf("text: %v %v", text, err)
	}
	status, raw, err := ReceiveStatus(ctx, transport, request, nil)
	if err != nil || status != 200 {
		t.Errorf("status: %v %v", status, err)
	}
	if again, err := ReadStatus[map[string]int](transport, request, raw); err != nil || (*again)["id"] != 1 {
		t.Errorf("read: %v %v", again, err)
	}
	if _, err := ReadStatus[[]int](transport, request, json.RawMessage(raw)); !errors.Is(err, errTransport) {
		t.Errorf("mismatch: %v", err)
	}
	if _, err := ReceivePointer[[]int](ctx, transport, request, nil); !errors.Is(err, errTransport) || strings.Contains(err.Error(), "id") {
		t.Errorf("mismatch: %v", err)
	}
}

func TestBaseURL(t *testing.T) {
	for _, good := range []string{"https://api.example.com", "https://api.example.com/v1/", "http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"} {
		if _, err := parseBaseURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/v1", "http://api.example.com", "http://127.0.0.1.example.com", "ftp://localhost", "https://u:p@example.com", "https://example.com/?a=b", "https://example.com/#a", "http://%zz", "http://10.0.0.1"} {
		if _, err := parseBaseURL(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("the address is in the text: %v", err)
		}
	}
	base, _ := parseBaseURL("https://api.example.com/v1/")
	equal(t, "base", base.String(), "https://api.example.com/v1")
}

func tlsServer(t *testing.T, highest uint16) (string, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{MaxVersion: highest}
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pemOf(server.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, bundle
}

func TestTLSIsVerifiedAndStartsAt13(t *testing.T) {
	call := func(url string, options ...ClientOption) error {
		options = append(options, WithMaxRetries(0), WithConnectTimeout(5*time.Second))
		transport, err := NewTransport(NewSettings(url, "test/1", "", testTree), options...)
		if err != nil {
			t.Fatal(err)
		}
		defer transport.Close()
		return send(transport, RetryAlways)
	}
	url, bundle := tlsServer(t, tls.VersionTLS13)
	if err := call(url, WithCAFile(bundle)); err != nil {
		t.Errorf("the CA file was not trusted: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := call(url); !errors.Is(err, errTransport) || !errors.As(err, &unknown) {
		t.Errorf("an unknown authority: %v", err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ":")
	var mismatch x509.HostnameError
	if err := call("https://localhost:"+port, WithCAFile(bundle)); !errors.As(err, &mismatch) {
		t.Errorf("another name: %v", err)
	}
	url, bundle = tlsServer(t, tls.VersionTLS12)
	if err := call(url, WithCAFile(bundle)); !errors.Is(err, errTransport) || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.2: %v", err)
	}
}

func TestACAFileMustHoldCertificates(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + ".missing"} {
		if _, err := NewTransport(NewSettings("https://example.com", "test/1", "", testTree), WithCAFile(path)); err == nil {
			t.Errorf("%s was accepted", path)
		}
	}
}

func TestTheEnvironmentStandsBelowOptions(t *testing.T) {
	t.Setenv("TEST_BASE_URL", "https://one.example.com")
	t.Setenv("TEST_TOKEN", "from-environment")
	facts := NewSettings("https://spec.example.com", "test/1", "TEST", testTree)
	transport, err := NewTransport(facts)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "base", transport.base.Host, "one.example.com")
	token, _ := transport.settings.token.Token(context.Background())
	equal(t, "token", token, "from-environment")
	transport, err = NewTransport(facts, WithBaseURL("https://two.example.com"), WithToken("mine"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "base", transport.base.Host, "two.example.com")
	equal(t, "printed", fmt.Sprintf("%v %+v %#v", transport, transport, transport), strings.TrimSpace(strings.Repeat("runtime.Transport ", 3)))
}

func TestCredentialsGoOnlyWhereTheyAreAsked(t *testing.T) {
	transport, server, _ := newTest(t, []reply{ok},
		WithTokenSource(TokenFunc(func(context.Context) (string, error) { return "abc", nil })),
		WithBasicAuth("ada", "pw"), WithAPIKey("header", "k1"), WithAPIKey("query", "k2"), WithAPIKey("cookie", "k3"),
		WithHeader("X-One", "1"), WithHeader("X-Two", "2"))
	check := func(schemes []string, test func(*http.Request) bool) {
		t.Helper()
		request := NewRequest("GET", "/", RetryAlways)
		request.Security("other")
		request.Security(schemes...)
		if err := Send(context.Background(), transport, request, nil); err != nil {
			t.Fatal(err)
		}
		seen := server.requests()
		if !test(seen[len(seen)-1]) {
			t.Errorf("%v: credentials are not as asked", schemes)
		}
	}
	check([]string{"bearer"}, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer abc" })
	check([]string{"basic"}, func(r *http.Request) bool { _, password, _ := r.BasicAuth(); return password == "pw" })
	check([]string{"header", "query"}, func(r *http.Request) bool {
		return r.Header.Get("X-Key") == "k1" && r.URL.Query().Get("key") == "k2"
	})
	check([]string{"cookie"}, func(r *http.Request) bool { cookie, err := r.Cookie("key"); return err == nil && cookie.Value == "k3" })
	check(nil, func(r *http.Request) bool { return r.Header.Get("Authorization") == "" && r.Header.Get("X-Two") == "2" })
	if _, err := NewTransport(NewSettings("https://example.com", "", "", testTree), WithAPIKey("nobody", "k")); err == nil {
		t.Error("a key without a scheme was accepted")
	}
}

func TestATokenThatCannotBeHadIsNotRetried(t *testing.T) {
	tries := 0
	transport, _, _ := newTest(t, []reply{ok}, WithTokenSource(TokenFunc(func(context.Context) (string, error) {
		tries++
		return "", errors.New("vault is closed")
	})))
	request := NewRequest("GET", "/", RetryAlways)
	request.Security("bearer")
	if err := Send(context.Background(), transport, request, nil); !errors.Is(err, errTransport) {
		t.Errorf("wrong error: %v", err)
	}
	equal(t, "tries", tries, 1)
}
