// Package types has the generic types of the contract's language that Go has no words for.
package types

// The tags of an Option.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value or nothing.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is nothing.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// Tag tells which it is.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value; without one, the type's zero.
func (o Option[T]) Some() T { return o.value }

// The tags of a Result.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is a value or an error.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok is a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, ok: value} }

// Err is an error.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag tells which it is.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok is the value.
func (r Result[T, E]) Ok() T { return r.ok }

// Err is the error.
func (r Result[T, E]) Err() E { return r.err }

// Unit is what has no value.
type Unit struct{}
