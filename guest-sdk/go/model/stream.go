package model

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Event is a piece of a response: [BlockStart], [TextDelta], [ReasoningDelta], [SignatureDelta], [RedactedDelta],
// [ToolInputDelta], [OtherDelta], [BlockStop] or [Done].
type Event interface{ isEvent() }

// BlockStart opens a content block. Kind is "text", "reasoning", "tool-use" or "other".
type BlockStart struct {
	Kind string
	// ToolUseID and ToolName are those of a tool use.
	ToolUseID, ToolName string
	// Other is a block that the contract has no case for.
	Other json.RawMessage
}

// TextDelta is more of a text.
type TextDelta string

// ReasoningDelta is more of the model's thinking.
type ReasoningDelta string

// SignatureDelta is the signature of the model's thinking.
type SignatureDelta string

// RedactedDelta is encrypted thinking.
type RedactedDelta []byte

// ToolInputDelta is a piece of the JSON text of a tool's input.
type ToolInputDelta string

// OtherDelta is a piece that the contract has no case for.
type OtherDelta json.RawMessage

// BlockStop closes a content block.
type BlockStop struct{}

// Done comes last and carries the response whole.
type Done struct{ Response *Response }

func (BlockStart) isEvent()     {}
func (TextDelta) isEvent()      {}
func (ReasoningDelta) isEvent() {}
func (SignatureDelta) isEvent() {}
func (RedactedDelta) isEvent()  {}
func (ToolInputDelta) isEvent() {}
func (OtherDelta) isEvent()     {}
func (BlockStop) isEvent()      {}
func (Done) isEvent()           {}

// Source is where a stream's events come from.
type Source interface {
	// Next gives the next event; nil after Done.
	Next() (Event, error)
	// Close cancels the call. It is called once.
	Close()
}

// Stream is a response as it is made.
type Stream struct {
	source   Source
	response *Response
	isOver   bool
}

// NewStream makes a stream of events that come from elsewhere than the host.
func NewStream(source Source) *Stream {
	stream := &Stream{source: source}
	openLock.Lock()
	defer openLock.Unlock()
	open[stream] = struct{}{}
	return stream
}

// open are the streams that have not been closed.
var (
	open     = map[*Stream]struct{}{}
	openLock sync.Mutex
)

// CloseAll closes every stream that is still open. The SDK does it at the end of a turn: no handle outlives it.
func CloseAll() {
	openLock.Lock()
	streams := slices.Collect(maps.Keys(open))
	openLock.Unlock()
	for _, stream := range streams {
		stream.Close()
	}
}

// Next gives the next event, or nil when there is none any more.
func (s *Stream) Next() (Event, error) {
	if s.isOver {
		return nil, nil
	}
	event, err := s.source.Next()
	if done, ok := event.(Done); ok {
		s.response = done.Response
	}
	if err != nil || event == nil || s.response != nil {
		s.Close()
	}
	return event, err
}

// Events gives the events, the last of which is [Done], unless there is an error.
func (s *Stream) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := s.Next()
			if event == nil && err == nil {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Text gives the pieces of the text. [Stream.Response] has the whole afterwards.
func (s *Stream) Text() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for event, err := range s.Events() {
			if err != nil {
				yield("", err)
				return
			}
			if text, ok := event.(TextDelta); ok && !yield(string(text), nil) {
				return
			}
		}
	}
}

// Response gives the whole response. What has not been read of the stream is read and passed over.
func (s *Stream) Response() (*Response, error) {
	for _, err := range s.Events() {
		if err != nil {
			return nil, err
		}
	}
	if s.response == nil {
		return nil, &Error{Kind: Unavailable, Message: "the stream ended before its response was whole"}
	}
	return s.response, nil
}

// Forward sends the text to the caller as it comes, each piece a server-sent event, and gives the whole response. The host
// does it alone; [kellion.dev/kellion.Events.Forward] sets the content type too. It is false for a stream that is not the
// host's, of which nothing has been read then.
func (s *Stream) Forward() (*Response, bool, error) {
	forwarder, ok := s.source.(interface{ Forward() (*Response, error) })
	if !ok || s.isOver {
		return nil, false, nil
	}
	response, err := forwarder.Forward()
	s.response = response
	s.Close()
	return response, true, err
}

// Close cancels the call if it is still going on.
func (s *Stream) Close() {
	if !s.isOver {
		s.isOver = true
		openLock.Lock()
		delete(open, s)
		openLock.Unlock()
		s.source.Close()
	}
}
