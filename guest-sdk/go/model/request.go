package model

import (
	"encoding/json"
	"time"
)

// Request is one question to one model.
type Request struct {
	// Model is a model id, an inference-profile id, or an alias that the operator has set.
	Model string
	// System is text and cache points.
	System     []Content
	Messages   []Message
	Inference  Inference
	Tools      []Tool
	ToolChoice *ToolChoice
	Guardrail  *Guardrail
	// Extra is fields of the model itself (additionalModelRequestFields).
	Extra json.RawMessage
}

// Inference is how the model picks its words; what is zero is the model's own setting.
type Inference struct {
	MaxTokens     uint32
	Temperature   *float32
	TopP          *float32
	StopSequences []string
}

// Float is for [Inference.Temperature] and [Inference.TopP], for which zero is a setting.
func Float(value float32) *float32 { return &value }

// Tool tells a model of a function that it may call.
type Tool struct {
	Name        string
	Description string
	// InputSchema is a JSON schema.
	InputSchema json.RawMessage
}

// ToolChoice says whether the model must use a tool: [AutoTool], [AnyTool] or [OneTool].
type ToolChoice struct {
	kind uint8
	name string
}

// AutoTool leaves it to the model.
func AutoTool() *ToolChoice { return &ToolChoice{} }

// AnyTool makes the model call some tool.
func AnyTool() *ToolChoice { return &ToolChoice{kind: 1} }

// OneTool makes the model call this tool.
func OneTool(name string) *ToolChoice { return &ToolChoice{kind: 2, name: name} }

// Guardrail is what the call is put under.
type Guardrail struct{ ID, Version string }

// StopReason says why the model stopped.
type StopReason string

// The reasons of the contract. A provider may have others.
const (
	EndTurn               StopReason = "end_turn"
	StopForTool           StopReason = "tool_use"
	MaxTokens             StopReason = "max_tokens"
	StopSequence          StopReason = "stop_sequence"
	GuardrailIntervened   StopReason = "guardrail_intervened"
	ContentFiltered       StopReason = "content_filtered"
	ContextWindowExceeded StopReason = "model_context_window_exceeded"
)

// Usage is what a call cost.
type Usage struct {
	InputTokens      uint64 `json:"input_tokens"`
	OutputTokens     uint64 `json:"output_tokens"`
	CacheReadTokens  uint64 `json:"cache_read_tokens"`
	CacheWriteTokens uint64 `json:"cache_write_tokens"`
}

// Add adds what another call cost.
func (u *Usage) Add(more Usage) {
	u.InputTokens += more.InputTokens
	u.OutputTokens += more.OutputTokens
	u.CacheReadTokens += more.CacheReadTokens
	u.CacheWriteTokens += more.CacheWriteTokens
}

// Response is a model's answer.
type Response struct {
	Content    []Content
	StopReason StopReason
	Usage      Usage
	// Latency is by the provider's count.
	Latency time.Duration
	// Model is the one that answered, after aliases and fallbacks.
	Model string
	Extra json.RawMessage
}

// Text gives the text of all text blocks, in order.
func (r *Response) Text() string { return text(r.Content) }

// ToolUses gives the tools that the model asks for, in order.
func (r *Response) ToolUses() []ToolUse {
	var uses []ToolUse
	for _, block := range r.Content {
		if use, ok := block.(ToolUse); ok {
			uses = append(uses, use)
		}
	}
	return uses
}
