package runtime

import (
	"context"
	"net/http"
	"net/url"
)

// SchemeKind is how a security scheme travels.
type SchemeKind int

// The kinds of schemes an SDK can send.
const (
	// Bearer is a token in the Authorization header; also OAuth 2 and OpenID Connect.
	Bearer SchemeKind = iota
	// Basic is a user name and a password in the Authorization header.
	Basic
	// KeyInHeader, KeyInQuery and KeyInCookie are API keys.
	KeyInHeader
	KeyInQuery
	KeyInCookie
	// Unsupported schemes are left to the caller, who can set headers.
	Unsupported
)

// Scheme is one security scheme of the spec.
type Scheme struct {
	Kind SchemeKind
	// Name is the header, query parameter or cookie of an API key.
	Name string
}

func (t *Transport) holds(scheme string) bool {
	switch t.settings.Schemes[scheme].Kind {
	case Bearer:
		return t.settings.token != nil
	case Basic:
		return t.settings.username != ""
	case Unsupported:
		return false
	}
	_, present := t.settings.keys[scheme]
	return present
}

// authorize adds the credentials of the first alternative the client holds in full. An
// operation without security gets none, so that a token is never sent where nobody asked.
func (t *Transport) authorize(ctx context.Context, request *http.Request, alternatives [][]string) error {
	for _, alternative := range alternatives {
		complete := true
		for _, scheme := range alternative {
			complete = complete && t.holds(scheme)
		}
		if !complete {
			continue
		}
		for _, scheme := range alternative {
			if err := t.credential(ctx, request, scheme); err != nil {
				return err
			}
		}
		if len(alternative) > 0 {
			return nil
		}
	}
	return nil
}

func (t *Transport) credential(ctx context.Context, request *http.Request, name string) error {
	scheme := t.settings.Schemes[name]
	key := t.settings.keys[name].Reveal()
	switch scheme.Kind {
	case Bearer:
		token, err := t.settings.token.Token(ctx)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	case Basic:
		request.SetBasicAuth(t.settings.username, t.settings.password.Reveal())
	case KeyInHeader:
		request.Header.Set(scheme.Name, key)
	case KeyInQuery:
		values := encodeQuery([]pair{{name: scheme.Name, value: key}})
		if request.URL.RawQuery != "" {
			values = request.URL.RawQuery + "&" + values
		}
		request.URL.RawQuery = values
	case KeyInCookie:
		request.AddCookie(&http.Cookie{Name: scheme.Name, Value: url.QueryEscape(key)})
	}
	return nil
}
