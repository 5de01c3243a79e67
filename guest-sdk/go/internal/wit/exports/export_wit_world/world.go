//go:build wasip1

// Package export_wit_world is where the generated export finds the agent. The generator chooses the name.
package export_wit_world

import (
	"kellion.dev/kellion/internal/wit/imports/kellion_agent_types"
	"kellion.dev/kellion/internal/wit/types"
)

// Turn is the SDK's side of the export.
var Turn func(payload []byte, context kellion_agent_types.Context) ([]byte, error, bool)

// Invoke is one turn.
func Invoke(payload []uint8, context kellion_agent_types.Context) types.Result[[]uint8, kellion_agent_types.AgentError] {
	answer, err, blamesPayload := Turn(payload, context)
	switch {
	case err == nil:
		return types.Ok[[]uint8, kellion_agent_types.AgentError](answer)
	case blamesPayload:
		return types.Err[[]uint8](kellion_agent_types.MakeAgentErrorInvalidPayload(err.Error()))
	default:
		return types.Err[[]uint8](kellion_agent_types.MakeAgentErrorFailed(err.Error()))
	}
}
