// Package entry runs turns: between the component's export, or a test, and the author's function.
package entry

import (
	"errors"
	"fmt"
	"runtime/debug"

	"kellion.dev/kellion/internal/host"
	"kellion.dev/kellion/model"
)

// Header is a header that the caller sent.
type Header struct{ Name, Value string }

// Turn is what a turn is told; what is absent is empty.
type Turn struct {
	SessionID, RequestID                        string
	Number                                      uint64
	AgentName, AgentVersion, Endpoint, TenantID string
	UserID                                      string
	Headers                                     []Header
	ContentType, Accept                         string
	DeadlineMS                                  uint64
	Traceparent                                 string
}

// Handler is the author's function, from payload to answer and its content type.
var Handler func(turn Turn, payload []byte) ([]byte, string, error)

// InvalidPayload is an error that blames the payload.
type InvalidPayload struct{ Message string }

func (e *InvalidPayload) Error() string { return e.Message }

// Main is the program's main function, where there is something to call it.
var Main func()

// Run runs one turn. The last result says that the payload is to blame.
func Run(turn Turn, payload []byte) (answer []byte, err error, blamesPayload bool) {
	defer func() {
		// No handle outlives its turn.
		model.CloseAll()
		flush()
	}()
	answer, err = run(turn, payload)
	var invalid *InvalidPayload
	return answer, err, errors.As(err, &invalid)
}

func run(turn Turn, payload []byte) (answer []byte, err error) {
	defer func() {
		if value := recover(); value != nil {
			host.Current.Log(host.Error, fmt.Sprintf("panic: %v\n\n%s", value, debug.Stack()))
			answer, err = nil, fmt.Errorf("the agent panicked: %v", value)
		}
	}()
	if main := Main; main != nil {
		Main = nil
		main()
	}
	if Handler == nil {
		return nil, errors.New("the agent has no handler: call kellion.Handle in its main function")
	}
	answer, contentType, err := Handler(turn, payload)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		host.Current.SetContentType(contentType)
	}
	return answer, nil
}
