package main

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"strings"

	"kellion.dev/kellion"
)

// numbers counts to n, and then fails if there is a message.
func numbers(n int, message *string) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := 1; i <= n; i++ {
			if !yield(i, nil) {
				return
			}
		}
		if message != nil {
			yield(0, errors.New(*message))
		}
	}
}

// raw writes the chunks at once and answers with the rest.
func raw(chunks []string, rest string) kellion.Body {
	kellion.SetContentType("text/plain")
	for _, chunk := range chunks {
		kellion.Write([]byte(chunk))
	}
	return kellion.Body{Bytes: []byte(rest)}
}

func large(length int) (any, error) {
	if length < 0 {
		return nil, kellion.InvalidPayload("payload does not fit: `bytes` is less than nothing")
	}
	return []byte(strings.Repeat("x", length)), nil
}

func print(message string) (any, error) {
	fmt.Println(message)
	fmt.Fprintln(os.Stderr, message)
	slog.Debug(message)
	slog.Info(message)
	slog.Warn(message)
	slog.Error(message)
	return message, nil
}
