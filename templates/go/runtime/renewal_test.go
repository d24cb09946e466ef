package runtime

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"
)

func jwt(issued, expires int64) string {
	payload := fmt.Sprintf(`{"iat":%d,"exp":%d}`, issued, expires)
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
}

// planned keeps what the renewer schedules instead of running it.
type planned struct {
	waits []time.Duration
	run   func()
	ended bool
}

func (p *planned) schedule(wait time.Duration, run func()) func() bool {
	p.waits = append(p.waits, wait)
	p.run = run
	return func() bool { p.ended = true; return true }
}

// renewing is a transport whose clock, chance and schedule belong to the test.
func renewing(t *testing.T, token string, replies []reply) (*Transport, *listener, *planned) {
	t.Helper()
	transport, server, _ := newTest(t, replies, WithToken(token))
	transport.settings.Renewal = NewRenewal(func() *Request {
		request := NewRequest("POST", "/renew", RetryAlways)
		request.Security("bearer")
		return request
	}, "token", "expires_in")
	transport.now = func() time.Time { return time.Unix(1000, 0) }
	if err := transport.startRenewal(); err != nil {
		t.Fatal(err)
	}
	transport.renewer.pending()
	plan := &planned{}
	transport.renewer.schedule = plan.schedule
	transport.renewer.plan(transport.renewer.untilRenewal(0))
	return transport, server, plan
}

func TestATokenIsRenewedAtTwoThirdsOfItsLife(t *testing.T) {
	next := jwt(1600, 2500)
	transport, server, plan := renewing(t, jwt(1000, 1900), []reply{{status: 200, body: `{"token":"` + next + `","expires_in":900}`}})
	equal(t, "first wait", plan.waits[0], 600*time.Second)
	transport.now = func() time.Time { return time.Unix(1600, 0) }
	plan.run()
	equal(t, "asked with the old token", server.requests()[0].Header.Get("Authorization"), "Bearer "+jwt(1000, 1900))
	token, _ := transport.settings.token.Token(context.Background())
	equal(t, "new token", token, next)
	equal(t, "next wait", plan.waits[1], 600*time.Second)
	transport.Close()
	equal(t, "ended", plan.ended, true)
	plan.run()
	equal(t, "nothing planned after close", len(plan.waits), 2)
}

func TestRenewalVariesByATenth(t *testing.T) {
	transport, _, _ := renewing(t, jwt(1000, 1900), []reply{ok})
	for chance, want := range map[float64]time.Duration{0: 540 * time.Second, 1: 660 * time.Second} {
		transport.random = func() float64 { return chance }
		equal(t, "wait", transport.renewer.untilRenewal(0).Round(time.Second), want)
	}
}

func TestAnOpaqueTokenIsRenewedByItsStatedLife(t *testing.T) {
	_, _, plan := renewing(t, "opaque", []reply{{status: 200, body: `{"token":"next","expires_in":90}`}})
	equal(t, "at once", plan.waits[0], 0)
	plan.run()
	equal(t, "two thirds", plan.waits[1], 60*time.Second)
}

func TestAFailedRenewalIsTriedAgain(t *testing.T) {
	transport, _, plan := renewing(t, jwt(1000, 1900), []reply{{status: 401}, {status: 200, body: `{}`}, {status: 200, body: `x`}})
	for range 3 {
		plan.run()
	}
	equal(t, "wait", plan.waits[1], 4*time.Second)
	equal(t, "tries", len(plan.waits), 4)
	token, _ := transport.settings.token.Token(context.Background())
	equal(t, "token", token, jwt(1000, 1900))
}

func TestRenewalNeedsAnOperationAndAToken(t *testing.T) {
	facts := NewSettings("https://example.com", "test/1", "", testTree)
	if _, err := NewTransport(facts, WithTokenRenewal(), WithToken("t")); !errors.Is(err, errNoRenewal) {
		t.Errorf("wrong error: %v", err)
	}
	facts.Renewal = NewRenewal(func() *Request { return NewRequest("POST", "/", RetryAlways) }, "token", "")
	if _, err := NewTransport(facts, WithTokenRenewal()); !errors.Is(err, errNoToken) {
		t.Errorf("wrong error: %v", err)
	}
	transport, err := NewTransport(facts, WithTokenRenewal(), WithToken(jwt(time.Now().Unix(), time.Now().Unix()+900)))
	if err != nil {
		t.Fatal(err)
	}
	transport.Close()
}

func TestTokenLife(t *testing.T) {
	for _, bad := range []string{"", "a.b", "a.%.c", "a.e30.c", jwt(5, 5)} {
		if _, _, ok := tokenLife(bad); ok {
			t.Errorf("%q has a life", bad)
		}
	}
}
