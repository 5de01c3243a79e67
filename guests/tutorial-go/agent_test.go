package main

import (
	"strings"
	"testing"

	"kellion.dev/kellion"
	"kellion.dev/kellion/kelliontest"
	"kellion.dev/kellion/model"
)

// tutorial gives the agent with a model that follows a script.
func tutorial(script *kelliontest.Script) func(payload string) kelliontest.Result {
	kelliontest.Reset()
	kellion.Handle(answer)
	assistant.Messages = nil
	assistant.Client = script
	return func(payload string) kelliontest.Result {
		return kelliontest.Run(kelliontest.Turn{Payload: []byte(payload)})
	}
}

func TestTheModelHearsNameRequestAndSession(t *testing.T) {
	for _, id := range []string{`3`, `"3"`} {
		script := kelliontest.NewScript().Says("Hello Mark, it is sunny.")
		result := tutorial(script)(`{"user_id": ` + id + `, "prompt": "How is the weather?"}`)
		if result.Err != nil || string(result.Body) != `"Hello Mark, it is sunny."` {
			t.Errorf("%s, error %v", result.Body, result.Err)
		}
		want := "My name is Mark. Here is my request: How is the weather?. " +
			"This is session 00000000-0000-0000-0000-000000000001."
		if got := script.Requests[0].Messages[0].Text(); got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestASumGoesThroughTheCalculatorAndIsRemembered(t *testing.T) {
	script := kelliontest.NewScript().
		Calls("calculator", `{"expression": "2*5"}`).Says("10").
		Calls("calculator", `{"expression": "10+34"}`).Says("44")
	turn := tutorial(script)
	first := turn(`{"user_id": 1, "prompt": "How much is 2X5?"}`)
	second := turn(`{"user_id": 1, "prompt": "and that plus 34?"}`)
	if string(first.Body) != `"10"` || string(second.Body) != `"44"` {
		t.Errorf("%s %s", first.Body, second.Body)
	}
	last := script.Requests[3].Messages
	result := last[len(last)-1].Content[0].(model.ToolResult)
	if len(last) != 7 || result.Content[0] != model.Text("44") {
		t.Errorf("%d messages, %v", len(last), result)
	}
}

func TestStrangersAndMisfitsAreToldSo(t *testing.T) {
	for payload, want := range map[string]string{
		`{"user_id": 6, "prompt": "Hi"}`:       "there is no user 6",
		`{"user_id": -1, "prompt": "Hi"}`:      "there is no user -1",
		`{"user_id": "Maira", "prompt": "Hi"}`: "there is no user Maira",
		`{"user_id": 1}`:                       "payload does not fit: missing field `prompt`",
		`{"user_id": [1], "prompt": "Hi"}`:     "payload does not fit: expected a number, or a number in quotes",
	} {
		result := tutorial(kelliontest.NewScript())(payload)
		if result.Err == nil || result.Err.Error() != want {
			t.Errorf("%s: %v", payload, result.Err)
		}
		if blamed := strings.HasPrefix(want, "payload"); result.PayloadBlamed != blamed {
			t.Errorf("%s: blamed %v", payload, result.PayloadBlamed)
		}
	}
}

func TestCalculator(t *testing.T) {
	values := map[string]string{
		"2*5": "10", "2 + 3 * 4": "14", "(2 + 3) * 4": "20", "100 / 10 / 2": "5", "2^3^2": "512", "-2^2": "-4", "2^-1": "0.5",
		"0 * -1": "0", "2^53 + 1": "9.00719925474099e15", "0.1 + 0.2": "0.3", "1 / 3": "0.333333333333333", ".5 + 1.": "1.5",
		"10^20": "1e20", "1 / 10^9": "1e-9",
	}
	for expression, want := range values {
		if value, err := calculate(calculation{expression}); err != nil || value != want {
			t.Errorf("%s is %s, error %v", expression, value, err)
		}
	}
	misfits := map[string]string{
		"": "the expression ends too soon", "2 +": "the expression ends too soon", "1 / 0": "division by zero",
		"0 ^ -1": "division by zero", "10 ^ 400": "the result is too large or not a real number",
		"(-8) ^ 0.5": "the result is too large or not a real number", "2X5": "unexpected `X` at position 2",
		"(1 + 2))": "unexpected `)` at position 8", "é": "unexpected `é` at position 1",
		"1 + 1.2.3": "`1.2.3` at position 5 is not a number", strings.Repeat("-", 1_000_000): "nested more than 64 deep",
	}
	for expression, want := range misfits {
		if value, err := calculate(calculation{expression}); err == nil || err.Error() != want {
			t.Errorf("%.20s is %s, error %v", expression, value, err)
		}
	}
}
