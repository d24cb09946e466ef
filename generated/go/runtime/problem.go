package runtime

import (
	"encoding/json"
	"strings"
	"time"
)

// problem is what an RFC 9457 answer may hold. Every member is read on its own, so that one
// member of an unexpected type does not hide the others.
type problem map[string]json.RawMessage

func (p problem) text(name string) string {
	var value string
	if json.Unmarshal(p[name], &value) != nil {
		return ""
	}
	return value
}

// apiError turns an answer that is not a success into the error of its code or status.
func (t *Transport) apiError(request *Request, answer *answer, traceID string) *APIError {
	failure := &APIError{
		Status:     answer.status,
		TraceID:    traceID,
		RetryAfter: retryAfter(answer.header, t.now()),
		Method:     request.method,
		Path:       request.path,
	}
	if strings.Contains(answer.header.Get("Content-Type"), "json") {
		failure.read(answer.body)
	}
	failure.class = t.errors.classify(failure.Status, failure.Code)
	return failure
}

func (e *APIError) read(body []byte) {
	var members problem
	if json.Unmarshal(body, &members) != nil {
		return
	}
	e.Code = members.text("code")
	e.Title = members.text("title")
	e.Detail = members.text("detail")
	e.Hint = members.text("hint")
	e.DecisionID = members.text("decision_id")
	if trace := members.text("trace_id"); trace != "" {
		e.TraceID = trace
	}
	var retryable bool
	if json.Unmarshal(members["retryable"], &retryable) == nil {
		e.Retryable = &retryable
	}
	var seconds float64
	if e.RetryAfter == 0 && json.Unmarshal(members["retry_after"], &seconds) == nil && seconds > 0 {
		e.RetryAfter = time.Duration(min(seconds, maxRetryAfterSeconds) * float64(time.Second))
	}
	var violations []problem
	if json.Unmarshal(members["violations"], &violations) != nil || violations == nil {
		_ = json.Unmarshal(members["errors"], &violations)
	}
	for _, violation := range violations {
		e.Violations = append(e.Violations, Violation{
			Pointer: violation.text("pointer"),
			Rule:    violation.text("rule"),
			Message: violation.text("message"),
		})
	}
}
