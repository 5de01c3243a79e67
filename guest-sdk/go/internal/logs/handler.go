// Package logs is the way from log/slog to the session's log.
package logs

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"kellion.dev/kellion/internal/host"
)

// Handler writes each record as one entry: the message, and then key=value for each attribute.
type Handler struct {
	attributes string
	groups     string
}

// Enabled takes every level: the host decides what it keeps.
func (Handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes one record.
func (h Handler) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString(record.Message)
	line.WriteString(h.attributes)
	record.Attrs(func(attribute slog.Attr) bool {
		write(&line, h.groups, attribute)
		return true
	})
	host.Current.Log(Level(record.Level), line.String())
	return nil
}

// WithAttrs gives a handler that adds the attributes to every record.
func (h Handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	var line strings.Builder
	line.WriteString(h.attributes)
	for _, attribute := range attributes {
		write(&line, h.groups, attribute)
	}
	h.attributes = line.String()
	return h
}

// WithGroup gives a handler that puts the group's name before every key.
func (h Handler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.groups += name + "."
	}
	return h
}

// Level is the contract's level for one of slog's.
func Level(level slog.Level) host.Level {
	switch {
	case level < slog.LevelInfo:
		return host.Debug
	case level < slog.LevelWarn:
		return host.Info
	case level < slog.LevelError:
		return host.Warn
	}
	return host.Error
}

func write(line *strings.Builder, groups string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	if attribute.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		if attribute.Key != "" {
			groups += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			write(line, groups, inner)
		}
		return
	}
	text := value.String()
	if text == "" || strings.ContainsAny(text, " \t\n\"=") {
		text = strconv.Quote(text)
	}
	fmt.Fprintf(line, " %s%s=%s", groups, attribute.Key, text)
}
