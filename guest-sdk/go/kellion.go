// Package kellion is for agents that Kellion hosts.
//
// An agent is a function. Kellion gives every session a WebAssembly instance of its own and calls the function once for each
// turn: whatever the program keeps in its variables is there again in the next turn, and no other session sees it.
//
//	package main
//
//	import "kellion.dev/kellion"
//
//	type Question struct {
//		Prompt string `json:"prompt"`
//	}
//
//	var assistant = &kellion.Agent{
//		Model:  "us.anthropic.claude-sonnet-4-20250514-v1:0",
//		System: "You are the concierge of a small hotel.",
//		Tools:  []kellion.Tool{kellion.NewTool("weather", "Tells today's weather.", weather)},
//	}
//
//	func weather(kellion.NoInput) (string, error) { return "sunny", nil }
//
//	func answer(ctx *kellion.Context, question Question) (string, error) {
//		reply, err := assistant.Ask(question.Prompt)
//		if err != nil {
//			return "", err
//		}
//		return reply.Text, nil
//	}
//
//	func main() { kellion.Handle(answer) }
//
// The program's main runs once, in the session's first turn, and must return.
package kellion

import (
	"iter"
	"reflect"

	"kellion.dev/kellion/internal/entry"
)

// Handle makes a function the agent. Call it once, in main or in an init function.
//
// The payload is read from JSON, unless P is [Body] or []byte, which take any bytes. A struct's fields have to be there,
// unless they are pointers or their tags have omitempty or omitzero; a payload that does not fit is refused before the
// function is called. The answer is written as JSON, unless it is a [Body], []byte or [Streamed].
//
// An error fails the turn, and the caller reads its text; so does a panic. The session goes on.
func Handle[P, A any](function func(*Context, P) (A, error)) {
	if kind := reflect.TypeFor[A]().Kind(); kind == reflect.Func || kind == reflect.Chan {
		panic("kellion.Handle: " + reflect.TypeFor[A]().String() + " cannot be an answer; for an iterator call HandleStream")
	}
	register(func(ctx *Context, payload Body) (Body, error) {
		input, err := readPayload[P](payload)
		if err != nil {
			return Body{}, err
		}
		answer, err := function(ctx, input)
		if err != nil {
			return Body{}, err
		}
		return writeAnswer(answer)
	})
}

// HandleStream makes a function the agent whose answer is sent as it is made: each item one server-sent event with the
// item's JSON. An error of the iterator ends the stream and fails the turn.
func HandleStream[P, T any](function func(*Context, P) iter.Seq2[T, error]) {
	Handle(func(ctx *Context, payload P) (Streamed, error) {
		return Stream(function(ctx, payload)), nil
	})
}

func register(handler func(*Context, Body) (Body, error)) {
	if entry.Handler != nil {
		panic("kellion.Handle: there is a handler already; an agent has one")
	}
	entry.Handler = func(turn entry.Turn, payload []byte) ([]byte, string, error) {
		ctx, end := newContext(turn)
		defer end()
		body, err := handler(ctx, Body{ContentType: turn.ContentType, Bytes: payload})
		return body.Bytes, body.ContentType, err
	}
}
