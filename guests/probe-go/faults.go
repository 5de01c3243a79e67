package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"kellion.dev/kellion"
)

// trap ends the instance: Go turns its own faults into panics, but leaving the process has nowhere to go.
func trap() error {
	os.Exit(1)
	return errors.New("still here")
}

func spin() {
	for turn := uint64(0); ; turn++ {
		runtime.KeepAlive(turn)
	}
}

//go:noinline
func recurse(depth uint64) uint64 {
	frame := [32]uint64{depth}
	if depth == 1<<63 {
		return depth
	}
	// Used after the call, so that it is no tail call.
	return recurse(depth+1) + frame[depth%32]
}

func keep(kib int) (any, error) {
	if kib < 0 {
		return nil, kellion.InvalidPayload("payload does not fit: `kib` is less than nothing")
	}
	more := make([]byte, kib<<10)
	for i := range more {
		more[i] = byte(i%251) | 1
	}
	kept = append(kept, more)
	total := 0
	for _, each := range kept {
		total += len(each)
	}
	return map[string]int{"kept_bytes": total}, nil
}

// allocate makes garbage of both kinds, Go's own and what the host writes, and looks whether anything of it changes.
func allocate(n int) (any, error) {
	for i := range n {
		garbage := make([]string, 0, 64)
		for j := range 64 {
			garbage = append(garbage, fmt.Sprint("item ", i, " ", j))
		}
		value, _ := kellion.Config("GARBAGE")
		budget := kellion.Remaining()
		if garbage[63] != fmt.Sprint("item ", i, " ", 63) || (value != "" && value[0] != 'g') || budget.Tokens != nil && *budget.Tokens == 0 {
			return nil, fmt.Errorf("memory changed at %d: %q %q", i, garbage[63], value)
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return map[string]any{"collections": stats.NumGC, "heap_bytes": stats.HeapAlloc, "system_bytes": stats.Sys}, nil
}

// goroutines calls the host from many of them at once.
func goroutines(n int) (any, error) {
	var group sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		group.Add(1)
		go func() {
			defer group.Done()
			_, errs[i] = allocate(100)
		}()
	}
	group.Wait()
	return n, errors.Join(errs...)
}

func random() string {
	bits := make([]byte, 16)
	rand.Read(bits)
	return hex.EncodeToString(bits)
}
