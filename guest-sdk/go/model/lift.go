//go:build wasip1

package model

import (
	"encoding/json"
	"time"

	wit "kellion.dev/kellion/internal/wit/imports/kellion_agent_model"
	"kellion.dev/kellion/internal/wit/types"
)

// From the contract's types to the package's.

func liftResponse(result types.Result[wit.Response, wit.Error]) (*Response, error) {
	if result.Tag() == types.ResultErr {
		return nil, liftError(result.Err())
	}
	return liftWhole(result.Ok()), nil
}

func liftWhole(response wit.Response) *Response {
	content := make([]Content, 0, len(response.Content))
	for _, block := range response.Content {
		content = append(content, liftContent(block))
	}
	return &Response{
		Content:    content,
		StopReason: liftStopReason(response.StopReason),
		Usage:      liftUsage(response.Usage),
		Latency:    time.Duration(response.LatencyMs) * time.Millisecond,
		Model:      response.Model,
		Extra:      raw(response.Extra.Some()),
	}
}

func liftContent(content wit.Content) Content {
	switch content.Tag() {
	case wit.Content_Text:
		return Text(content.Text())
	case wit.Content_Image:
		return Image(content.Image())
	case wit.Content_Document:
		return liftDocument(content.Document())
	case wit.Content_Video:
		return Video(content.Video())
	case wit.Content_Audio:
		return Audio(content.Audio())
	case wit.Content_ToolUse:
		use := content.ToolUse()
		return ToolUse{ID: use.Id, Name: use.Name, Input: raw(use.Input)}
	case wit.Content_ToolResult:
		result := content.ToolResult()
		outputs := make([]ToolOutput, 0, len(result.Content))
		for _, output := range result.Content {
			outputs = append(outputs, liftOutput(output))
		}
		return ToolResult{ToolUseID: result.ToolUseId, Content: outputs, IsError: result.IsError}
	case wit.Content_Reasoning:
		reasoning := content.Reasoning()
		return Reasoning{Text: reasoning.Text, Signature: reasoning.Signature.Some()}
	case wit.Content_RedactedReasoning:
		return RedactedReasoning(content.RedactedReasoning())
	case wit.Content_CachePoint:
		return CachePoint{}
	default:
		return Other(content.Other())
	}
}

func liftOutput(output wit.ToolOutput) ToolOutput {
	switch output.Tag() {
	case wit.ToolOutput_Text:
		return Text(output.Text())
	case wit.ToolOutput_Json:
		return JSON(output.Json())
	case wit.ToolOutput_Image:
		return Image(output.Image())
	case wit.ToolOutput_Document:
		return liftDocument(output.Document())
	default:
		return Video(output.Video())
	}
}

func liftDocument(document wit.Document) Document {
	return Document{
		Name:      document.Name,
		Format:    document.Format,
		Bytes:     document.Bytes,
		Context:   document.Context.Some(),
		Citations: document.Citations,
	}
}

func liftStopReason(reason wit.StopReason) StopReason {
	reasons := [...]StopReason{
		EndTurn, StopForTool, MaxTokens, StopSequence, GuardrailIntervened, ContentFiltered, ContextWindowExceeded,
	}
	if int(reason.Tag()) < len(reasons) {
		return reasons[reason.Tag()]
	}
	return StopReason(reason.Other())
}

func liftUsage(usage wit.Usage) Usage { return Usage(usage) }

func liftError(err wit.Error) error {
	lifted := &Error{
		Kind:       ErrorKind(err.Kind),
		Message:    err.Message,
		RetryAfter: time.Duration(err.RetryAfterMs.Some()) * time.Millisecond,
	}
	if err.Usage.Tag() == types.OptionSome {
		usage := liftUsage(err.Usage.Some())
		lifted.Usage = &usage
	}
	return lifted
}

func liftEvent(event wit.Event) Event {
	switch event.Tag() {
	case wit.Event_BlockStart:
		return liftStart(event.BlockStart())
	case wit.Event_Delta:
		return liftDelta(event.Delta())
	case wit.Event_BlockStop:
		return BlockStop{}
	default:
		return Done{liftWhole(event.Done())}
	}
}

func liftStart(start wit.BlockStart) Event {
	switch start.Tag() {
	case wit.BlockStart_Text:
		return BlockStart{Kind: "text"}
	case wit.BlockStart_Reasoning:
		return BlockStart{Kind: "reasoning"}
	case wit.BlockStart_ToolUse:
		use := start.ToolUse()
		return BlockStart{Kind: "tool-use", ToolUseID: use.Id, ToolName: use.Name}
	default:
		return BlockStart{Kind: "other", Other: raw(start.Other())}
	}
}

func liftDelta(delta wit.Delta) Event {
	switch delta.Tag() {
	case wit.Delta_Text:
		return TextDelta(delta.Text())
	case wit.Delta_Reasoning:
		return ReasoningDelta(delta.Reasoning())
	case wit.Delta_ReasoningSignature:
		return SignatureDelta(delta.ReasoningSignature())
	case wit.Delta_RedactedReasoning:
		return RedactedDelta(delta.RedactedReasoning())
	case wit.Delta_ToolInput:
		return ToolInputDelta(delta.ToolInput())
	default:
		return OtherDelta(delta.Other())
	}
}

// raw is JSON text, or nil for none.
func raw(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
