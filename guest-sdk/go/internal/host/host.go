// Package host is the host's side of the contract where it has no model types. Away from WebAssembly a test sets it.
package host

import "sync"

// Level is a log level of the contract.
type Level uint8

// The levels.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Budget is what may still be spent; nil is no limit.
type Budget struct {
	Tokens, MoneyMicros *uint64
}

// Host is what a turn can do to its caller and its log.
type Host interface {
	Log(level Level, message string)
	SetContentType(value string)
	Write(chunk []byte) bool
	Config(name string) (string, bool)
	Remaining() Budget
}

// Current is the host.
var Current Host = absent{}

// Calls is held for a call to the host, so that one goroutine's results are read before another's call begins.
var Calls sync.Mutex
