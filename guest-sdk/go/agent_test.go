package kellion_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"kellion.dev/kellion"
	"kellion.dev/kellion/kelliontest"
	"kellion.dev/kellion/model"
)

type place struct {
	City string `json:"city" description:"Where."`
	Unit string `json:"unit,omitempty" enum:"C,F"`
	Days *uint  `json:"days"`
}

func forecast(place place) (map[string]string, error) {
	if place.City == "Atlantis" {
		return nil, errors.New("there is no such city")
	}
	return map[string]string{"sky": "clear over " + place.City}, nil
}

func newAgent(script *kelliontest.Script) *kellion.Agent {
	return &kellion.Agent{
		Model:  "any",
		System: "Be brief.",
		Tools: []kellion.Tool{
			kellion.NewTool("forecast", "Tells the weather.", forecast),
			kellion.NewTool("double", "Doubles a number.", func(n int) (int, error) { return 2 * n, nil }),
		},
		Client: script,
	}
}

func TestSchemasComeFromTypes(t *testing.T) {
	tools := newAgent(nil).Tools
	want := []string{
		`{"type":"object","properties":{"city":{"type":"string","description":"Where."},` +
			`"unit":{"type":"string","enum":["C","F"]},"days":{"type":"integer","minimum":0}},"required":["city"]}`,
		`{"type":"object","properties":{"input":{"type":"integer"}},"required":["input"]}`,
	}
	for i, schema := range want {
		if got := string(tools[i].Declaration.InputSchema); got != schema {
			t.Errorf("%s", got)
		}
	}
	type node struct{ Next *node }
	defer func() {
		if recover() == nil {
			t.Error("a type that contains itself has a schema")
		}
	}()
	kellion.NewTool("loop", "", func(node) (int, error) { return 0, nil })
}

// results gives the tool results that a request ends with.
func results(request *model.Request) []model.ToolResult {
	var results []model.ToolResult
	for _, content := range request.Messages[len(request.Messages)-1].Content {
		results = append(results, content.(model.ToolResult))
	}
	return results
}

func TestToolsAreRunUntilTheModelAnswers(t *testing.T) {
	script := kelliontest.NewScript().
		Calls("forecast", `{"city":"Lima"}`).Calls("double", `{"input":4}`).
		Calls("forecast", `{"city":"Atlantis"}`).Calls("forecast", ` `).Calls("fly", `{}`).
		Says("Clear.")
	agent := newAgent(script)
	reply, err := agent.Ask("Weather?")
	if err != nil || reply.Text != "Clear." || reply.Rounds != 6 || reply.Usage.InputTokens != 60 {
		t.Fatalf("%+v %v", reply, err)
	}
	want := []struct {
		output model.ToolOutput
		failed bool
	}{
		{model.JSON(`{"sky":"clear over Lima"}`), false},
		{model.Text("8"), false},
		{model.Text("there is no such city"), true},
		{model.Text("input does not fit: missing field `city`"), true},
		{model.Text("there is no tool `fly`; the tools are: forecast, double"), true},
	}
	for i, want := range want {
		result := results(script.Requests[i+1])[0]
		got, _ := json.Marshal(result.Content[0])
		wanted, _ := json.Marshal(want.output)
		if string(got) != string(wanted) || result.IsError != want.failed {
			t.Errorf("round %d: %s, failed %v", i+1, got, result.IsError)
		}
	}
	if _, err := agent.Ask("And now?"); err == nil || len(agent.Messages) != 12 {
		t.Errorf("%v, %d messages", err, len(agent.Messages))
	}
}

func TestAFailedTurnIsNotRemembered(t *testing.T) {
	throttled := &model.Error{Kind: model.Throttled, Message: "slow down"}
	script := kelliontest.NewScript().Calls("double", `{"input":1}`).Fails(throttled).Says("Hello.")
	agent := newAgent(script)
	_, err := agent.Ask("Hi")
	var failed *model.Error
	if !errors.As(err, &failed) || err.Error() != "the agent cannot answer: the model is throttled: slow down" {
		t.Errorf("%v", err)
	}
	if !failed.Temporary() || len(agent.Messages) != 0 {
		t.Errorf("%d messages are left", len(agent.Messages))
	}
	if reply, err := agent.Ask("Hi"); err != nil || reply.Text != "Hello." {
		t.Errorf("%v %v", reply, err)
	}
}

func TestPiecesComeAsTheyAreMade(t *testing.T) {
	script := kelliontest.NewScript().Calls("double", `{"input":1}`).Says("It is two.").Says("one two three")
	agent := newAgent(script)
	var pieces []string
	for piece, err := range agent.Stream("Double one") {
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, piece)
	}
	if !slices.Equal(pieces, []string{"It ", "is ", "two."}) || len(agent.Messages) != 4 {
		t.Errorf("%q, %d messages", pieces, len(agent.Messages))
	}
	for range agent.Stream("Count") {
		break
	}
	if len(agent.Messages) != 4 {
		t.Errorf("a turn that was left is remembered: %d messages", len(agent.Messages))
	}
}

func TestCirclesAndCutsAreErrors(t *testing.T) {
	circling := newAgent(kelliontest.NewScript().Calls("double", `{"input":1}`).Calls("double", `{"input":1}`))
	circling.MaxRounds = 2
	if _, err := circling.Ask("Go"); err == nil || !strings.Contains(err.Error(), "after 2 rounds") {
		t.Errorf("%v", err)
	}
	cut := newAgent(kelliontest.NewScript().Answers(&model.Response{
		Content:    []model.Content{model.ToolUse{ID: "1", Name: "double", Input: json.RawMessage(`{"in`)}},
		StopReason: model.MaxTokens,
	}))
	if _, err := cut.Ask("Go"); err == nil || !strings.Contains(err.Error(), "max_tokens") {
		t.Errorf("%v", err)
	}
	silent := newAgent(kelliontest.NewScript().Says("  "))
	if _, err := silent.Ask("Go"); err != nil || silent.Messages[1].Text() != "(nothing)" {
		t.Errorf("%v %+v", err, silent.Messages)
	}
}
