// Package jsonx reads and writes JSON as agents need it: what does not fit is refused with words that its sender
// understands.
package jsonx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// MaxDepth bounds how deep arrays and objects may nest. Reading takes some stack for each level, and a session's stack is
// small.
const MaxDepth = 1000

// Encode writes a value, with <, > and & as they are.
func Encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// Decode reads a value. Its errors go on from the thing's name: "payload …".
//
// A field of a struct has to be there, unless it is a pointer or its tag has omitempty or omitzero.
func Decode(text []byte, value any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("is not JSON: it is empty")
	}
	if !utf8.Valid(text) {
		return errors.New("is not JSON: it is no valid UTF-8")
	}
	if tooDeep(text) {
		return fmt.Errorf("is not JSON that this agent reads: it is nested more than %d deep", MaxDepth)
	}
	if err := json.Unmarshal(text, value); err != nil {
		return misfit(err)
	}
	return complete(text, value)
}

func misfit(err error) error {
	var shape *json.UnmarshalTypeError
	if errors.As(err, &shape) {
		if shape.Field != "" {
			return fmt.Errorf("does not fit: `%s` is a JSON %s, not %s", shape.Field, shape.Value, wanted(shape.Type))
		}
		return fmt.Errorf("does not fit: a JSON %s is not %s", shape.Value, wanted(shape.Type))
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("is not JSON: %w (at byte %d)", syntax, syntax.Offset)
	}
	// An UnmarshalJSON of the author's.
	return fmt.Errorf("does not fit: %w", err)
}

// wanted names what a type takes, in JSON's words where Go's would mean nothing to the sender.
func wanted(t reflect.Type) string {
	switch t = Deref(t); t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	}
	return "a number of type " + t.Kind().String()
}

// tooDeep looks at brackets outside of strings only, so it needs no stack itself.
func tooDeep(text []byte) bool {
	depth := 0
	inString := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			inString = !inString
		case '\\':
			if inString {
				i++
			}
		case '[', '{':
			if !inString {
				depth++
			}
		case ']', '}':
			if !inString {
				depth--
			}
		}
		if depth > MaxDepth {
			return true
		}
	}
	return false
}
