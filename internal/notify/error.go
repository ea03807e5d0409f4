package notify

import (
	"errors"
	"fmt"
	"time"
)

// Error is why a sink has not taken a message.
type Error struct {
	Why   string
	Retry bool          // it may take it later; else it never will
	After time.Duration // when it wants to be asked again, if it says so
	cause error
}

func (e *Error) Error() string { return e.Why }

func (e *Error) Unwrap() error { return e.cause }

func later(format string, args ...any) *Error {
	return &Error{Why: fmt.Sprintf(format, args...), Retry: true}
}

func refused(format string, args ...any) *Error { return &Error{Why: fmt.Sprintf(format, args...)} }

// asError is an error of a sink; what it does not explain may be tried again.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Why: err.Error(), Retry: true, cause: err}
}
