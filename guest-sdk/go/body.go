package kellion

import (
	"encoding/json"

	"kellion.dev/kellion/internal/jsonx"
)

// Body is bytes and their content type: a payload that nobody has read yet, or an answer ready to go.
type Body struct {
	// ContentType of a payload is what the caller said, or empty. Of an answer it is what the caller is told; empty means
	// application/json.
	ContentType string
	Bytes       []byte
}

// Decode reads JSON, as [Handle] does; its errors blame the payload.
func (b Body) Decode(value any) error {
	if err := jsonx.Decode(b.Bytes, value); err != nil {
		return InvalidPayload("payload %w", err)
	}
	return nil
}

// JSON is an answer in JSON, for an agent that also answers otherwise.
func JSON(value any) (Body, error) {
	text, err := jsonx.Encode(value)
	return Body{ContentType: "application/json", Bytes: text}, err
}

func readPayload[P any](payload Body) (P, error) {
	var input P
	switch input := any(&input).(type) {
	case *Body:
		*input = payload
	case *[]byte:
		*input = payload.Bytes
	default:
		return readJSON[P](payload)
	}
	return input, nil
}

func readJSON[P any](payload Body) (P, error) {
	var input P
	err := payload.Decode(&input)
	return input, err
}

func writeAnswer(answer any) (Body, error) {
	switch answer := answer.(type) {
	case Body:
		return answer, nil
	case []byte:
		return Body{ContentType: "application/octet-stream", Bytes: answer}, nil
	case Streamed:
		return Body{}, answer.send()
	case json.RawMessage:
		return Body{Bytes: answer}, nil
	}
	text, err := jsonx.Encode(answer)
	return Body{Bytes: text}, err
}
