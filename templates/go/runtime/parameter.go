package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// Style is how a parameter becomes text (OpenAPI 3.1, "Style Values").
type Style int

// The styles of OpenAPI.
const (
	Simple Style = iota
	Form
	Label
	Matrix
	SpaceDelimited
	PipeDelimited
	DeepObject
	JSONText
)

// pair is one entry of a query or form. A joined value is already escaped, because the mark that
// joins its parts must differ from the same mark inside a part.
type pair struct {
	name, value string
	joined      bool
}

// shape is a parameter value taken apart: one text, a list of texts, or named texts.
type shape struct {
	absent bool
	scalar string
	list   []string
	pairs  []pair
	kind   byte
}

// takeApart goes by way of JSON, so that a parameter has the same form as the same type in a
// body: enumerations, dates and optional values need no second encoder.
func takeApart(value any) (shape, error) {
	text, err := marshal(value)
	if err != nil {
		return shape{}, err
	}
	switch {
	case isNull(text):
		return shape{absent: true}, nil
	case text[0] == '[':
		return takeListApart(text)
	case text[0] == '{':
		return takeObjectApart(text)
	}
	scalar, err := scalarText(text)
	return shape{scalar: scalar, kind: 's'}, err
}

func takeListApart(text []byte) (shape, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return shape{}, err
	}
	made := shape{kind: 'l'}
	for _, item := range items {
		scalar, err := scalarText(item)
		if err != nil {
			return shape{}, err
		}
		made.list = append(made.list, scalar)
	}
	return made, nil
}

func takeObjectApart(text []byte) (shape, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return shape{}, err
	}
	made := shape{kind: 'o'}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return shape{}, err
		}
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return shape{}, err
		}
		if isNull(item) {
			continue
		}
		scalar, err := scalarText(item)
		if err != nil {
			return shape{}, err
		}
		made.pairs = append(made.pairs, pair{name: name.(string), value: scalar})
	}
	return made, nil
}

// scalarText is a text without its quotes, and anything else as JSON.
func scalarText(text []byte) (string, error) {
	if text[0] != '"' {
		return string(text), nil
	}
	var scalar string
	err := json.Unmarshal(text, &scalar)
	return scalar, err
}

// query turns one parameter into the pairs of a query string or form.
func query(name string, value any, style Style, explode bool) ([]pair, error) {
	if style == JSONText {
		text, err := marshal(value)
		if err != nil || isNull(text) {
			return nil, err
		}
		return []pair{{name: name, value: string(text)}}, nil
	}
	parts, err := takeApart(value)
	if err != nil || parts.absent {
		return nil, err
	}
	switch parts.kind {
	case 'l':
		return queryList(name, parts.list, style, explode), nil
	case 'o':
		return queryObject(name, parts.pairs, style, explode), nil
	}
	return []pair{{name: name, value: parts.scalar}}, nil
}

func queryList(name string, list []string, style Style, explode bool) []pair {
	if len(list) == 0 {
		return nil
	}
	if explode {
		pairs := make([]pair, 0, len(list))
		for _, item := range list {
			pairs = append(pairs, pair{name: name, value: item})
		}
		return pairs
	}
	separator := ","
	switch style {
	case SpaceDelimited:
		separator = "%20"
	case PipeDelimited:
		separator = "%7C"
	}
	escaped := make([]string, 0, len(list))
	for _, item := range list {
		escaped = append(escaped, url.QueryEscape(item))
	}
	return []pair{{name: name, value: strings.Join(escaped, separator), joined: true}}
}

func queryObject(name string, members []pair, style Style, explode bool) []pair {
	switch {
	case style == DeepObject:
		pairs := make([]pair, 0, len(members))
		for _, member := range members {
			pairs = append(pairs, pair{name: name + "[" + member.name + "]", value: member.value})
		}
		return pairs
	case explode:
		return members
	case len(members) == 0:
		return nil
	}
	parts := make([]string, 0, 2*len(members))
	for _, member := range members {
		parts = append(parts, url.QueryEscape(member.name), url.QueryEscape(member.value))
	}
	return []pair{{name: name, value: strings.Join(parts, ","), joined: true}}
}

func flatten(members []pair, between, after string) string {
	parts := make([]string, 0, len(members))
	for _, member := range members {
		parts = append(parts, member.name+between+member.value)
	}
	return strings.Join(parts, after)
}

var (
	errAbsentPath = errors.New("a path parameter needs a value")
	errDotPath    = errors.New(`a path parameter cannot be "." or ".."`)
)

// path turns one parameter into escaped text between slashes. An empty value and the dot
// segments would make another path of it, so they are refused.
func path(name string, value any, style Style, explode bool) (string, error) {
	parts, err := takeApart(value)
	if err != nil {
		return "", err
	}
	if parts.absent {
		return "", errAbsentPath
	}
	var items []string
	switch parts.kind {
	case 'l':
		items = parts.list
	case 'o':
		for _, member := range parts.pairs {
			if explode {
				items = append(items, url.PathEscape(member.name)+"="+url.PathEscape(member.value))
			} else {
				items = append(items, member.name, member.value)
			}
		}
	default:
		items = []string{parts.scalar}
	}
	if !(parts.kind == 'o' && explode) {
		for index, item := range items {
			items[index] = url.PathEscape(item)
		}
	}
	text := joinPath(name, items, style, explode && parts.kind != 's', parts.kind)
	switch text {
	case "":
		return "", errAbsentPath
	case ".", "..":
		return "", errDotPath
	}
	return text, nil
}

func joinPath(name string, items []string, style Style, explode bool, kind byte) string {
	switch style {
	case Label:
		separator := ","
		if explode {
			separator = "."
		}
		return "." + strings.Join(items, separator)
	case Matrix:
		prefix := ";" + url.PathEscape(name) + "="
		switch {
		case explode && kind == 'o':
			return ";" + strings.Join(items, ";")
		case explode:
			return prefix + strings.Join(items, prefix)
		}
		return prefix + strings.Join(items, ",")
	}
	return strings.Join(items, ",")
}

// header turns one parameter into a header value, not escaped.
func header(value any, style Style, explode bool) (string, bool, error) {
	if style == JSONText {
		text, err := marshal(value)
		return string(text), err == nil && !isNull(text), err
	}
	parts, err := takeApart(value)
	if err != nil || parts.absent {
		return "", false, err
	}
	switch parts.kind {
	case 'l':
		return strings.Join(parts.list, ","), true, nil
	case 'o':
		if explode {
			return flatten(parts.pairs, "=", ","), true, nil
		}
		return flatten(parts.pairs, ",", ","), true, nil
	}
	return parts.scalar, true, nil
}

// encodeQuery keeps the order of the pairs, which url.Values would lose.
func encodeQuery(pairs []pair) string {
	parts := make([]string, 0, len(pairs))
	for _, pair := range pairs {
		value := pair.value
		if !pair.joined {
			value = url.QueryEscape(value)
		}
		parts = append(parts, url.QueryEscape(pair.name)+"="+value)
	}
	return strings.Join(parts, "&")
}
