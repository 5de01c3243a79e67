package kellion

import (
	"errors"
	"iter"

	"kellion.dev/kellion/internal/host"
	"kellion.dev/kellion/internal/jsonx"
	"kellion.dev/kellion/model"
)

// Streamed is an answer that goes out as it is made, or has gone already. It comes from [Stream] or [Events.End].
type Streamed struct {
	run func() error
}

func (s Streamed) send() error {
	if s.run == nil {
		return nil
	}
	return s.run()
}

// Stream sends each item of an iterator as a server-sent event. No more are taken once the caller has gone.
func Stream[T any](items iter.Seq2[T, error]) Streamed {
	return Streamed{func() error {
		events := OpenEvents()
		for item, err := range items {
			if err != nil {
				return err
			}
			if err := events.Send(item); err != nil {
				return err
			}
			if !events.HasReader() {
				break
			}
		}
		return nil
	}}
}

// Events is an answer in server-sent events: each item one frame, "data: JSON" and an empty line.
type Events struct {
	hasReader bool
}

// OpenEvents begins the answer, of the content type text/event-stream.
func OpenEvents() *Events {
	SetContentType("text/event-stream")
	return &Events{hasReader: true}
}

// Send sends one item now. It fails only when the item cannot be written as JSON.
func (e *Events) Send(item any) error {
	text, err := jsonx.Encode(item)
	if err != nil {
		return err
	}
	frame := make([]byte, 0, len(text)+len("data: \n\n"))
	frame = append(append(append(frame, "data: "...), text...), "\n\n"...)
	e.hasReader = Write(frame)
	return nil
}

// HasReader is false once the caller has gone: whatever is sent from then on reaches nobody.
func (e *Events) HasReader() bool { return e.hasReader }

// Forward sends a model's text, each piece one item, and gives the whole response. The host does it alone: a piece costs
// the agent nothing.
func (e *Events) Forward(stream *model.Stream) (*model.Response, error) {
	if response, forwarded, err := stream.Forward(); forwarded {
		return response, err
	}
	for piece, err := range stream.Text() {
		if err := errors.Join(err, e.Send(piece)); err != nil {
			return nil, err
		}
	}
	return stream.Response()
}

// End is the end of the answer, to be returned.
func (e *Events) End() Streamed { return Streamed{} }

// SetContentType says what the answer's bytes are, before the first [Write]; otherwise application/json.
func SetContentType(value string) { host.Current.SetContentType(value) }

// Write sends a piece of the answer to the caller now; what the turn returns comes after it. It waits while the caller is
// slow, and says whether the caller is still there.
func Write(chunk []byte) bool { return host.Current.Write(chunk) }
