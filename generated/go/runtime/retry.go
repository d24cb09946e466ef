package runtime

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultMaxRetries = 2
	firstBackoff      = 500 * time.Millisecond
	longestBackoff    = 8 * time.Second
	// longestRetryAfter is how long a server may make a caller wait unseen. A longer wait is
	// for the caller to decide: the error is returned with RetryAfter.
	longestRetryAfter    = 60 * time.Second
	maxRetryAfterSeconds = 365 * 24 * 3600
)

// Retry says when an operation may be sent again.
type Retry int

const (
	// RetryNever is for operations that must not be repeated.
	RetryNever Retry = iota
	// RetryWithKey is for operations that an Idempotency-Key makes safe to repeat; every call
	// gets a key.
	RetryWithKey
	// RetryAlways is for operations that change nothing more when repeated.
	RetryAlways
)

func retryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout,
		http.StatusTooManyRequests,
		http.StatusBadGateway,
		http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backoff is full jitter: uniform(0, min(8 s, 0.5 s * 2^try)).
func backoff(try int, random float64) time.Duration {
	ceiling := math.Min(float64(longestBackoff), float64(firstBackoff)*math.Pow(2, float64(try)))
	return time.Duration(random * ceiling)
}

// retryAfter reads the Retry-After header, seconds or an HTTP date; zero when there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, maxRetryAfterSeconds) * float64(time.Second))
	}
	if date, err := http.ParseTime(text); err == nil && date.After(now) {
		return date.Sub(now)
	}
	return 0
}
