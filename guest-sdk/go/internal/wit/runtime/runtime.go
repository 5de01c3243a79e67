//go:build wasip1

// Package runtime is what the generated bindings need of the Go runtime: handles, and memory that the host writes to.
package runtime

import (
	"runtime"
	"unsafe"
)

// Handle is a resource of the host's, or zero when it was given away.
type Handle struct {
	value int32
}

// MakeHandle takes over a handle that the host has given.
func MakeHandle(value int32) *Handle { return &Handle{value} }

// Use gives the handle for one call.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("the resource was closed")
	}
	return h.value
}

// Take gives the handle away.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil gives the handle away, or zero.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set takes over a handle.
func (h *Handle) Set(value int32) { h.value = value }

// Allocate gives memory that stays where it is while the pinner holds it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	pointer := allocate(size, align)
	if pointer != nil {
		pinner.Pin(pointer)
	}
	return pointer
}

// Go aligns memory by the type of what is in it.
func allocate(size, align uintptr) unsafe.Pointer {
	switch {
	case size == 0:
		return nil
	case align == 1:
		return unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	default:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
}

// held is what the host has been given and nobody has read yet: the host's words for it are numbers, which keep nothing
// alive.
var held []unsafe.Pointer

// Release lets go of what the host has been given. Everything that it wrote there has been turned into Go values by now.
func Release() {
	clear(held)
	held = held[:0]
}

// Unpin is called by the generated code where a call begins; Release does its work where a call has ended.
func Unpin() {}

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

// cabiRealloc gives memory to the host, which writes results and payloads there. While it runs, nothing may call out of the
// component: no garbage collection may begin and no other goroutine run, so the processor is pinned, and what the allocator
// asks the clock for is answered with the time that it was.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host grows no memory that it was given")
	}
	procPin()
	pauseClock(true)
	pointer := allocate(size, align)
	if pointer != nil {
		held = append(held, pointer)
	}
	pauseClock(false)
	procUnpin()
	return pointer
}
