//go:build wasip1

package entry

import (
	"log/slog"
	"runtime/debug"
	"syscall"
	_ "unsafe" // For linkname.

	"kellion.dev/kellion/internal/host"
	"kellion.dev/kellion/internal/logs"
	"kellion.dev/kellion/internal/wit/exports/export_wit_world"
	_ "kellion.dev/kellion/internal/wit/exports/wit_exports" // Exports invoke.
	"kellion.dev/kellion/internal/wit/imports/kellion_agent_types"
	"kellion.dev/kellion/internal/wit/types"
)

// A library's main is not run by the Go runtime.
//
//go:linkname mainMain main.main
func mainMain()

// gcPercent lets garbage grow to a quarter of what is alive, or to one MiB when less is: linear memory never shrinks again,
// and a server holds many sessions.
const gcPercent = 25

func init() {
	debug.SetGCPercent(gcPercent)
	slog.SetDefault(slog.New(logs.Handler{}))
	Main = mainMain
	export_wit_world.Turn = invoke
}

func invoke(payload []byte, context kellion_agent_types.Context) ([]byte, error, bool) {
	// The payload and the context are Go values by now.
	host.Call(func() types.Unit { return types.Unit{} })
	headers := make([]Header, 0, len(context.Headers))
	for _, header := range context.Headers {
		headers = append(headers, Header{Name: header.Name, Value: header.Value})
	}
	return Run(Turn{
		SessionID:    context.SessionId,
		RequestID:    context.RequestId,
		Number:       context.Turn,
		AgentName:    context.AgentName,
		AgentVersion: context.AgentVersion,
		Endpoint:     context.Endpoint,
		TenantID:     context.TenantId,
		UserID:       context.UserId.Some(),
		Headers:      headers,
		ContentType:  context.ContentType.Some(),
		Accept:       context.Accept.Some(),
		DeadlineMS:   context.DeadlineMs.Some(),
		Traceparent:  context.Traceparent.Some(),
	}, payload)
}

// flush logs what was printed without a line's end.
func flush() {
	_ = syscall.Fsync(1)
	_ = syscall.Fsync(2)
}
