package kellion

import (
	"fmt"

	"kellion.dev/kellion/internal/entry"
)

// InvalidPayload makes an error that blames the payload: the caller sees that the request was wrong, not the agent. It is
// formatted as by [fmt.Errorf].
func InvalidPayload(format string, arguments ...any) error {
	return &entry.InvalidPayload{Message: fmt.Errorf(format, arguments...).Error()}
}
