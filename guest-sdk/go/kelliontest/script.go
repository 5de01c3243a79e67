// Package kelliontest is for an agent's unit tests, which need no model, no server and no WebAssembly.
//
//	script := kelliontest.NewScript().Calls("weather", `{"city": "Lima"}`).Says("It is sunny.")
//	assistant.Client = script
//	reply, err := assistant.Ask("How is the weather?")
package kelliontest

import (
	"encoding/json"
	"fmt"
	"strings"

	"kellion.dev/kellion/model"
)

// Script is a model that gives prepared answers, one for each request.
type Script struct {
	// Requests are those that have come so far.
	Requests []*model.Request
	answers  []answer
	calls    int
}

type answer struct {
	response *model.Response
	err      error
}

// NewScript has no answers yet.
func NewScript() *Script { return &Script{} }

// Says adds an answer that is one text.
func (s *Script) Says(text string) *Script {
	return s.Answers(response(model.EndTurn, model.Text(text)))
}

// Calls adds an answer that calls a tool with an input in JSON.
func (s *Script) Calls(tool, input string) *Script {
	s.calls++
	use := model.ToolUse{ID: fmt.Sprintf("call-%d", s.calls), Name: tool, Input: json.RawMessage(input)}
	return s.Answers(response(model.StopForTool, use))
}

// Answers adds an answer, whatever it is.
func (s *Script) Answers(response *model.Response) *Script {
	s.answers = append(s.answers, answer{response: response})
	return s
}

// Fails adds an error.
func (s *Script) Fails(err error) *Script {
	s.answers = append(s.answers, answer{err: err})
	return s
}

func response(reason model.StopReason, content model.Content) *model.Response {
	return &model.Response{
		Content:    []model.Content{content},
		StopReason: reason,
		Usage:      model.Usage{InputTokens: 10, OutputTokens: 5},
		Model:      "script",
	}
}

// Converse gives the next answer.
func (s *Script) Converse(request *model.Request) (*model.Response, error) {
	s.Requests = append(s.Requests, request)
	if len(s.answers) == 0 {
		return nil, &model.Error{Kind: model.Unavailable, Message: "the script has no more answers"}
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next.response, next.err
}

// ConverseStream gives the next answer, its text word by word, each with the space after it.
func (s *Script) ConverseStream(request *model.Request) (*model.Stream, error) {
	response, err := s.Converse(request)
	if err != nil {
		return nil, err
	}
	events := &events{response: response}
	if text := response.Text(); text != "" {
		events.pieces = strings.SplitAfter(text, " ")
	}
	return model.NewStream(events), nil
}

// CountTokens counts ten for every message.
func (s *Script) CountTokens(request *model.Request) (uint64, error) {
	return uint64(10 * len(request.Messages)), nil
}

// InvokeModel gives the next answer's text.
func (s *Script) InvokeModel(name string, _ []byte) ([]byte, error) {
	response, err := s.Converse(&model.Request{Model: name})
	if err != nil {
		return nil, err
	}
	return []byte(response.Text()), nil
}

type events struct {
	pieces   []string
	response *model.Response
}

func (e *events) Next() (model.Event, error) {
	if len(e.pieces) == 0 {
		return model.Done{Response: e.response}, nil
	}
	piece := e.pieces[0]
	e.pieces = e.pieces[1:]
	return model.TextDelta(piece), nil
}

func (e *events) Close() {}
