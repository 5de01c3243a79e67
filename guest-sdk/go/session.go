package kellion

import (
	"fmt"
	"log/slog"

	"kellion.dev/kellion/internal/host"
	"kellion.dev/kellion/internal/logs"
)

// Config gives a value of the agent's configuration (AgentCore's environment variables).
func Config(name string) (string, bool) { return host.Current.Config(name) }

// Budget is what may still be spent; nil is no limit.
type Budget struct {
	Tokens *uint64 `json:"tokens"`
	// MoneyMicros is millionths of the account's currency.
	MoneyMicros *uint64 `json:"money_micros"`
}

// Remaining is what may still be spent on models: the tightest limit of turn, session, agent and tenant.
func Remaining() Budget { return Budget(host.Current.Remaining()) }

// LogHandler is the way from [log/slog] to the session's log. It is the default logger's from the start, so slog.Info and
// log.Print get there too.
func LogHandler() slog.Handler { return logs.Handler{} }

// Logf writes an entry to the session's log, formatted as by [fmt.Sprintf].
func Logf(level slog.Level, format string, arguments ...any) {
	host.Current.Log(logs.Level(level), fmt.Sprintf(format, arguments...))
}
