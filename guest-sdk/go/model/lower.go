//go:build wasip1

package model

import (
	"strings"

	wit "kellion.dev/kellion/internal/wit/imports/kellion_agent_model"
	"kellion.dev/kellion/internal/wit/types"
)

// From the package's types to the contract's, whose strings are UTF-8.

func lowerRequest(request *Request) wit.Request {
	return wit.Request{
		Model:    utf8(request.Model),
		System:   lowerAll(request.System, lowerContent),
		Messages: lowerAll(request.Messages, lowerMessage),
		Inference: wit.Inference{
			MaxTokens:     optional(request.Inference.MaxTokens),
			Temperature:   option(request.Inference.Temperature),
			TopP:          option(request.Inference.TopP),
			StopSequences: lowerAll(request.Inference.StopSequences, utf8),
		},
		Tools:      lowerAll(request.Tools, lowerTool),
		ToolChoice: lowerChoice(request.ToolChoice),
		Guardrail:  lowerGuardrail(request.Guardrail),
		Extra:      optional(utf8(string(request.Extra))),
	}
}

func lowerMessage(message Message) wit.Message {
	return wit.Message{Role: uint8(message.Role), Content: lowerAll(message.Content, lowerContent)}
}

func lowerContent(content Content) wit.Content {
	switch content := content.(type) {
	case Text:
		return wit.MakeContentText(utf8(string(content)))
	case Image:
		return wit.MakeContentImage(wit.Media{Format: utf8(content.Format), Bytes: content.Bytes})
	case Document:
		return wit.MakeContentDocument(lowerDocument(content))
	case Video:
		return wit.MakeContentVideo(wit.Media{Format: utf8(content.Format), Bytes: content.Bytes})
	case Audio:
		return wit.MakeContentAudio(wit.Media{Format: utf8(content.Format), Bytes: content.Bytes})
	case ToolUse:
		return wit.MakeContentToolUse(wit.ToolUse{
			Id:    utf8(content.ID),
			Name:  utf8(content.Name),
			Input: utf8(string(content.Input)),
		})
	case ToolResult:
		return wit.MakeContentToolResult(wit.ToolResult{
			ToolUseId: utf8(content.ToolUseID),
			Content:   lowerAll(content.Content, lowerOutput),
			IsError:   content.IsError,
		})
	case Reasoning:
		return wit.MakeContentReasoning(wit.Reasoning{
			Text:      utf8(content.Text),
			Signature: optional(utf8(content.Signature)),
		})
	case RedactedReasoning:
		return wit.MakeContentRedactedReasoning(content)
	case CachePoint:
		return wit.MakeContentCachePoint()
	case Other:
		return wit.MakeContentOther(utf8(string(content)))
	}
	panic("a message has a block of content that is nil")
}

func lowerOutput(output ToolOutput) wit.ToolOutput {
	switch output := output.(type) {
	case Text:
		return wit.MakeToolOutputText(utf8(string(output)))
	case JSON:
		return wit.MakeToolOutputJson(utf8(string(output)))
	case Image:
		return wit.MakeToolOutputImage(wit.Media{Format: utf8(output.Format), Bytes: output.Bytes})
	case Document:
		return wit.MakeToolOutputDocument(lowerDocument(output))
	case Video:
		return wit.MakeToolOutputVideo(wit.Media{Format: utf8(output.Format), Bytes: output.Bytes})
	}
	panic("a tool's result has a block of content that is nil")
}

func lowerDocument(document Document) wit.Document {
	return wit.Document{
		Name:      utf8(document.Name),
		Format:    utf8(document.Format),
		Bytes:     document.Bytes,
		Context:   optional(utf8(document.Context)),
		Citations: document.Citations,
	}
}

func lowerTool(tool Tool) wit.Tool {
	return wit.Tool{
		Name:        utf8(tool.Name),
		Description: optional(utf8(tool.Description)),
		InputSchema: utf8(string(tool.InputSchema)),
	}
}

func lowerChoice(choice *ToolChoice) types.Option[wit.ToolChoice] {
	switch {
	case choice == nil:
		return types.None[wit.ToolChoice]()
	case choice.kind == 0:
		return types.Some(wit.MakeToolChoiceAuto())
	case choice.kind == 1:
		return types.Some(wit.MakeToolChoiceAny())
	}
	return types.Some(wit.MakeToolChoiceTool(utf8(choice.name)))
}

func lowerGuardrail(guardrail *Guardrail) types.Option[wit.Guardrail] {
	if guardrail == nil {
		return types.None[wit.Guardrail]()
	}
	return types.Some(wit.Guardrail{Id: utf8(guardrail.ID), Version: utf8(guardrail.Version)})
}

func lowerAll[T, L any](items []T, lower func(T) L) []L {
	lowered := make([]L, len(items))
	for i, item := range items {
		lowered[i] = lower(item)
	}
	return lowered
}

// optional is nothing for a zero.
func optional[T comparable](value T) types.Option[T] {
	var zero T
	if value == zero {
		return types.None[T]()
	}
	return types.Some(value)
}

func option[T any](value *T) types.Option[T] {
	if value == nil {
		return types.None[T]()
	}
	return types.Some(*value)
}

func utf8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
