package runtime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
)

// Renewal is how a token becomes a new one.
type Renewal struct {
	// Request makes the call that answers with a new token.
	Request func() *Request
	// Token and ExpiresIn name the fields of its answer; ExpiresIn holds seconds.
	Token     string
	ExpiresIn string
}

// NewRenewal makes a renewal.
func NewRenewal(request func() *Request, token, expiresIn string) *Renewal {
	return &Renewal{Request: request, Token: token, ExpiresIn: expiresIn}
}

// fixedToken is the token a user gave.
type fixedToken struct{ token Classified[string] }

func (f *fixedToken) Token(context.Context) (string, error) { return f.token.Reveal(), nil }

// renewer holds the current token and renews it in the background: one renewal at a time, at
// two thirds of the life of the token.
type renewer struct {
	transport *Transport
	renewal   *Renewal
	cancel    context.CancelFunc
	context   context.Context
	schedule  func(time.Duration, func()) (stop func() bool)

	lock    sync.Mutex
	token   Classified[string]
	pending func() bool
	stopped bool
}

// shortestRenewal keeps a server that answers with a life of zero from being asked in a loop.
const shortestRenewal = time.Second

var (
	errNoRenewal = errors.New("token renewal: this API names no operation that renews a token")
	errNoToken   = errors.New("token renewal: give the first token with WithToken")
)

func (t *Transport) startRenewal() error {
	if t.settings.Renewal == nil {
		return errNoRenewal
	}
	first, ok := t.settings.token.(*fixedToken)
	if !ok {
		return errNoToken
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.renewer = &renewer{
		transport: t,
		renewal:   t.settings.Renewal,
		context:   ctx,
		cancel:    cancel,
		token:     first.token,
		schedule: func(wait time.Duration, run func()) func() bool {
			return time.AfterFunc(wait, run).Stop
		},
	}
	t.settings.token = t.renewer
	t.renewer.plan(t.renewer.untilRenewal(0))
	return nil
}

// Token returns the current token.
func (r *renewer) Token(context.Context) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.token.Reveal(), nil
}

func (r *renewer) plan(wait time.Duration) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if !r.stopped {
		r.pending = r.schedule(wait, r.renew)
	}
}

func (r *renewer) stop() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.stopped = true
	r.cancel()
	if r.pending != nil {
		r.pending()
	}
}

func (r *renewer) renew() {
	answer, err := r.transport.send(r.context, r.renewal.Request(), nil)
	var life time.Duration
	if err == nil {
		life, err = r.take(answer.body)
	}
	if err != nil {
		r.plan(max(backoff(4, r.transport.random()), shortestRenewal))
		return
	}
	r.plan(max(r.untilRenewal(life), shortestRenewal))
}

// take keeps the token of an answer and returns the life it states.
func (r *renewer) take(body []byte) (time.Duration, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return 0, err
	}
	var token string
	if err := json.Unmarshal(members[r.renewal.Token], &token); err != nil || token == "" {
		return 0, errors.New("no token in the answer")
	}
	var seconds float64
	_ = json.Unmarshal(members[r.renewal.ExpiresIn], &seconds)
	r.lock.Lock()
	defer r.lock.Unlock()
	r.token = Classify(token)
	return time.Duration(min(max(seconds, 0), maxRetryAfterSeconds) * float64(time.Second)), nil
}

// untilRenewal is two thirds of the life of the token, give or take a tenth, less its age. The
// claims of the token say more than the stated life; a token without either is renewed at once.
func (r *renewer) untilRenewal(life time.Duration) time.Duration {
	share := 2.0 / 3.0 * (0.9 + 0.2*r.transport.random())
	issued, expires, ok := tokenLife(r.token.Reveal())
	if !ok {
		return time.Duration(share * float64(life))
	}
	due := issued.Add(time.Duration(share * float64(expires.Sub(issued))))
	return max(due.Sub(r.transport.now()), 0)
}

// tokenLife reads iat and exp of a JWT without verifying it: the token is our own, and a wrong
// guess costs one renewal.
func tokenLife(token string) (issued, expires time.Time, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return issued, expires, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return issued, expires, false
	}
	var claims struct {
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Issued <= 0 || claims.Expires <= claims.Issued {
		return issued, expires, false
	}
	return time.Unix(int64(claims.Issued), 0), time.Unix(int64(claims.Expires), 0), true
}
