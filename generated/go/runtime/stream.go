package runtime

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
)

// ServerEvent is one event of a text/event-stream answer.
type ServerEvent struct {
	// ID is the last id the stream gave; send it back as Last-Event-ID to resume.
	ID string
	// Event is the type, message when the stream names none.
	Event string
	// Data is the payload as text.
	Data string
}

// Decode reads the payload as JSON.
func (e ServerEvent) Decode(target any) error { return decode([]byte(e.Data), target) }

// longestLine is how many octets one line of a stream may have.
const longestLine = 1 << 20

// ReceiveEvents sends a request when the loop starts and yields the events of its answer. The
// time limit of a call ends with the headers; the stream ends with the context or the loop.
func ReceiveEvents(ctx context.Context, transport *Transport, request *Request, options []CallOption) iter.Seq2[ServerEvent, error] {
	return func(yield func(ServerEvent, error) bool) {
		var event ServerEvent
		var data []string
		err := transport.eachLine(ctx, request, options, func(line string) bool {
			if line == "" {
				return finishEvent(&event, &data, yield)
			}
			name, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "data":
				data = append(data, value)
			case "event":
				event.Event = value
			case "id":
				if !strings.Contains(value, "\x00") {
					event.ID = value
				}
			}
			return true
		})
		if err != nil {
			yield(ServerEvent{}, err)
		}
	}
}

// finishEvent yields what a blank line completes; an event without data is none.
func finishEvent(event *ServerEvent, data *[]string, yield func(ServerEvent, error) bool) bool {
	finished := ServerEvent{ID: event.ID, Event: event.Event, Data: strings.Join(*data, "\n")}
	empty := len(*data) == 0
	event.Event, *data = "", nil
	if empty {
		return true
	}
	if finished.Event == "" {
		finished.Event = "message"
	}
	return yield(finished, nil)
}

// ReceiveLines sends a request when the loop starts and yields the JSON values of its lines.
func ReceiveLines[T any](ctx context.Context, transport *Transport, request *Request, options []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := transport.eachLine(ctx, request, options, func(line string) bool {
			if strings.TrimSpace(line) == "" {
				return true
			}
			var value T
			if decode([]byte(line), &value) != nil {
				fault := transport.transportError(request, "a line is not of the declared type", nil)
				return yield(value, fault)
			}
			return yield(value, nil)
		})
		if err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

func (t *Transport) eachLine(ctx context.Context, request *Request, options []CallOption, visit func(string) bool) error {
	var body io.ReadCloser
	streaming := callOption(func(settings *callSettings) { settings.stream = true })
	all := append(options[:len(options):len(options)], streaming)
	err := t.attempt(ctx, request, all, func(response *http.Response) error {
		body = response.Body
		return nil
	})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	scanner := bufio.NewScanner(body)
	scanner.Buffer(make([]byte, 0, 64<<10), longestLine)
	for scanner.Scan() {
		if !visit(strings.TrimPrefix(scanner.Text(), "\ufeff")) {
			return nil
		}
	}
	if err := scanner.Err(); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return t.transportError(request, "the stream broke off", err)
	}
	return nil
}

// cancelBody ends the context of a stream together with its body.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body and ends the context.
func (c cancelBody) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
