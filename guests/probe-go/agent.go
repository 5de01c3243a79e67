// An agent that does one thing on request, for the host's tests: {"do": "echo", "value": 1}.
package main

import (
	"encoding/json"
	"errors"
	"time"

	"kellion.dev/kellion"
)

// deed is what to do; each takes the fields that it needs.
type deed struct {
	Do      string          `json:"do"`
	Value   json.RawMessage `json:"value,omitempty"`
	Name    *string         `json:"name"`
	N       *int            `json:"n"`
	Chunks  []string        `json:"chunks,omitempty"`
	Rest    *string         `json:"rest"`
	Bytes   *int            `json:"bytes"`
	Message *string         `json:"message"`
	Prompt  *string         `json:"prompt"`
	Model   string          `json:"model,omitempty"`
	KiB     *int            `json:"kib"`
	MS      *int            `json:"ms"`
}

// The session's memory.
var (
	turns int
	kept  [][]byte
)

func invoke(ctx *kellion.Context, payload kellion.Body) (any, error) {
	turns++
	if payload.ContentType == "application/octet-stream" {
		return payload, nil
	}
	var deed deed
	if err := payload.Decode(&deed); err != nil {
		return nil, err
	}
	return deed.perform(ctx)
}

func (d *deed) perform(ctx *kellion.Context) (any, error) {
	switch d.Do {
	case "echo":
		if d.Value == nil {
			return nil, missing("value")
		}
		return d.Value, nil
	case "count":
		return turns, nil
	case "context":
		return told(ctx), nil
	case "config":
		return with("name", d.Name, func(name string) (any, error) {
			if value, ok := kellion.Config(name); ok {
				return value, nil
			}
			return nil, nil
		})
	case "remaining":
		return kellion.Remaining(), nil

	case "stream":
		return with("n", d.N, func(n int) (any, error) { return kellion.Stream(numbers(n, d.Message)), nil })
	case "raw":
		return with("rest", d.Rest, func(rest string) (any, error) { return raw(d.Chunks, rest), nil })
	case "large":
		return with("bytes", d.Bytes, large)
	case "print":
		return with("message", d.Message, print)

	case "model":
		return with("prompt", d.Prompt, func(prompt string) (any, error) { return ask(prompt, d.Model) })
	case "model-stream":
		return with("prompt", d.Prompt, func(prompt string) (any, error) { return stream(prompt, d.Model), nil })
	case "model-hold":
		return with("prompt", d.Prompt, func(prompt string) (any, error) { return hold(prompt, d.Model) })
	case "agent":
		return with("prompt", d.Prompt, converse)

	case "fail":
		return with("message", d.Message, func(message string) (any, error) { return nil, errors.New(message) })
	case "panic":
		panic("asked to panic")
	case "trap":
		return nil, trap()
	case "spin":
		spin()
	case "recurse":
		return recurse(0), nil
	case "keep":
		return with("kib", d.KiB, keep)
	case "allocate":
		return with("n", d.N, allocate)
	case "deadlock":
		<-make(chan struct{})
	case "goroutines":
		return with("n", d.N, goroutines)

	case "clock":
		return map[string]int64{"now_ms": time.Now().UnixMilli()}, nil
	case "random":
		return random(), nil
	case "sleep":
		return with("ms", d.MS, func(ms int) (any, error) {
			time.Sleep(time.Duration(ms) * time.Millisecond)
			return map[string]int{"slept_ms": ms}, nil
		})
	}
	return nil, kellion.InvalidPayload("unknown deed `%s`", d.Do)
}

// with performs a deed that needs a field.
func with[T any](name string, field *T, perform func(T) (any, error)) (any, error) {
	if field == nil {
		return nil, missing(name)
	}
	return perform(*field)
}

func missing(field string) error {
	return kellion.InvalidPayload("payload does not fit: missing field `%s`", field)
}

// told is the whole context; what is absent is null.
func told(ctx *kellion.Context) map[string]any {
	headers := ctx.Headers
	if headers == nil {
		headers = []kellion.Header{}
	}
	var deadline any
	if !ctx.TurnDeadline.IsZero() {
		deadline = ctx.TurnDeadline.UnixMilli()
	}
	return map[string]any{
		"session_id":    ctx.SessionID,
		"request_id":    ctx.RequestID,
		"turn":          ctx.Turn,
		"agent_name":    ctx.AgentName,
		"agent_version": ctx.AgentVersion,
		"endpoint":      ctx.Endpoint,
		"tenant_id":     ctx.TenantID,
		"user_id":       orNull(ctx.UserID),
		"headers":       headers,
		"content_type":  orNull(ctx.ContentType),
		"accept":        orNull(ctx.Accept),
		"deadline_ms":   deadline,
		"traceparent":   orNull(ctx.Traceparent),
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func main() { kellion.Handle(invoke) }
