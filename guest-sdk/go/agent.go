package kellion

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"kellion.dev/kellion/model"
)

// ErrStopped is a turn that its own reader has ended.
var ErrStopped = errors.New("the turn was stopped by its reader")

// MaxRounds is how often a model is asked in one turn, unless [Agent.MaxRounds] says otherwise.
const MaxRounds = 20

// Agent is a model with a system prompt and tools, that remembers what was said. In a variable of the package its
// conversation lasts as long as the session.
type Agent struct {
	// Model is a model id, an inference-profile id, or an alias that the operator has set.
	Model     string
	System    string
	Tools     []Tool
	Inference model.Inference
	Guardrail *model.Guardrail
	// MaxRounds bounds how often the model is asked in one turn; zero means [MaxRounds].
	MaxRounds int
	// Messages is the conversation so far, to shorten or to restore. It must begin with the user, take turns, and keep each
	// tool result right behind its call, or providers refuse it.
	Messages []model.Message
	// Client answers instead of [model.Default], such as a script in a test.
	Client model.Client
}

// Reply is what an agent says at the end of a turn.
type Reply struct {
	// Text is the final answer's.
	Text string
	// StopReason says why the model stopped; [model.MaxTokens] means that the text is cut.
	StopReason model.StopReason
	// Usage is of all rounds together.
	Usage model.Usage
	// Rounds is how often the model was asked.
	Rounds int
}

// Ask asks the model, runs the tools that it calls, and asks again until it has answered.
//
// An error leaves the conversation as it was before: the next Ask works.
func (a *Agent) Ask(prompt string) (*Reply, error) {
	return a.AskWith([]model.Content{model.Text(prompt)}, nil)
}

// AskWith is Ask with any content, images and documents beside the text, and hands over each piece of the model's text as it
// comes, unless the function is nil: what the model says before it calls a tool as well as its final answer. The function
// says whether to go on; false ends the turn with [ErrStopped].
func (a *Agent) AskWith(prompt []model.Content, piece func(string) bool) (reply *Reply, err error) {
	before := len(a.Messages)
	finished := false
	defer func() {
		// Half a turn in the conversation would make every later request invalid. So would what a panic leaves.
		if !finished {
			a.Messages = a.Messages[:before]
		}
	}()
	a.say(model.User, prompt)
	reply, err = a.rounds(piece)
	finished = err == nil
	return reply, err
}

// Stream asks as Ask does, and gives the pieces of the text as they come. A loop that is left early takes its turn out of
// the conversation.
func (a *Agent) Stream(prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_, err := a.AskWith([]model.Content{model.Text(prompt)}, func(piece string) bool { return yield(piece, nil) })
		if err != nil && err != ErrStopped {
			yield("", err)
		}
	}
}

func (a *Agent) rounds(piece func(string) bool) (*Reply, error) {
	limit := a.MaxRounds
	if limit == 0 {
		limit = MaxRounds
	}
	var usage model.Usage
	for round := 1; round <= limit; round++ {
		response, err := a.answer(piece)
		if err != nil {
			return nil, err
		}
		usage.Add(response.Usage)
		calls, err := toolCalls(response)
		if err != nil {
			return nil, err
		}
		a.say(model.Assistant, storable(response.Content))
		if len(calls) == 0 {
			return &Reply{Text: response.Text(), StopReason: response.StopReason, Usage: usage, Rounds: round}, nil
		}
		var results []model.Content
		for _, call := range calls {
			results = append(results, a.runTool(call))
		}
		a.say(model.User, results)
	}
	return nil, fmt.Errorf("the model has not answered after %d rounds of tool calls", limit)
}

func (a *Agent) answer(piece func(string) bool) (*model.Response, error) {
	client := a.Client
	if client == nil {
		client = model.Default
	}
	response, err := ask(client, a.request(), piece)
	if err != nil && err != ErrStopped {
		err = fmt.Errorf("the agent cannot answer: %w", err)
	}
	return response, err
}

func ask(client model.Client, request *model.Request, piece func(string) bool) (*model.Response, error) {
	if piece == nil {
		return client.Converse(request)
	}
	stream, err := client.ConverseStream(request)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for text, err := range stream.Text() {
		if err != nil {
			return nil, err
		}
		if !piece(text) {
			return nil, ErrStopped
		}
	}
	return stream.Response()
}

func (a *Agent) request() *model.Request {
	request := &model.Request{
		Model:     a.Model,
		Messages:  slices.Clone(a.Messages),
		Inference: a.Inference,
		Guardrail: a.Guardrail,
	}
	if a.System != "" {
		request.System = []model.Content{model.Text(a.System)}
	}
	for _, tool := range a.Tools {
		request.Tools = append(request.Tools, tool.Declaration)
	}
	return request
}

func (a *Agent) say(role model.Role, content []model.Content) {
	a.Messages = append(a.Messages, model.Message{Role: role, Content: content})
}

func (a *Agent) runTool(call model.ToolUse) model.Content {
	output, err := a.callTool(call)
	if err != nil {
		output = model.Text(orPlaceholder(err.Error()))
	}
	return model.ToolResult{ToolUseID: call.ID, Content: []model.ToolOutput{output}, IsError: err != nil}
}

func (a *Agent) callTool(call model.ToolUse) (model.ToolOutput, error) {
	var names []string
	for _, tool := range a.Tools {
		if tool.Declaration.Name == call.Name {
			return tool.Run(call.Input)
		}
		names = append(names, tool.Declaration.Name)
	}
	return nil, fmt.Errorf("there is no tool `%s`; the tools are: %s", call.Name, strings.Join(names, ", "))
}

// toolCalls gives the tools to run before the model goes on; none when it has answered.
func toolCalls(response *model.Response) ([]model.ToolUse, error) {
	calls := response.ToolUses()
	switch response.StopReason {
	// Some providers report the end of a turn that calls tools.
	case model.StopForTool, model.EndTurn, model.StopSequence:
		return calls, nil
	}
	if len(calls) > 0 {
		// The last call's input may be cut, and a call without a result must not be remembered.
		return nil, fmt.Errorf("the model was stopped in the middle of a tool call (%s)", response.StopReason)
	}
	return nil, nil
}

// storable gives a model's answer as it may go back with the next request.
func storable(content []model.Content) []model.Content {
	kept := slices.DeleteFunc(slices.Clone(content), func(block model.Content) bool {
		text, ok := block.(model.Text)
		return ok && strings.TrimSpace(string(text)) == ""
	})
	if len(kept) == 0 {
		return []model.Content{model.Text(orPlaceholder(""))}
	}
	return kept
}
