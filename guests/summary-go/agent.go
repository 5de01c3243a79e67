// An agent that summarises documents too long for one question to a model: it has each part summarised, and then what came
// of the parts, until one summary is left.
//
// Send it a document as bytes of the type text/plain, whole or in parts over as many turns as you like, and then
// {"do": "summarise"}. Progress and the summary come as server-sent events.
package main

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"

	"kellion.dev/kellion"
)

// The session's memory: the document so far.
var document strings.Builder

// order is what a caller wants done with the document.
type order struct {
	Do string `json:"do"`
	// Chunk is the length of a part in bytes.
	Chunk int `json:"chunk,omitempty"`
}

// received says how much of a document is here.
type received struct {
	Bytes int `json:"bytes"`
	Words int `json:"words"`
}

const (
	usualChunk = 12_000
	leastChunk = 200
	mostBytes  = 8 << 20
)

func answer(ctx *kellion.Context, payload kellion.Body) (any, error) {
	if contentType, _, _ := strings.Cut(ctx.ContentType, ";"); contentType != "application/json" {
		return receive(payload.Bytes)
	}
	var order order
	if err := payload.Decode(&order); err != nil {
		return nil, err
	}
	switch order.Do {
	case "summarise":
		if strings.TrimSpace(document.String()) == "" {
			return nil, kellion.InvalidPayload("there is no document yet: send its text as text/plain first")
		}
		if order.Chunk == 0 {
			order.Chunk = usualChunk
		}
		if order.Chunk < leastChunk {
			return nil, kellion.InvalidPayload("a chunk of %d bytes is too small: it takes %d", order.Chunk, leastChunk)
		}
		return kellion.Stream(progress(document.String(), order.Chunk)), nil
	case "forget":
		document.Reset()
		return received{}, nil
	}
	return nil, kellion.InvalidPayload("`do` is %q; it can be summarise or forget", order.Do)
}

// receive adds a part to the document. A character may be cut where two parts meet.
func receive(part []byte) (any, error) {
	if bytes.IndexByte(part, 0) >= 0 {
		return nil, kellion.InvalidPayload("the document is no text: it has a zero byte")
	}
	if document.Len()+len(part) > mostBytes {
		return nil, kellion.InvalidPayload("the document is longer than %d bytes", mostBytes)
	}
	document.Write(part)
	return received{Bytes: document.Len(), Words: len(strings.Fields(document.String()))}, nil
}

// progress gives the events of one summary.
func progress(text string, chunk int) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		text = strings.ToValidUTF8(text, string(utf8.RuneError))
		if err := summarise(text, chunk, func(event event) bool { return yield(event, nil) }); err != nil {
			yield(event{}, err)
		}
	}
}

func main() { kellion.Handle(answer) }
