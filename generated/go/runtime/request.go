package runtime

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// Request is one call before it is sent. Generated code fills it from the facts of an
// operation; the first fault is kept and returned when it is sent.
type Request struct {
	method   string
	path     string
	retry    Retry
	target   string
	query    []pair
	header   http.Header
	cookies  []*http.Cookie
	security [][]string
	accept   string
	body     []byte
	hasBody  bool
	err      error
}

// NewRequest starts a call of an operation; path is the template of the spec.
func NewRequest(method, path string, retry Retry) *Request {
	return &Request{method: method, path: path, target: path, retry: retry, header: make(http.Header)}
}

func (r *Request) fail(name string, err error) {
	if err != nil && r.err == nil {
		r.err = usageError(r, "%s: %w", name, err)
	}
}

// Security names schemes that together allow the call. Each call of it is one alternative.
func (r *Request) Security(schemes ...string) { r.security = append(r.security, schemes) }

// Accept names the media types the caller can read.
func (r *Request) Accept(types string) { r.accept = types }

// Path sets a path parameter.
func (r *Request) Path(name string, value any, style Style, explode bool) {
	text, err := path(name, value, style, explode)
	r.fail(name, err)
	r.target = strings.ReplaceAll(r.target, "{"+name+"}", text)
}

// Query sets a query parameter; an absent one is left out.
func (r *Request) Query(name string, value any, style Style, explode bool) {
	pairs, err := query(name, value, style, explode)
	r.fail(name, err)
	r.query = append(r.query, pairs...)
}

// Header sets a header parameter; an absent one is left out.
func (r *Request) Header(name string, value any, style Style, explode bool) {
	text, present, err := header(value, style, explode)
	r.fail(name, err)
	if present {
		r.header.Set(name, text)
	}
}

// Cookie sets a cookie parameter; an absent one is left out.
func (r *Request) Cookie(name string, value any, style Style, explode bool) {
	pairs, err := query(name, value, style, explode)
	r.fail(name, err)
	for _, pair := range pairs {
		r.cookies = append(r.cookies, &http.Cookie{Name: pair.name, Value: url.QueryEscape(pair.value)})
	}
}

func (r *Request) setBody(mediaType string, body []byte, err error) {
	r.fail("body", err)
	r.body = body
	r.hasBody = true
	r.header.Set("Content-Type", mediaType)
}

// JSON sets a JSON body; a nil pointer sends none.
func (r *Request) JSON(mediaType string, body any) {
	if isAbsent(body) {
		return
	}
	if empty := emptyOf(reflect.ValueOf(body)); empty != nil {
		r.setBody(mediaType, empty, nil)
		return
	}
	text, err := marshal(body)
	r.setBody(mediaType, text, err)
}

// JSONOrNull sets a JSON body; nil sends null.
func (r *Request) JSONOrNull(mediaType string, body any) {
	text, err := marshal(body)
	r.setBody(mediaType, text, err)
}

// Text sets a body of text.
func (r *Request) Text(mediaType string, body any) {
	if isAbsent(body) {
		return
	}
	parts, err := takeApart(body)
	r.setBody(mediaType, []byte(parts.scalar), err)
}

// Binary sets a body of octets. It is read whole, so that a retry sends the same.
func (r *Request) Binary(mediaType string, body io.Reader) {
	if body == nil {
		return
	}
	octets, err := io.ReadAll(body)
	r.setBody(mediaType, octets, err)
}

// Form sets a body of type application/x-www-form-urlencoded from the fields of an object.
func (r *Request) Form(body any) {
	if isAbsent(body) {
		return
	}
	fields, err := formFields(body)
	r.setBody("application/x-www-form-urlencoded", []byte(encodeQuery(fields)), err)
}

// Multipart sets a body of type multipart/form-data from the fields of an object.
func (r *Request) Multipart(body any) {
	if isAbsent(body) {
		return
	}
	mediaType, octets, err := multipartBody(body)
	r.setBody(mediaType, octets, err)
}

// escapeTemplate escapes what a path template holds besides parameters. Without it net/url
// would take one odd character as a reason to undo the escapes of every parameter. The fragment
// that some documents use to tell operations apart is dropped: it never travels.
func escapeTemplate(target string) string {
	target, _, _ = strings.Cut(target, "#")
	var out strings.Builder
	for index := range len(target) {
		octet := target[index]
		switch {
		case octet == '%' && !isEscape(target[index:]),
			octet <= ' ', octet >= 0x7f,
			strings.IndexByte("\"<>\\^`{|}", octet) >= 0:
			fmt.Fprintf(&out, "%%%02X", octet)
		default:
			out.WriteByte(octet)
		}
	}
	return out.String()
}

func isEscape(text string) bool {
	if len(text) < 3 {
		return false
	}
	_, err := strconv.ParseUint(text[1:3], 16, 8)
	return err == nil
}

// build makes the request of one try. Every try has its own reader over the same octets.
func (r *Request) build(base *url.URL) (*http.Request, error) {
	target := escapeTemplate(r.target)
	address := base.String() + target
	if len(r.query) > 0 {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		address += separator + encodeQuery(r.query)
	}
	var body io.Reader
	if r.hasBody {
		body = bytes.NewReader(r.body)
	}
	made, err := http.NewRequest(r.method, address, body)
	if err != nil {
		return nil, usageError(r, "not a URL with these values")
	}
	if plain, _, _ := strings.Cut(target, "?"); !strings.HasSuffix(made.URL.EscapedPath(), plain) {
		return nil, usageError(r, "a value would change the path")
	}
	made.Header = r.header.Clone()
	for _, cookie := range r.cookies {
		made.AddCookie(cookie)
	}
	if r.accept != "" {
		made.Header.Set("Accept", r.accept)
	}
	return made, nil
}
