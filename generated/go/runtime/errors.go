package runtime

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// ErrorClass is one node of the error tree. It is a sentinel: match it with errors.Is.
type ErrorClass struct {
	name     string
	parent   *ErrorClass
	code     string
	title    string
	hint     string
	statuses []int
}

// NewErrorClass makes a class of the tree. The statuses are those that become this class when
// an answer carries no code of the catalogue.
func NewErrorClass(name string, parent *ErrorClass, statuses ...int) *ErrorClass {
	return &ErrorClass{name: name, parent: parent, statuses: statuses}
}

// NewErrorCode makes the class of one code of the problem catalogue.
func NewErrorCode(name, code, title, hint string, parent *ErrorClass) *ErrorClass {
	return &ErrorClass{name: name, parent: parent, code: code, title: title, hint: hint}
}

// Error is the name of the class.
func (c *ErrorClass) Error() string { return c.name }

// Name is the name of the class, the same in every language of the SDK.
func (c *ErrorClass) Name() string { return c.name }

// Code is the code of the catalogue this class stands for; empty for a class of the tree.
func (c *ErrorClass) Code() string { return c.code }

// Unwrap is the parent, so that errors.Is matches every class above.
func (c *ErrorClass) Unwrap() error {
	if c.parent == nil {
		return nil
	}
	return c.parent
}

// ErrorTree finds the class of an answer.
type ErrorTree struct {
	root      *ErrorClass
	transport *ErrorClass
	codes     map[string]*ErrorClass
	statuses  map[int]*ErrorClass
}

// NewErrorTree makes a tree. The first class that claims a status or a code keeps it.
func NewErrorTree(root, transport *ErrorClass, classes ...*ErrorClass) *ErrorTree {
	tree := &ErrorTree{
		root:      root,
		transport: transport,
		codes:     make(map[string]*ErrorClass),
		statuses:  make(map[int]*ErrorClass),
	}
	for _, class := range classes {
		if _, taken := tree.codes[class.code]; class.code != "" && !taken {
			tree.codes[class.code] = class
		}
		for _, status := range class.statuses {
			if _, taken := tree.statuses[status]; !taken {
				tree.statuses[status] = class
			}
		}
	}
	return tree
}

func (t *ErrorTree) classify(status int, code string) *ErrorClass {
	if class, known := t.codes[code]; known {
		return class
	}
	if class, known := t.statuses[status]; known {
		return class
	}
	return t.root
}

// Violation is one place where a request does not match the contract.
type Violation struct {
	Pointer string
	Rule    string
	Message string
}

// APIError is an answer that says no: an RFC 9457 problem, or any other answer that is not a
// success. Match its kind with errors.Is and read it with errors.As.
//
// Its printed forms hold facts of the contract only. Detail and Violations come from the
// server as they are; print them knowingly.
type APIError struct {
	// Status is the HTTP status.
	Status int
	// Code is the stable code of the problem; empty when the answer had none.
	Code string
	// Title, Detail and Hint are the texts of the problem.
	Title  string
	Detail string
	Hint   string
	// Retryable says whether the server expects the same request to succeed later; nil when
	// the server did not say.
	Retryable *bool
	// RetryAfter is how long the server asks to wait; zero when it did not ask.
	RetryAfter time.Duration
	// DecisionID names a denial, to ask an operator about.
	DecisionID string
	// TraceID is the W3C trace the call belongs to.
	TraceID string
	// Violations are the places where the request does not match the contract.
	Violations []Violation
	// Method and Path are those of the operation; Path is the template, without values.
	Method string
	Path   string

	class *ErrorClass
}

var printableCode = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Error names the operation, the status, the code and, for a code of the catalogue, its title
// and hint.
func (e *APIError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %d", e.Method, e.Path, e.Status)
	if printableCode.MatchString(e.Code) {
		text.WriteString(" " + e.Code)
	} else if phrase := http.StatusText(e.Status); phrase != "" {
		text.WriteString(" " + phrase)
	}
	if e.class != nil && e.class.code != "" {
		if e.class.title != "" {
			text.WriteString(": " + e.class.title)
		}
		if e.class.hint != "" {
			text.WriteString(" (" + e.class.hint + ")")
		}
	}
	return text.String()
}

// GoString is Error, so that %#v shows no text of the server either.
func (e *APIError) GoString() string { return e.Error() }

// Class is the most specific class of the error.
func (e *APIError) Class() *ErrorClass { return e.class }

// Unwrap is the class, so that errors.Is matches it and every class above.
func (e *APIError) Unwrap() error {
	if e.class == nil {
		return nil
	}
	return e.class
}

// TransportError is a call that got no usable answer: no connection, no answer in time, an
// answer that could not be read.
type TransportError struct {
	// Method and Path are those of the operation; Path is the template, without values.
	Method string
	Path   string

	reason string
	cause  error
	class  *ErrorClass
}

// Error names the operation and what went wrong.
func (e *TransportError) Error() string {
	text := e.Method + " " + e.Path + ": " + e.reason
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Class is the class of transport failures.
func (e *TransportError) Class() *ErrorClass { return e.class }

// Unwrap is the class and the cause, so that errors.Is finds context.Canceled as well as the
// class of transport failures.
func (e *TransportError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.class}
	}
	return []error{e.class, e.cause}
}

// errUsage marks faults that the caller's own code makes before anything is sent.
var errUsage = errors.New("the call cannot be made")

func usageError(request *Request, format string, arguments ...any) error {
	detail := fmt.Errorf(format, arguments...)
	return fmt.Errorf("%s %s: %w: %w", request.method, request.path, errUsage, detail)
}
