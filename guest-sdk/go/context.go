package kellion

import (
	"context"
	"strings"
	"sync"
	"time"

	"kellion.dev/kellion/internal/entry"
)

// Context says who calls, in which session, and until when. What is absent is empty.
//
// It is a [context.Context] too, which ends with the turn and at its deadline.
type Context struct {
	context.Context
	// SessionID is the caller's. Same id, same memory.
	SessionID string
	// RequestID is new for every invocation; it is also in the answer's headers and in every line of the log.
	RequestID string
	// Turn is 1 for the first turn of the session, then 2, 3…
	Turn         uint64
	AgentName    string
	AgentVersion string
	// Endpoint is the endpoint's name that was called, such as "DEFAULT".
	Endpoint string
	// TenantID is the 12-digit account that owns the agent.
	TenantID string
	UserID   string
	// Headers are those that the agent's configuration allows, their names in lower case.
	Headers     []Header
	ContentType string
	Accept      string
	// TurnDeadline is when the turn has to be over; zero when there is none.
	TurnDeadline time.Time
	// Traceparent is a W3C trace context, for agents that call on.
	Traceparent string
}

// Header is a header that the caller sent.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Header gives the first header of a name, in upper or lower case, or an empty string.
func (c *Context) Header(name string) string {
	for _, header := range c.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value
		}
	}
	return ""
}

func newContext(turn entry.Turn) (*Context, func()) {
	ctx := &Context{
		SessionID:    turn.SessionID,
		RequestID:    turn.RequestID,
		Turn:         turn.Number,
		AgentName:    turn.AgentName,
		AgentVersion: turn.AgentVersion,
		Endpoint:     turn.Endpoint,
		TenantID:     turn.TenantID,
		UserID:       turn.UserID,
		ContentType:  turn.ContentType,
		Accept:       turn.Accept,
		Traceparent:  turn.Traceparent,
	}
	for _, header := range turn.Headers {
		ctx.Headers = append(ctx.Headers, Header(header))
	}
	clock := &turnClock{}
	if turn.DeadlineMS != 0 {
		ctx.TurnDeadline = time.UnixMilli(int64(turn.DeadlineMS))
		clock.deadline = ctx.TurnDeadline
	}
	ctx.Context = clock
	return ctx, clock.end
}

// turnClock ends with its turn. It starts a timer only for who waits on it: with a timer running, goroutines that wait for
// each other forever look like ones that wait for the timer.
type turnClock struct {
	deadline time.Time
	lock     sync.Mutex
	timed    context.Context
	cancel   context.CancelFunc
}

func (c *turnClock) start() context.Context {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.timed == nil && c.deadline.IsZero() {
		c.timed, c.cancel = context.WithCancel(context.Background())
	} else if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(context.Background(), c.deadline)
	}
	return c.timed
}

func (c *turnClock) end() {
	c.start()
	c.cancel()
}

func (c *turnClock) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *turnClock) Done() <-chan struct{} { return c.start().Done() }

func (c *turnClock) Err() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.timed != nil {
		return c.timed.Err()
	}
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

func (c *turnClock) Value(any) any { return nil }
