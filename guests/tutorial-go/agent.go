// The tutorial's agent: it knows five users by name, does sums, tells the weather and the time, and remembers what was said
// in its session.
//
// Send it {"user_id": 1, "prompt": "How is the weather?"}.
package main

import (
	"fmt"
	"time"

	"kellion.dev/kellion"
)

// What a caller sends. JSON that does not fit is refused before answer is called.
type request struct {
	UserID userID `json:"user_id"`
	Prompt string `json:"prompt"`
}

// The session's memory: the conversation with the model.
var assistant = &kellion.Agent{
	Model: "us.anthropic.claude-sonnet-4-20250514-v1:0",
	System: "You're a helpful assistant. You can do simple calculations, tell the weather and tell the time. " +
		"Acknowledge the user's name.",
	// The model may call these functions. It reads their descriptions and those of their inputs' fields.
	Tools: []kellion.Tool{
		kellion.NewTool("calculator", "Evaluates an arithmetic expression.", calculate),
		kellion.NewTool("weather", "Tells the weather.", weather),
		kellion.NewTool("get_time", "Tells the current time in UTC.", getTime),
	},
}

// Every turn comes here. The model hears what was said in the turns before.
func answer(ctx *kellion.Context, request request) (string, error) {
	name, ok := request.UserID.name()
	if !ok {
		return "", fmt.Errorf("there is no user %s", request.UserID)
	}
	reply, err := assistant.Ask(fmt.Sprintf(
		"My name is %s. Here is my request: %s. This is session %s.", name, request.Prompt, ctx.SessionID))
	if err != nil {
		return "", err
	}
	return reply.Text, nil
}

type calculation struct {
	Expression string `json:"expression" description:"Numbers, + - * / ^ and parentheses, such as \"(2 + 3.5) * 4\"."`
}

// An error here does not fail the turn: the model reads it and may mend its call.
func calculate(calculation calculation) (string, error) {
	value, err := evaluate(calculation.Expression)
	if err != nil {
		return "", err
	}
	return display(value), nil
}

func weather(kellion.NoInput) (string, error) { return "sunny", nil }

func getTime(kellion.NoInput) (string, error) {
	return time.Now().UTC().Format("2006-01-02T15:04:05Z"), nil
}

func main() { kellion.Handle(answer) }
