// Package model calls models through the host: the agent holds no key, and every call is checked against its grant and its
// budget.
//
// The meaning is that of the Bedrock Converse API, and so are the types.
//
//	response, err := model.Converse(&model.Request{
//		Model:    "us.anthropic.claude-sonnet-4-20250514-v1:0",
//		System:   []model.Content{model.Text("Answer in one sentence.")},
//		Messages: []model.Message{model.FromUser("Why is the sky blue?")},
//	})
//
// A [kellion.dev/kellion.Agent] does this and runs tools besides.
package model

import "iter"

// Client answers requests: the host, or in a test a script.
type Client interface {
	// Converse gives one answer, whole.
	Converse(request *Request) (*Response, error)
	// ConverseStream gives one answer as it is made. An error means that nothing was said; later ones come from the stream.
	ConverseStream(request *Request) (*Stream, error)
	// CountTokens tells the input tokens that a request would cost.
	CountTokens(request *Request) (uint64, error)
	// InvokeModel calls a model's own API, for what Converse does not cover, such as embeddings. It needs a grant of its
	// own.
	InvokeModel(model string, body []byte) ([]byte, error)
}

// Default is the models that the host serves. A test may put something else here.
var Default Client = broker{}

// Converse gives one answer, whole. It waits for the provider; an [*Error] says whether to try again.
func Converse(request *Request) (*Response, error) { return Default.Converse(request) }

// ConverseStream gives one answer as it is made. Closing the stream cancels the call; one that is still open when the turn
// ends is closed then.
func ConverseStream(request *Request) (*Stream, error) { return Default.ConverseStream(request) }

// CountTokens tells the input tokens that a request would cost.
func CountTokens(request *Request) (uint64, error) { return Default.CountTokens(request) }

// InvokeModel calls a model's own API. Body in, body out.
func InvokeModel(model string, body []byte) ([]byte, error) { return Default.InvokeModel(model, body) }

// ConverseText gives the pieces of an answer's text as they are made.
func ConverseText(request *Request) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stream, err := ConverseStream(request)
		if err != nil {
			yield("", err)
			return
		}
		defer stream.Close()
		for piece, err := range stream.Text() {
			if !yield(piece, err) {
				return
			}
		}
	}
}
