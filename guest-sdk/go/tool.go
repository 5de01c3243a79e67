package kellion

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"kellion.dev/kellion/internal/jsonx"
	"kellion.dev/kellion/internal/schema"
	"kellion.dev/kellion/model"
)

// NoInput is the input of a tool that needs none.
type NoInput struct{}

// Tool is a function that a model may call, and what the model is told about it.
type Tool struct {
	// Declaration is what the model is told.
	Declaration model.Tool
	// Run takes the input's JSON, as a model wrote it. The model reads an error's text and may mend its call.
	Run func(input json.RawMessage) (model.ToolOutput, error)
}

// NewTool makes a tool of a function.
//
// The schema comes from the input's type: a struct's json tags name the fields, a tag `description:"…"` explains one to the
// model, and `enum:"a,b"` lists what it may be; pointers and fields with omitempty or omitzero may be left out. A string
// reaches the model as text, an object as JSON. An error reaches it too, marked as one.
//
// It panics when the input's type has no schema.
func NewTool[I, O any](name, description string, function func(I) (O, error)) Tool {
	input := reflect.TypeFor[I]()
	isObject := jsonx.Deref(input).Kind() == reflect.Struct && !jsonx.ReadsItself(input)
	if !isObject {
		// Providers take objects only.
		input = reflect.TypeFor[wrapped[I]]()
	}
	inputSchema, err := schema.Of(input)
	if err != nil {
		panic(fmt.Sprintf("kellion.NewTool: %q: %v", name, err))
	}
	return Tool{
		Declaration: model.Tool{Name: name, Description: description, InputSchema: inputSchema},
		Run: func(text json.RawMessage) (model.ToolOutput, error) {
			input, err := readInput[I](text, isObject)
			if err != nil {
				return nil, fmt.Errorf("input %w", err)
			}
			output, err := function(input)
			if err != nil {
				return nil, err
			}
			return writeOutput(output)
		},
	}
}

// wrapped is an object round an input that is none.
type wrapped[I any] struct {
	Input I `json:"input"`
}

func readInput[I any](text json.RawMessage, isObject bool) (I, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		// A streamed call of a tool without input has no piece of input at all.
		text = json.RawMessage("{}")
	}
	if isObject {
		var input I
		err := jsonx.Decode(text, &input)
		return input, err
	}
	var input wrapped[I]
	err := jsonx.Decode(text, &input)
	return input.Input, err
}

func writeOutput(output any) (model.ToolOutput, error) {
	if output, ok := output.(model.ToolOutput); ok {
		return output, nil
	}
	if value := reflect.ValueOf(output); value.Kind() == reflect.String && !value.Type().Implements(marshaler) {
		return model.Text(orPlaceholder(value.String())), nil
	}
	text, err := jsonx.Encode(output)
	if err != nil {
		return nil, err
	}
	if text[0] == '{' {
		return model.JSON(text), nil
	}
	// Bedrock refuses JSON results that are no objects.
	return model.Text(text), nil
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// orPlaceholder gives a text as a provider takes it: an empty or blank one would fail every later turn of the conversation.
func orPlaceholder(text string) string {
	if strings.TrimSpace(text) == "" {
		return "(nothing)"
	}
	return text
}
