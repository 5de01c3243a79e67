package model

import "time"

// ErrorKind says what to do about an error.
type ErrorKind uint8

// The kinds.
const (
	// Denied is not in the agent's grant.
	Denied ErrorKind = iota
	// BudgetExhausted is a budget of turn, session, agent or tenant that is used up.
	BudgetExhausted
	// Invalid is a request that makes no sense to the provider.
	Invalid
	ContextTooLong
	Throttled
	Timeout
	// Unavailable is a provider or a network that failed.
	Unavailable
)

func (k ErrorKind) String() string {
	names := [...]string{
		"denied", "budget-exhausted", "invalid", "context-too-long", "throttled", "timeout", "unavailable",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Error is a model call that failed.
type Error struct {
	Kind ErrorKind
	// Message is the host's or the provider's words.
	Message string
	// RetryAfter is when another attempt may succeed; zero when nobody knows.
	RetryAfter time.Duration
	// Usage is what was billed all the same.
	Usage *Usage
}

func (e *Error) Error() string {
	what := [...]string{
		"the model call is not allowed",
		"the model budget is used up",
		"the model request is not valid",
		"the conversation is too long for the model",
		"the model is throttled",
		"the model took too long",
		"the model is unavailable",
	}
	if int(e.Kind) < len(what) {
		return what[e.Kind] + ": " + e.Message
	}
	return e.Message
}

// Temporary says whether the same request may succeed later.
func (e *Error) Temporary() bool {
	return e.Kind == Throttled || e.Kind == Timeout || e.Kind == Unavailable
}
