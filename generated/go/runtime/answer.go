package runtime

import (
	"context"
	"encoding/json"
)

// Send sends a request whose answer has no content.
func Send(ctx context.Context, transport *Transport, request *Request, options []CallOption) error {
	_, err := transport.send(ctx, request, options)
	return err
}

// Receive sends a request and reads its JSON answer.
func Receive[T any](ctx context.Context, transport *Transport, request *Request, options []CallOption) (T, error) {
	var value T
	answer, err := transport.send(ctx, request, options)
	if err != nil {
		return value, err
	}
	return value, transport.decodeAnswer(request, answer, &value)
}

// ReceivePointer sends a request and reads its JSON answer, an object.
func ReceivePointer[T any](ctx context.Context, transport *Transport, request *Request, options []CallOption) (*T, error) {
	answer, err := transport.send(ctx, request, options)
	if err != nil {
		return nil, err
	}
	value := new(T)
	if err := transport.decodeAnswer(request, answer, value); err != nil {
		return nil, err
	}
	return value, nil
}

// ReceiveText sends a request and returns the text of its answer.
func ReceiveText(ctx context.Context, transport *Transport, request *Request, options []CallOption) (string, error) {
	octets, err := ReceiveBinary(ctx, transport, request, options)
	return string(octets), err
}

// ReceiveBinary sends a request and returns the octets of its answer.
func ReceiveBinary(ctx context.Context, transport *Transport, request *Request, options []CallOption) ([]byte, error) {
	answer, err := transport.send(ctx, request, options)
	if err != nil {
		return nil, err
	}
	return answer.body, nil
}

// ReceiveStatus sends a request that has different answers by status and returns the status
// with the raw JSON.
func ReceiveStatus(ctx context.Context, transport *Transport, request *Request, options []CallOption) (int, json.RawMessage, error) {
	answer, err := transport.send(ctx, request, options)
	if err != nil {
		return 0, nil, err
	}
	return answer.status, answer.body, nil
}

// ReadStatus reads the raw JSON of ReceiveStatus.
func ReadStatus[T any](transport *Transport, request *Request, raw json.RawMessage) (*T, error) {
	value := new(T)
	if err := transport.decodeAnswer(request, &answer{body: raw}, value); err != nil {
		return nil, err
	}
	return value, nil
}

// decodeAnswer keeps the cause of a failure out of the error: it can quote the answer.
func (t *Transport) decodeAnswer(request *Request, answer *answer, target any) error {
	if len(answer.body) == 0 {
		return nil
	}
	if decode(answer.body, target) != nil {
		return t.transportError(request, "the answer is not of the declared type", nil)
	}
	return nil
}
