package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"reflect"
	"strings"
)

// File is one file of a multipart body.
type File struct {
	// Name is the file name the server sees.
	Name string
	// ContentType is application/octet-stream when empty.
	ContentType string
	// Content is read once.
	Content io.Reader
}

// MarshalJSON refuses: a file has no JSON form.
func (f File) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("a file cannot be part of a JSON body")
}

// UnmarshalJSON refuses: a file has no JSON form.
func (f *File) UnmarshalJSON([]byte) error {
	return fmt.Errorf("a file cannot be part of a JSON body")
}

func isAbsent(body any) bool {
	value := reflect.ValueOf(body)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}

func formFields(body any) ([]pair, error) {
	text, err := marshal(body)
	if err != nil {
		return nil, err
	}
	var fields []pair
	err = eachMember(text, func(name string, item json.RawMessage) error {
		pairs, err := query(name, item, Form, true)
		fields = append(fields, pairs...)
		return err
	})
	return fields, err
}

func eachMember(text []byte, visit func(string, json.RawMessage) error) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return fmt.Errorf("a form needs an object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		if err := visit(name.(string), item); err != nil {
			return err
		}
	}
	return nil
}

func multipartBody(body any) (string, []byte, error) {
	var out bytes.Buffer
	writer := multipart.NewWriter(&out)
	err := writeParts(writer, body)
	if closing := writer.Close(); err == nil {
		err = closing
	}
	return writer.FormDataContentType(), out.Bytes(), err
}

func writeParts(writer *multipart.Writer, body any) error {
	value := reflect.Indirect(reflect.ValueOf(body))
	if value.Kind() != reflect.Struct {
		text, err := marshal(body)
		if err != nil {
			return err
		}
		return eachMember(text, func(name string, item json.RawMessage) error {
			return writePart(writer, name, item)
		})
	}
	table := layoutOf(value.Type())
	for _, member := range table.members {
		field := value.Field(member.index)
		if member.optional && isZero(field) {
			continue
		}
		if err := writePart(writer, member.wireName, field.Interface()); err != nil {
			return err
		}
	}
	if table.extra < 0 {
		return nil
	}
	for _, name := range value.Field(table.extra).MapKeys() {
		item := value.Field(table.extra).MapIndex(name).Interface()
		if err := writePart(writer, name.String(), item); err != nil {
			return err
		}
	}
	return nil
}

func writePart(writer *multipart.Writer, name string, value any) error {
	switch content := value.(type) {
	case File:
		return writeFile(writer, name, content)
	case *File:
		return writeFile(writer, name, *content)
	case []File:
		for _, file := range content {
			if err := writeFile(writer, name, file); err != nil {
				return err
			}
		}
		return nil
	}
	parts, err := takeApart(value)
	if err != nil {
		return err
	}
	switch parts.kind {
	case 'l':
		for _, item := range parts.list {
			if err := writer.WriteField(name, item); err != nil {
				return err
			}
		}
		return nil
	case 'o':
		text, err := marshal(value)
		if err != nil {
			return err
		}
		return writeOctets(writer, name, "", "application/json", bytes.NewReader(text))
	}
	return writer.WriteField(name, parts.scalar)
}

func writeFile(writer *multipart.Writer, name string, file File) error {
	mediaType := file.ContentType
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	fileName := file.Name
	if fileName == "" {
		fileName = name
	}
	content := file.Content
	if content == nil {
		content = strings.NewReader("")
	}
	return writeOctets(writer, name, fileName, mediaType, content)
}

var quoteEscaper = strings.NewReplacer("\\", "\\\\", `"`, "%22", "\r", "%0D", "\n", "%0A")

func writeOctets(writer *multipart.Writer, name, fileName, mediaType string, content io.Reader) error {
	disposition := fmt.Sprintf(`form-data; name="%s"`, quoteEscaper.Replace(name))
	if fileName != "" {
		disposition += fmt.Sprintf(`; filename="%s"`, quoteEscaper.Replace(fileName))
	}
	header := make(textproto.MIMEHeader)
	header.Set("Content-Disposition", disposition)
	header.Set("Content-Type", quoteEscaper.Replace(mediaType))
	part, err := writer.CreatePart(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(part, content)
	return err
}
