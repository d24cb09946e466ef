package runtime

import (
	"encoding/pem"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
)

func pemOf(certificate []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

var base = &url.URL{Scheme: "https", Host: "example.com"}

func TestQueryStyles(t *testing.T) {
	list := []string{"a b", "c,d"}
	object := struct {
		R int     `json:"r"`
		G *string `json:"g"`
		B string  `json:"b"`
	}{R: 1, B: "x"}
	for _, each := range []struct {
		value   any
		style   Style
		explode bool
		want    string
	}{
		{"a&b", Form, true, "p=a%26b"},
		{7, Form, true, "p=7"},
		{true, Form, false, "p=true"},
		{(*string)(nil), Form, true, ""},
		{[]string(nil), Form, true, ""},
		{[]string{}, Form, true, ""},
		{list, Form, true, "p=a+b&p=c%2Cd"},
		{list, Form, false, "p=a+b,c%2Cd"},
		{list, SpaceDelimited, false, "p=a+b%20c%2Cd"},
		{list, PipeDelimited, false, "p=a+b%7Cc%2Cd"},
		{object, Form, true, "r=1&b=x"},
		{object, Form, false, "p=r,1,b,x"},
		{object, DeepObject, true, "p%5Br%5D=1&p%5Bb%5D=x"},
		{map[string]any{}, Form, false, ""},
		{map[string]any{"a": []int{1}}, Form, true, "a=%5B1%5D"},
		{object, JSONText, false, "p=%7B%22r%22%3A1%2C%22g%22%3Anull%2C%22b%22%3A%22x%22%7D"},
		{nil, JSONText, false, ""},
	} {
		pairs, err := query("p", each.value, each.style, each.explode)
		if err != nil {
			t.Errorf("%v: %v", each.value, err)
		}
		equal(t, "query", encodeQuery(pairs), each.want)
	}
}

func TestPathStyles(t *testing.T) {
	list := []string{"a/b", "c"}
	object := map[string]int{"r": 1, "s": 2}
	for _, each := range []struct {
		value   any
		style   Style
		explode bool
		want    string
	}{
		{"a/b?c#d", Simple, false, "a%2Fb%3Fc%23d"},
		{"..x", Simple, false, "..x"},
		{list, Simple, false, "a%2Fb,c"},
		{object, Simple, false, "r,1,s,2"},
		{object, Simple, true, "r=1,s=2"},
		{"x", Label, false, ".x"},
		{list, Label, false, ".a%2Fb,c"},
		{list, Label, true, ".a%2Fb.c"},
		{"x", Matrix, false, ";p=x"},
		{list, Matrix, false, ";p=a%2Fb,c"},
		{list, Matrix, true, ";p=a%2Fb;p=c"},
		{object, Matrix, true, ";r=1;s=2"},
	} {
		got, err := path("p", each.value, each.style, each.explode)
		if err != nil {
			t.Errorf("%v: %v", each.value, err)
		}
		equal(t, "path", got, each.want)
	}
	for _, bad := range []any{"", ".", "..", nil, (*string)(nil), []string{}, func() {}} {
		if got, err := path("p", bad, Simple, false); err == nil {
			t.Errorf("%v was accepted as %q", bad, got)
		}
	}
}

func TestHeaderStyles(t *testing.T) {
	object := map[string]int{"r": 1, "s": 2}
	for _, each := range []struct {
		value   any
		style   Style
		explode bool
		want    string
		present bool
	}{
		{"x", Simple, false, "x", true},
		{[]int{1, 2}, Simple, false, "1,2", true},
		{object, Simple, false, "r,1,s,2", true},
		{object, Simple, true, "r=1,s=2", true},
		{object, JSONText, false, `{"r":1,"s":2}`, true},
		{(*string)(nil), Simple, false, "", false},
	} {
		got, present, err := header(each.value, each.style, each.explode)
		if err != nil {
			t.Errorf("%v: %v", each.value, err)
		}
		equal(t, "header", got, each.want)
		equal(t, "present", present, each.present)
	}
}

func TestAPathTemplateKeepsTheEscapesOfItsValues(t *testing.T) {
	request := NewRequest("GET", "/a \"b\"/50%/{p}/{q}?beta=1#fragment", RetryAlways)
	request.Path("p", "../..", Simple, false)
	request.Query("x", "1", Form, true)
	made, err := request.build(base)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "path", made.URL.EscapedPath(), "/a%20%22b%22/50%25/..%2F../%7Bq%7D")
	equal(t, "query", made.URL.RawQuery, "beta=1&x=1")
}

func TestTheFirstFaultOfARequestIsReturned(t *testing.T) {
	transport, server, _ := newTest(t, []reply{ok})
	request := NewRequest("GET", "/{p}", RetryAlways)
	request.Path("p", "..", Simple, false)
	request.Query("q", func() {}, Form, true)
	err := Send(t.Context(), transport, request, nil)
	equal(t, "error", err.Error(), `GET /{p}: the call cannot be made: p: a path parameter cannot be "." or ".."`)
	equal(t, "tries", len(server.requests()), 0)
}

func TestCookiesAndHeaders(t *testing.T) {
	request := NewRequest("GET", "/", RetryAlways)
	request.Cookie("c", "a;b", Form, true)
	request.Header("X-H", []int{1, 2}, Simple, false)
	request.Header("X-None", (*int)(nil), Simple, false)
	request.Accept("application/json")
	made, err := request.build(base)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _ := made.Cookie("c")
	equal(t, "cookie", cookie.Value, "a%3Bb")
	equal(t, "header", made.Header.Get("X-H"), "1,2")
	equal(t, "absent header", len(made.Header["X-None"]), 0)
	equal(t, "accept", made.Header.Get("Accept"), "application/json")
}

func bodyOf(t *testing.T, fill func(*Request)) (string, string) {
	t.Helper()
	request := NewRequest("POST", "/", RetryNever)
	fill(request)
	if request.err != nil {
		t.Fatal(request.err)
	}
	return request.header.Get("Content-Type"), string(request.body)
}

func TestBodies(t *testing.T) {
	check := func(what, wantType, wantBody string, fill func(*Request)) {
		t.Helper()
		mediaType, body := bodyOf(t, fill)
		equal(t, what+" type", mediaType, wantType)
		equal(t, what+" body", body, wantBody)
	}
	check("json", "application/json", `{"a":"<"}`, func(r *Request) { r.JSON("application/json", map[string]string{"a": "<"}) })
	check("nil list", "application/json", "[]", func(r *Request) { r.JSON("application/json", []int(nil)) })
	check("null", "application/json", "null", func(r *Request) { r.JSONOrNull("application/json", nil) })
	check("no json", "", "", func(r *Request) { r.JSON("application/json", (*int)(nil)) })
	check("text", "text/plain", "a\nb", func(r *Request) { r.Text("text/plain", "a\nb") })
	check("no text", "", "", func(r *Request) { r.Text("text/plain", (*string)(nil)) })
	check("binary", "image/png", "\x00\xff", func(r *Request) { r.Binary("image/png", strings.NewReader("\x00\xff")) })
	check("no binary", "", "", func(r *Request) { r.Binary("image/png", nil) })
	check("form", "application/x-www-form-urlencoded", "a=1&b=x+y&b=z", func(r *Request) {
		r.Form(struct {
			A int      `json:"a"`
			B []string `json:"b"`
		}{1, []string{"x y", "z"}})
	})
	check("no form", "", "", func(r *Request) { r.Form((*int)(nil)) })
	check("no multipart", "", "", func(r *Request) { r.Multipart((*int)(nil)) })
	request := NewRequest("POST", "/", RetryNever)
	request.Form(3)
	if request.err == nil {
		t.Error("a number was accepted as a form")
	}
}

type upload struct {
	Title string          `json:"title"`
	Tags  []string        `json:"tags,omitzero"`
	Meta  map[string]int  `json:"meta"`
	One   File            `json:"one"`
	Two   *File           `json:"two,omitzero"`
	More  []File          `json:"more,omitzero"`
	Extra map[string]bool `json:"-"`
}

func TestMultipart(t *testing.T) {
	file := func(name, content string) File { return File{Name: name, Content: strings.NewReader(content)} }
	second := File{ContentType: "text/plain", Content: strings.NewReader("2")}
	mediaType, body := bodyOf(t, func(r *Request) {
		r.Multipart(upload{
			Title: "T",
			Tags:  []string{"a", "b"},
			Meta:  map[string]int{"m": 1},
			One:   file("a\"\r\nb.txt", "1"),
			Two:   &second,
			More:  []File{file("c", "3"), {}},
			Extra: map[string]bool{"more_to_come": true},
		})
	})
	_, parameters, err := mime.ParseMediaType(mediaType)
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(strings.NewReader(body), parameters["boundary"])
	var seen []string
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(part)
		seen = append(seen, part.FormName()+"|"+part.FileName()+"|"+part.Header.Get("Content-Type")+"|"+string(content))
	}
	want := []string{
		"title|||T", "tags|||a", "tags|||b", `meta||application/json|{"m":1}`,
		"one|a%22%0D%0Ab.txt|application/octet-stream|1", "two|two|text/plain|2",
		"more|c|application/octet-stream|3", "more|more|application/octet-stream|", "more_to_come|||true",
	}
	equal(t, "parts", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	if _, err := marshal(File{}); err == nil {
		t.Error("a file was accepted in JSON")
	}
	var none File
	if err := decode([]byte(`"x"`), &none); err == nil {
		t.Error("a file was read from JSON")
	}
	plain, body := bodyOf(t, func(r *Request) { r.Multipart(map[string]string{"a": "b"}) })
	if !strings.Contains(plain, "multipart/form-data") || !strings.Contains(body, `name="a"`) {
		t.Errorf("a map is not a multipart body: %s", body)
	}
}
