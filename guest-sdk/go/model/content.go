package model

import (
	"encoding/json"
	"strings"
)

// Content is one block of a message: [Text], [Image], [Document], [Video], [Audio], [ToolUse], [ToolResult], [Reasoning],
// [RedactedReasoning], [CachePoint] or [Other].
type Content interface{ isContent() }

// ToolOutput is one block of a tool's result: [Text], [JSON], [Image], [Document] or [Video].
type ToolOutput interface{ isToolOutput() }

// Text is words.
type Text string

// Image is a picture in a format such as "png" or "jpeg".
type Image struct {
	Format string
	Bytes  []byte
}

// Video is a film in a format such as "mp4".
type Video struct {
	Format string
	Bytes  []byte
}

// Audio is sound in a format such as "wav".
type Audio struct {
	Format string
	Bytes  []byte
}

// Document is a file that the model reads.
type Document struct {
	Name string
	// Format is "pdf", "csv", "md"…
	Format string
	Bytes  []byte
	// Context is told to the model beside the document, unless it is empty.
	Context   string
	Citations bool
}

// ToolUse is the model's call of a tool.
type ToolUse struct {
	ID    string
	Name  string
	Input json.RawMessage
}

// ToolResult is what a call gave.
type ToolResult struct {
	ToolUseID string
	Content   []ToolOutput
	IsError   bool
}

// Reasoning is the model's thinking.
type Reasoning struct {
	Text string
	// Signature goes back unchanged with the next request; empty when there is none.
	Signature string
}

// RedactedReasoning is encrypted thinking. It goes back unchanged.
type RedactedReasoning []byte

// CachePoint says that everything before it may be cached by the provider.
type CachePoint struct{}

// Other is a block that the contract has no case for, as the provider's JSON.
type Other json.RawMessage

// JSON is a tool's output as an object.
type JSON json.RawMessage

func (Text) isContent()              {}
func (Image) isContent()             {}
func (Document) isContent()          {}
func (Video) isContent()             {}
func (Audio) isContent()             {}
func (ToolUse) isContent()           {}
func (ToolResult) isContent()        {}
func (Reasoning) isContent()         {}
func (RedactedReasoning) isContent() {}
func (CachePoint) isContent()        {}
func (Other) isContent()             {}

func (Text) isToolOutput()     {}
func (JSON) isToolOutput()     {}
func (Image) isToolOutput()    {}
func (Document) isToolOutput() {}
func (Video) isToolOutput()    {}

// Role says whose words a message has.
type Role uint8

// The roles.
const (
	User Role = iota
	Assistant
)

// Message is what one side says.
type Message struct {
	Role    Role
	Content []Content
}

// FromUser is what the user says.
func FromUser(text string) Message {
	return Message{Role: User, Content: []Content{Text(text)}}
}

// FromAssistant is what the model said.
func FromAssistant(text string) Message {
	return Message{Role: Assistant, Content: []Content{Text(text)}}
}

// Text gives the text of all text blocks, in order.
func (m Message) Text() string { return text(m.Content) }

func text(content []Content) string {
	var all strings.Builder
	for _, block := range content {
		if text, ok := block.(Text); ok {
			all.WriteString(string(text))
		}
	}
	return all.String()
}
