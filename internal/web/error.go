package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// statusError is an error that knows what to answer.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

// Status is the status code of an answer. An error of any package with this method is answered so.
func (e *statusError) Status() int { return e.status }

// NotFound says that there is not what was asked for.
func NotFound(err error) error { return &statusError{http.StatusNotFound, err} }

// Conflict says that what was asked for does not go with what there is.
func Conflict(err error) error { return &statusError{http.StatusConflict, err} }

// Invalid says that what was asked for makes no sense.
func Invalid(err error) error { return &statusError{http.StatusBadRequest, err} }

// Unavailable says that the same may be asked again later.
func Unavailable(err error) error { return &statusError{http.StatusServiceUnavailable, err} }

// status maps an error to a status code. It is the one place where that is done. told is false if the error is none that a client may see.
func status(err error) (code int, told bool) {
	var known interface{ Status() int }
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &known) && known.Status() >= 400 && known.Status() < 600:
		return known.Status(), true
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, true
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, false
	}
	return http.StatusInternalServerError, false
}

// writeError answers with an error in JSON.
func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // what is written here is of this package, or was encoded before
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // who has gone need not be told
}
