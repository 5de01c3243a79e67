package kellion_test

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"kellion.dev/kellion"
	"kellion.dev/kellion/kelliontest"
	"kellion.dev/kellion/model"
)

// run makes a function the agent and runs one turn of it.
func run[P, A any](t *testing.T, payload string, function func(*kellion.Context, P) (A, error)) kelliontest.Result {
	t.Helper()
	kelliontest.Reset()
	kellion.Handle(function)
	return kelliontest.Run(kelliontest.Turn{Payload: []byte(payload), Config: map[string]string{"CITY": "Lima"}})
}

type question struct {
	Prompt string   `json:"prompt"`
	Limit  *int     `json:"limit"`
	Tags   []string `json:"tags,omitempty"`
	Inner  []struct {
		Name string `json:"name"`
	} `json:"inner,omitempty"`
}

func prompt(_ *kellion.Context, question question) (string, error) { return question.Prompt, nil }

func TestJSONGoesInAndOut(t *testing.T) {
	result := run(t, `{"prompt": "a < b & \u00e9"}`, prompt)
	if result.Err != nil || string(result.Body) != `"a < b & é"` || result.ContentType != "application/json" {
		t.Errorf("%+v %s", result, result.Body)
	}
}

func TestAPayloadThatDoesNotFitIsBlamed(t *testing.T) {
	cases := map[string]string{
		"":                            "payload is not JSON: it is empty",
		" \n":                         "payload is not JSON: it is empty",
		"\"\xff\"":                    "payload is not JSON: it is no valid UTF-8",
		"{":                           "payload is not JSON: unexpected end of JSON input",
		`{"prompt": 5}`:               "payload does not fit: `prompt` is a JSON number, not a string",
		`{}`:                          "payload does not fit: missing field `prompt`",
		`[]`:                          "payload does not fit: a JSON array is not an object",
		`{"prompt":"","inner":[{}]}`:  "payload does not fit: missing field `inner[0].name`",
		strings.Repeat("[", 5000):     "payload is not JSON that this agent reads: it is nested more than 1000 deep",
		strings.Repeat(`{"a":`, 5000): "payload is not JSON that this agent reads: it is nested more than 1000 deep",
	}
	for payload, want := range cases {
		result := run(t, payload, prompt)
		if !result.PayloadBlamed || !strings.HasPrefix(result.Err.Error(), want) {
			t.Errorf("%.40q: blamed %v, %v", payload, result.PayloadBlamed, result.Err)
		}
	}
	brackets := `{"prompt": "` + strings.Repeat("[", 5000) + `\""}`
	if result := run(t, brackets, prompt); result.Err != nil {
		t.Errorf("brackets in a string: %v", result.Err)
	}
}

func TestBytesAreLeftAlone(t *testing.T) {
	kelliontest.Reset()
	kellion.Handle(func(_ *kellion.Context, body kellion.Body) (kellion.Body, error) { return body, nil })
	result := kelliontest.Run(kelliontest.Turn{Payload: []byte{0, 255}, ContentType: "application/octet-stream"})
	if !slices.Equal(result.Body, []byte{0, 255}) || result.ContentType != "application/octet-stream" {
		t.Errorf("%+v", result)
	}
	raw := run(t, "\xfe", func(_ *kellion.Context, payload []byte) ([]byte, error) { return payload, nil })
	if string(raw.Body) != "\xfe" || raw.ContentType != "application/octet-stream" {
		t.Errorf("%+v", raw)
	}
}

func TestErrorsAndPanicsFailTheTurnOnly(t *testing.T) {
	failed := run(t, `1`, func(*kellion.Context, int) (int, error) { return 0, errors.New("mine") })
	if failed.PayloadBlamed || failed.Err.Error() != "mine" {
		t.Errorf("%+v", failed)
	}
	blamed := run(t, `1`, func(_ *kellion.Context, n int) (int, error) {
		return 0, fmt.Errorf("wrapped: %w", kellion.InvalidPayload("%d is too few", n))
	})
	if !blamed.PayloadBlamed || blamed.Err.Error() != "wrapped: 1 is too few" {
		t.Errorf("%+v", blamed)
	}
	panicked := run(t, `1`, func(*kellion.Context, int) (int, error) { panic("boom") })
	if panicked.PayloadBlamed || panicked.Err.Error() != "the agent panicked: boom" {
		t.Errorf("%+v", panicked)
	}
	if len(panicked.Log) != 1 || !strings.HasPrefix(panicked.Log[0], "error: panic: boom\n\ngoroutine") {
		t.Errorf("no stack in the log: %q", panicked.Log)
	}
}

func count(n int, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := 1; i <= n; i++ {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func TestAnIteratorIsAStream(t *testing.T) {
	kelliontest.Reset()
	kellion.HandleStream(func(_ *kellion.Context, n int) iter.Seq2[int, error] { return count(n, nil) })
	result := kelliontest.Run(kelliontest.Turn{Payload: []byte("2")})
	if result.Err != nil || string(result.Body) != "data: 1\n\ndata: 2\n\n" || result.ContentType != "text/event-stream" {
		t.Errorf("%+v %q", result, result.Body)
	}
	gone := kelliontest.Run(kelliontest.Turn{Payload: []byte("1000"), CallerGone: true})
	if string(gone.Body) != "data: 1\n\n" {
		t.Errorf("it went on for nobody: %q", gone.Body)
	}
	broken := run(t, "2", func(_ *kellion.Context, n int) (kellion.Streamed, error) {
		return kellion.Stream(count(n, errors.New("enough"))), nil
	})
	if string(broken.Body) != "data: 1\n\ndata: 2\n\n" || broken.Err.Error() != "enough" {
		t.Errorf("%+v %q", broken, broken.Body)
	}
}

func TestTheContextIsOfThisTurn(t *testing.T) {
	var kept *kellion.Context
	kelliontest.Reset()
	kellion.Handle(func(ctx *kellion.Context, _ int) (string, error) {
		kept = ctx
		city, _ := kellion.Config("CITY")
		return fmt.Sprint(ctx.Turn, ctx.UserID, ctx.Header("X-Trace"), ctx.Err(), city), nil
	})
	result := kelliontest.Run(kelliontest.Turn{
		Payload: []byte("1"), UserID: "ann", Number: 3, Headers: map[string]string{"x-trace": "t"},
		Config: map[string]string{"CITY": "Lima"},
	})
	if string(result.Body) != `"3annt<nil>Lima"` {
		t.Errorf("%s", result.Body)
	}
	select {
	case <-kept.Done():
	case <-time.After(time.Minute):
		t.Error("the turn is over and its context goes on")
	}
}

func TestLogsHaveLevelsAndAttributes(t *testing.T) {
	result := run(t, "1", func(*kellion.Context, int) (int, error) {
		logger := slog.New(kellion.LogHandler()).With("a", 1).WithGroup("g")
		logger.Warn("careful", "b", "two words")
		kellion.Logf(slog.LevelDebug, "%d", 7)
		return 0, nil
	})
	if want := []string{`warn: careful a=1 g.b="two words"`, "debug: 7"}; !slices.Equal(result.Log, want) {
		t.Errorf("%q", result.Log)
	}
}

// source counts how often it was closed.
type source struct{ closed int }

func (s *source) Next() (model.Event, error) { return model.TextDelta("x"), nil }
func (s *source) Close()                     { s.closed++ }

func TestAForgottenStreamIsClosedOnce(t *testing.T) {
	forgotten := &source{}
	result := run(t, "1", func(*kellion.Context, int) (int, error) {
		_, err := model.NewStream(forgotten).Next()
		return 0, err
	})
	if result.Err != nil || forgotten.closed != 1 {
		t.Errorf("%v, closed %d times", result.Err, forgotten.closed)
	}
}
