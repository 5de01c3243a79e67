package host

import (
	"fmt"
	"os"
)

// absent stands in where there is no host: log entries go to stderr, configuration comes from the environment.
type absent struct{}

func (absent) Log(level Level, message string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", [...]string{"debug", "info", "warn", "error"}[level], message)
}

func (absent) SetContentType(string) {}

func (absent) Write(chunk []byte) bool { return true }

func (absent) Config(name string) (string, bool) { return os.LookupEnv(name) }

func (absent) Remaining() Budget { return Budget{} }
