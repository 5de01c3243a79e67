//go:build wasip1

package host

import (
	"strings"

	"kellion.dev/kellion/internal/wit/imports/kellion_agent_log"
	"kellion.dev/kellion/internal/wit/imports/kellion_agent_response"
	"kellion.dev/kellion/internal/wit/imports/kellion_agent_session"
	"kellion.dev/kellion/internal/wit/runtime"
	"kellion.dev/kellion/internal/wit/types"
)

func init() { Current = guest{} }

// Call runs one call to the host, from the values that it is given to the values that it returns.
func Call[T any](call func() T) T {
	Calls.Lock()
	defer Calls.Unlock()
	defer runtime.Release()
	return call()
}

// guest calls the host that runs this component.
type guest struct{}

func (guest) Log(level Level, message string) {
	// The contract's strings are UTF-8; Go's may be anything.
	message = strings.ToValidUTF8(message, "\uFFFD")
	Call(func() types.Unit {
		kellion_agent_log.Write(uint8(level), message)
		return types.Unit{}
	})
}

func (guest) SetContentType(value string) {
	value = strings.ToValidUTF8(value, "\uFFFD")
	Call(func() types.Unit {
		kellion_agent_response.SetContentType(value)
		return types.Unit{}
	})
}

func (guest) Write(chunk []byte) bool {
	return Call(func() bool { return kellion_agent_response.Write(chunk) })
}

func (guest) Config(name string) (string, bool) {
	name = strings.ToValidUTF8(name, "\uFFFD")
	value := Call(func() types.Option[string] { return kellion_agent_session.Config(name) })
	return value.Some(), value.Tag() == types.OptionSome
}

func (guest) Remaining() Budget {
	budget := Call(kellion_agent_session.Remaining)
	return Budget{Tokens: pointer(budget.Tokens), MoneyMicros: pointer(budget.MoneyMicros)}
}

func pointer[T any](option types.Option[T]) *T {
	if option.Tag() == types.OptionNone {
		return nil
	}
	value := option.Some()
	return &value
}
