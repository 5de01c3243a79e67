package kelliontest

import (
	"kellion.dev/kellion/internal/entry"
	"kellion.dev/kellion/internal/host"
)

// Turn is a turn to run. What is empty of it, the agent is not told, but for the names, which are made up.
type Turn struct {
	// Payload is what the caller sends.
	Payload []byte
	// ContentType is application/json unless it says otherwise.
	ContentType string
	SessionID   string
	UserID      string
	Headers     map[string]string
	Number      uint64
	// Config is the agent's configuration.
	Config map[string]string
	// CallerGone says that nobody reads the answer.
	CallerGone bool
}

// Result is what a turn did.
type Result struct {
	// Body is everything that the caller gets: what was written on the way, and then the answer.
	Body []byte
	// ContentType is what the caller is told.
	ContentType string
	// Err is why the turn failed.
	Err error
	// PayloadBlamed says that the payload was not one that the agent takes.
	PayloadBlamed bool
	// Log has the entries of the session's log, each with its level before it: "info: hello".
	Log []string
}

// Run runs one turn of the agent that kellion.Handle was given.
func Run(turn Turn) Result {
	recorder := &recorder{turn: turn, result: Result{ContentType: "application/json"}}
	before := host.Current
	host.Current = recorder
	defer func() { host.Current = before }()
	answer, err, blamed := entry.Run(told(turn), turn.Payload)
	recorder.result.Body = append(recorder.result.Body, answer...)
	recorder.result.Err = err
	recorder.result.PayloadBlamed = blamed
	return recorder.result
}

// Reset forgets the handler, so that another test can call kellion.Handle.
func Reset() { entry.Handler = nil }

func told(turn Turn) entry.Turn {
	told := entry.Turn{
		SessionID:    or(turn.SessionID, "00000000-0000-0000-0000-000000000001"),
		RequestID:    "00000000-0000-0000-0000-000000000002",
		Number:       max(turn.Number, 1),
		AgentName:    "agent",
		AgentVersion: "1",
		Endpoint:     "DEFAULT",
		TenantID:     "000000000000",
		UserID:       turn.UserID,
		ContentType:  or(turn.ContentType, "application/json"),
	}
	for name, value := range turn.Headers {
		told.Headers = append(told.Headers, entry.Header{Name: name, Value: value})
	}
	return told
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// recorder is a host that writes down what it is told.
type recorder struct {
	turn   Turn
	result Result
}

func (r *recorder) Log(level host.Level, message string) {
	names := [...]string{"debug", "info", "warn", "error"}
	r.result.Log = append(r.result.Log, names[level]+": "+message)
}

func (r *recorder) SetContentType(value string) { r.result.ContentType = value }

func (r *recorder) Write(chunk []byte) bool {
	r.result.Body = append(r.result.Body, chunk...)
	return !r.turn.CallerGone
}

func (r *recorder) Config(name string) (string, bool) {
	value, ok := r.turn.Config[name]
	return value, ok
}

func (r *recorder) Remaining() host.Budget { return host.Budget{} }
