package runtime

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"
)

// Settings are what a client is made of. The generated package fills the facts, options fill
// the rest.
type Settings struct {
	// BaseURL is where the server is; the one of the spec when the user gives none.
	BaseURL string
	// UserAgent names the package and its version.
	UserAgent string
	// Schemes are the security schemes of the spec by name.
	Schemes map[string]Scheme
	// Errors is the error tree of the spec.
	Errors *ErrorTree
	// Renewal is how a token is renewed; nil when the spec names no such operation.
	Renewal *Renewal

	environment    string
	token          TokenSource
	username       string
	password       Classified[string]
	keys           map[string]Classified[string]
	connectTimeout time.Duration
	caFile         string
	renew          bool
	call           callSettings
	problems       []error
}

// NewSettings makes the facts of a package. The environment names a prefix of variables, or
// nothing.
func NewSettings(baseURL, userAgent, environment string, tree *ErrorTree) Settings {
	return Settings{BaseURL: baseURL, UserAgent: userAgent, Errors: tree, environment: environment}
}

// AddScheme adds a security scheme of the spec; name is the header, query parameter or cookie
// of an API key.
func (s *Settings) AddScheme(scheme string, kind SchemeKind, name string) {
	if s.Schemes == nil {
		s.Schemes = make(map[string]Scheme)
	}
	s.Schemes[scheme] = Scheme{Kind: kind, Name: name}
}

// readEnvironment takes what the user exported; options stand above it.
func (s *Settings) readEnvironment() {
	if s.environment == "" {
		return
	}
	if url := os.Getenv(s.environment + "_BASE_URL"); url != "" {
		s.BaseURL = url
	}
	if token := os.Getenv(s.environment + "_TOKEN"); token != "" {
		s.token = &fixedToken{token: Classify(token)}
	}
}

type callSettings struct {
	timeout        time.Duration
	maxRetries     int
	header         http.Header
	idempotencyKey string
	inspect        func(Response)
	stream         bool
}

// ClientOption sets how a client works.
type ClientOption interface{ applyToClient(*Settings) }

// CallOption sets how one call works.
type CallOption interface{ applyToCall(*callSettings) }

// SharedOption works for a client and, stronger, for one call.
type SharedOption func(*callSettings)

func (o SharedOption) applyToClient(settings *Settings)   { o(&settings.call) }
func (o SharedOption) applyToCall(settings *callSettings) { o(settings) }

type clientOption func(*Settings)

func (o clientOption) applyToClient(settings *Settings) { o(settings) }

type callOption func(*callSettings)

func (o callOption) applyToCall(settings *callSettings) { o(settings) }

// TokenSource gives the bearer token of each call.
type TokenSource interface {
	// Token returns the token to send now.
	Token(ctx context.Context) (string, error)
}

// TokenFunc is a function as a TokenSource.
type TokenFunc func(ctx context.Context) (string, error)

// Token calls the function.
func (f TokenFunc) Token(ctx context.Context) (string, error) { return f(ctx) }

// WithBaseURL sets where the server is.
func WithBaseURL(url string) ClientOption {
	return clientOption(func(settings *Settings) { settings.BaseURL = url })
}

// WithToken sets the bearer token.
func WithToken(token string) ClientOption {
	secret := Classify(token)
	return WithTokenSource(&fixedToken{token: secret})
}

// WithTokenSource sets where the bearer token of each call comes from.
func WithTokenSource(source TokenSource) ClientOption {
	return clientOption(func(settings *Settings) { settings.token = source })
}

// WithBasicAuth sets the credentials of HTTP basic authentication.
func WithBasicAuth(username, password string) ClientOption {
	secret := Classify(password)
	return clientOption(func(settings *Settings) {
		settings.username = username
		settings.password = secret
	})
}

// WithAPIKey sets the key of the named security scheme.
func WithAPIKey(scheme, key string) ClientOption {
	secret := Classify(key)
	return clientOption(func(settings *Settings) {
		if _, known := settings.Schemes[scheme]; !known {
			settings.problems = append(settings.problems, errors.New("API key: no security scheme of this name"))
			return
		}
		if settings.keys == nil {
			settings.keys = make(map[string]Classified[string])
		}
		settings.keys[scheme] = secret
	})
}

// WithCAFile trusts the certificates of a PEM file in place of those of the system.
func WithCAFile(path string) ClientOption {
	return clientOption(func(settings *Settings) { settings.caFile = path })
}

// WithConnectTimeout sets how long connecting may take; 5 seconds when not set.
func WithConnectTimeout(limit time.Duration) ClientOption {
	return clientOption(func(settings *Settings) { settings.connectTimeout = limit })
}

// WithTokenRenewal renews the token at two thirds of its life. Close the client to stop it.
func WithTokenRenewal() ClientOption {
	return clientOption(func(settings *Settings) { settings.renew = true })
}

// WithTimeout sets how long one try may take; 30 seconds when not set. The context of a call
// bounds all its tries together.
func WithTimeout(limit time.Duration) SharedOption {
	return func(settings *callSettings) { settings.timeout = limit }
}

// WithMaxRetries sets how often a failed call is sent again; 2 when not set.
func WithMaxRetries(count int) SharedOption {
	return func(settings *callSettings) { settings.maxRetries = max(count, 0) }
}

// WithHeader sets a request header.
func WithHeader(name, value string) SharedOption {
	return func(settings *callSettings) {
		if settings.header == nil {
			settings.header = make(http.Header)
		} else {
			settings.header = settings.header.Clone()
		}
		settings.header.Set(name, value)
	}
}

// WithIdempotencyKey sets the Idempotency-Key of a call, so that it is safe to repeat.
func WithIdempotencyKey(key string) CallOption {
	return callOption(func(settings *callSettings) { settings.idempotencyKey = key })
}

// Response is what an answer holds besides its body.
type Response struct {
	Status int
	Header http.Header
}

// WithResponse hands status and headers of the final answer to a function.
func WithResponse(inspect func(Response)) CallOption {
	return callOption(func(settings *callSettings) { settings.inspect = inspect })
}
