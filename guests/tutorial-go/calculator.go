package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// How deep an expression may nest. Each level takes a few frames of the stack, and a session's stack is small.
const maxDepth = 64

var (
	errEnds      = errors.New("the expression ends too soon")
	errZero      = errors.New("division by zero")
	errDeep      = fmt.Errorf("nested more than %d deep", maxDepth)
	errNotNumber = errors.New("the result is too large or not a real number")
)

// evaluate gives the value of an expression of + - * / ^, parentheses, signs and decimal numbers.
//
//	sum     = product (("+" | "-") product)*
//	product = signed (("*" | "/") signed)*
//	signed  = ("+" | "-") signed | power
//	power   = atom ("^" signed)?
//	atom    = number | "(" sum ")"
func evaluate(expression string) (value float64, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			misfit, ok := caught.(misfit)
			if !ok {
				panic(caught)
			}
			err = misfit.error
		}
	}()
	parser := &parser{rest: []rune(expression)}
	parser.length = len(parser.rest)
	value = parser.sum()
	if parser.peek() != end {
		parser.unexpected()
	}
	return finite(value), nil
}

// display writes a value as people do: whole numbers without a point, others to 15 significant digits, which hides the noise
// of binary fractions.
func display(value float64) string {
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		// Adding zero turns -0 into 0.
		return strconv.FormatFloat(value+0, 'f', -1, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'e', 14, 64), 64)
	if size := math.Abs(rounded); size >= 1e-6 && size < 1e15 {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	text := strconv.FormatFloat(rounded, 'e', -1, 64)
	text = strings.Replace(text, "e+", "e", 1)
	text = strings.Replace(text, "e-0", "e-", 1)
	return strings.Replace(text, "e0", "e", 1)
}

// misfit ends the parsing from wherever it is.
type misfit struct{ error }

func finite(value float64) float64 {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		panic(misfit{errNotNumber})
	}
	return value
}

type parser struct {
	rest   []rune
	length int
	depth  int
}

const end rune = -1

func (p *parser) sum() float64 {
	value := p.product()
	for {
		switch {
		case p.take('+'):
			value += p.product()
		case p.take('-'):
			value -= p.product()
		default:
			return value
		}
	}
}

func (p *parser) product() float64 {
	value := p.signed()
	for {
		switch {
		case p.take('*'):
			value *= p.signed()
		case p.take('/'):
			divisor := p.signed()
			if divisor == 0 {
				panic(misfit{errZero})
			}
			value /= divisor
		default:
			return value
		}
	}
}

// Every way down goes through here, so that the depth is counted here alone.
func (p *parser) signed() float64 {
	if p.depth++; p.depth > maxDepth {
		panic(misfit{errDeep})
	}
	defer func() { p.depth-- }()
	switch {
	case p.take('-'):
		return -p.signed()
	case p.take('+'):
		return p.signed()
	}
	// At once: divided by later, an overflow would look like a plain zero.
	return finite(p.power())
}

func (p *parser) power() float64 {
	base := p.atom()
	if !p.take('^') {
		return base
	}
	// To the right first: 2^3^2 is 2^(3^2).
	exponent := p.signed()
	if base == 0 && exponent < 0 {
		panic(misfit{errZero})
	}
	return math.Pow(base, exponent)
}

func (p *parser) atom() float64 {
	if p.take('(') {
		value := p.sum()
		if !p.take(')') {
			p.unexpected()
		}
		return value
	}
	if next := p.peek(); next != '.' && (next < '0' || next > '9') {
		p.unexpected()
	}
	return p.number()
}

func (p *parser) number() float64 {
	position := p.position()
	length := 0
	for length < len(p.rest) && strings.ContainsRune("0123456789.", p.rest[length]) {
		length++
	}
	text := string(p.rest[:length])
	value, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		panic(misfit{fmt.Errorf("`%s` at position %d is not a number", text, position)})
	}
	p.rest = p.rest[length:]
	return value
}

// peek gives the next character that is no space.
func (p *parser) peek() rune {
	for len(p.rest) > 0 && unicode.IsSpace(p.rest[0]) {
		p.rest = p.rest[1:]
	}
	if len(p.rest) == 0 {
		return end
	}
	return p.rest[0]
}

func (p *parser) take(wanted rune) bool {
	if p.peek() != wanted {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// position counts characters from 1.
func (p *parser) position() int { return p.length - len(p.rest) + 1 }

func (p *parser) unexpected() {
	next := p.peek()
	if next == end {
		panic(misfit{errEnds})
	}
	panic(misfit{fmt.Errorf("unexpected `%c` at position %d", next, p.position())})
}
