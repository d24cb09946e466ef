package runtime

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	defaultTimeout        = 30 * time.Second
	defaultConnectTimeout = 5 * time.Second
	// largestAnswer is how many octets of an answer are read.
	largestAnswer = 32 << 20
)

// Transport sends requests. It is safe for concurrent use.
type Transport struct {
	settings Settings
	base     *url.URL
	client   *http.Client
	errors   *ErrorTree
	renewer  *renewer
	limit    int64

	now    func() time.Time
	random func() float64
	sleep  func(context.Context, time.Duration) error
}

// NewTransport makes a transport from the facts of a package and the options of a user.
func NewTransport(facts Settings, options ...ClientOption) (*Transport, error) {
	settings := facts
	settings.connectTimeout = defaultConnectTimeout
	settings.call = callSettings{timeout: defaultTimeout, maxRetries: defaultMaxRetries}
	settings.readEnvironment()
	for _, option := range options {
		option.applyToClient(&settings)
	}
	if len(settings.problems) > 0 {
		return nil, errors.Join(settings.problems...)
	}
	base, err := parseBaseURL(settings.BaseURL)
	if err != nil {
		return nil, err
	}
	client, err := newHTTPClient(settings.connectTimeout, settings.caFile)
	if err != nil {
		return nil, err
	}
	transport := &Transport{
		settings: settings,
		base:     base,
		client:   client,
		errors:   settings.Errors,
		limit:    largestAnswer,
		now:      time.Now,
		random:   rand.Float64,
		sleep:    sleep,
	}
	if settings.renew {
		if err := transport.startRenewal(); err != nil {
			return nil, err
		}
	}
	return transport, nil
}

// Close stops the renewal of tokens and closes idle connections.
func (t *Transport) Close() {
	if t.renewer != nil {
		t.renewer.stop()
	}
	t.client.CloseIdleConnections()
}

// String is the name of the type: a transport holds credentials.
func (t *Transport) String() string { return "runtime.Transport" }

// GoString is String.
func (t *Transport) GoString() string { return t.String() }

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request until it succeeds, must not be repeated or was repeated often enough.
func (t *Transport) send(ctx context.Context, request *Request, options []CallOption) (*answer, error) {
	var final *answer
	err := t.attempt(ctx, request, options, func(response *http.Response) error {
		read, err := t.read(response)
		final = read
		return err
	})
	return final, err
}

// attempt runs the tries of one call. A response of success is given to accept, which owns it.
func (t *Transport) attempt(
	ctx context.Context,
	request *Request,
	options []CallOption,
	accept func(*http.Response) error,
) error {
	if request.err != nil {
		return request.err
	}
	settings := t.settings.call
	for _, option := range options {
		option.applyToCall(&settings)
	}
	prepared := t.prepare(request, &settings)
	for try := 0; ; try++ {
		failure := t.try(ctx, request, prepared, &settings, accept)
		if failure == nil {
			return nil
		}
		wait, again := t.again(request, &settings, failure, try)
		if !again || ctx.Err() != nil {
			return failure
		}
		if t.sleep(ctx, wait) != nil {
			return failure
		}
	}
}

// prepare makes the headers that all tries of a call share.
func (t *Transport) prepare(request *Request, settings *callSettings) http.Header {
	shared := make(http.Header)
	shared.Set("User-Agent", t.settings.UserAgent)
	key := settings.idempotencyKey
	if key == "" {
		key = request.header.Get("Idempotency-Key")
	}
	if key == "" && request.retry == RetryWithKey {
		key = newKey()
	}
	if key != "" {
		settings.idempotencyKey = key
		shared.Set("Idempotency-Key", key)
	}
	for name, values := range settings.header {
		shared[name] = values
	}
	if shared.Get("Traceparent") == "" {
		shared.Set("Traceparent", newTraceparent())
	}
	return shared
}

func (t *Transport) try(
	ctx context.Context,
	request *Request,
	shared http.Header,
	settings *callSettings,
	accept func(*http.Response) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(settings.timeout, func() { cancel(context.DeadlineExceeded) })
	streaming := false
	defer func() {
		limit.Stop()
		if !streaming {
			cancel(nil)
		}
	}()
	outgoing, err := request.build(t.base)
	if err != nil {
		return err
	}
	for name, values := range shared {
		outgoing.Header[name] = values
	}
	if err := t.authorize(ctx, outgoing, request.security); err != nil {
		return t.transportError(request, "no token", err)
	}
	response, err := t.client.Do(outgoing.WithContext(ctx))
	if err != nil {
		return t.transportError(request, "no answer", causeOf(ctx, err))
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		if settings.inspect != nil {
			settings.inspect(Response{Status: response.StatusCode, Header: response.Header})
		}
		if streaming = settings.stream; streaming {
			response.Body = cancelBody{response.Body, func() { cancel(nil) }}
		}
		if err := accept(response); err != nil {
			return t.transportError(request, "the answer could not be read", causeOf(ctx, err))
		}
		return nil
	}
	read, err := t.read(response)
	if err != nil {
		read = &answer{status: response.StatusCode, header: response.Header}
	}
	if settings.inspect != nil {
		settings.inspect(Response{Status: read.status, Header: read.header})
	}
	return t.apiError(request, read, traceID(shared.Get("Traceparent")))
}

var errTooLarge = errors.New("larger than allowed")

func (t *Transport) read(response *http.Response) (*answer, error) {
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, t.limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > t.limit {
		return nil, errTooLarge
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body}, nil
}

// again decides whether a failed try is followed by another one, and after which wait.
func (t *Transport) again(request *Request, settings *callSettings, failure error, try int) (time.Duration, bool) {
	safe := request.retry == RetryAlways || settings.idempotencyKey != ""
	if !safe || try >= settings.maxRetries {
		return 0, false
	}
	wait := backoff(try, t.random())
	var refused *APIError
	if errors.As(failure, &refused) {
		switch {
		case !retryStatus(refused.Status), refused.Retryable != nil && !*refused.Retryable:
			return 0, false
		case refused.RetryAfter > longestRetryAfter:
			return 0, false
		case refused.RetryAfter > 0:
			wait = refused.RetryAfter
		}
		return wait, true
	}
	var lost *TransportError
	return wait, errors.As(failure, &lost) && lost.reason != "no token" && !errors.Is(failure, errTooLarge)
}

func (t *Transport) transportError(request *Request, reason string, cause error) error {
	return &TransportError{
		Method: request.method,
		Path:   request.path,
		reason: reason,
		cause:  cause,
		class:  t.errors.transport,
	}
}

// causeOf is why a try failed. It drops the part of an error of net/http that holds the
// address with its values, and names the time limit where net/http says canceled.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
