// Package schema makes JSON schemas of Go types, in the plain form that every provider of models takes.
package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"kellion.dev/kellion/internal/jsonx"
)

// Of gives the schema of a type, or says why it has none.
func Of(t reflect.Type) (json.RawMessage, error) {
	node, err := of(t, nil)
	if err != nil {
		return nil, err
	}
	return jsonx.Encode(node)
}

// object keeps the order of its members: a model reads them as the author wrote them.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, member := range o {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := jsonx.Encode(member.name)
		if err != nil {
			return nil, err
		}
		value, err := jsonx.Encode(member.value)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

func of(t reflect.Type, inside []reflect.Type) (object, error) {
	t = jsonx.Deref(t)
	if slices.Contains(inside, t) {
		return nil, fmt.Errorf("%s contains itself, which providers do not take", t)
	}
	inside = append(inside, t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{{"type", "string"}, {"format", "date-time"}}, nil
	case jsonx.ReadsItself(t):
		// What it takes is known to its own code alone.
		return object{}, nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{{"type", "boolean"}}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{{"type", "integer"}}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{{"type", "integer"}, {"minimum", 0}}, nil
	case reflect.Float32, reflect.Float64:
		return object{{"type", "number"}}, nil
	case reflect.String:
		return object{{"type", "string"}}, nil
	case reflect.Interface:
		return object{}, nil
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return object{{"type", "string"}, {"contentEncoding", "base64"}}, nil
		}
		items, err := of(t.Elem(), inside)
		return object{{"type", "array"}, {"items", items}}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%s has keys that are no strings", t)
		}
		values, err := of(t.Elem(), inside)
		return object{{"type", "object"}, {"additionalProperties", values}}, err
	case reflect.Struct:
		return ofStruct(t, inside)
	}
	return nil, fmt.Errorf("%s has no JSON", t)
}

func ofStruct(t reflect.Type, inside []reflect.Type) (object, error) {
	properties := object{}
	required := []string{}
	for _, field := range jsonx.Fields(t) {
		property, err := of(field.Type, inside)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", field.Name, err)
		}
		if words := field.Tag.Get("description"); words != "" {
			property = append(property, member{"description", words})
		}
		if values := field.Tag.Get("enum"); values != "" {
			property = append(property, member{"enum", strings.Split(values, ",")})
		}
		properties = append(properties, member{field.Name, property})
		if field.Required {
			required = append(required, field.Name)
		}
	}
	schema := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	return schema, nil
}
