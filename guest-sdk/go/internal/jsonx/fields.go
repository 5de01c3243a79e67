package jsonx

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Field is a struct's field as JSON has it.
type Field struct {
	Name     string
	Type     reflect.Type
	Tag      reflect.StructTag
	Required bool
}

// Fields lists the fields of a struct type, those of embedded structs among them.
func Fields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" && options == "" {
			continue
		}
		if field.Anonymous && name == "" {
			if inner := Deref(field.Type); inner.Kind() == reflect.Struct {
				fields = append(fields, Fields(inner)...)
				continue
			}
		}
		if !field.IsExported() {
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields = append(fields, Field{
			Name:     name,
			Type:     field.Type,
			Tag:      field.Tag,
			Required: field.Type.Kind() != reflect.Pointer && !strings.Contains(options, "omit"),
		})
	}
	return fields
}

// Deref gives the type behind pointers.
func Deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// ReadsItself says whether the type has an UnmarshalJSON of its own.
func ReadsItself(t reflect.Type) bool {
	return t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}

// complete finds fields that are missing, which encoding/json passes over.
func complete(text []byte, value any) error {
	path := missing(text, Deref(reflect.TypeOf(value)), "")
	if path == "" {
		return nil
	}
	return fmt.Errorf("does not fit: missing field `%s`", path)
}

// missing gives the path of the first required field that is not there. The text fits the type otherwise.
func missing(text json.RawMessage, t reflect.Type, at string) string {
	t = Deref(t)
	if ReadsItself(t) || string(text) == "null" {
		return ""
	}
	switch t.Kind() {
	case reflect.Struct:
		return missingInStruct(text, t, at)
	case reflect.Slice, reflect.Array:
		if !mayHaveFields(t.Elem()) {
			return ""
		}
		var items []json.RawMessage
		if json.Unmarshal(text, &items) != nil {
			return ""
		}
		for i, item := range items {
			if path := missing(item, t.Elem(), fmt.Sprintf("%s[%d].", strings.TrimSuffix(at, "."), i)); path != "" {
				return path
			}
		}
	}
	return ""
}

func missingInStruct(text json.RawMessage, t reflect.Type, at string) string {
	var there map[string]json.RawMessage
	if json.Unmarshal(text, &there) != nil {
		return ""
	}
	for _, field := range Fields(t) {
		inner, ok := there[field.Name]
		if !ok {
			inner, ok = folded(there, field.Name)
		}
		if !ok {
			if field.Required {
				return at + field.Name
			}
			continue
		}
		if mayHaveFields(field.Type) {
			if path := missing(inner, field.Type, at+field.Name+"."); path != "" {
				return path
			}
		}
	}
	return ""
}

// folded finds a field as encoding/json does: in upper or lower case.
func folded(there map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	for key, value := range there {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return nil, false
}

func mayHaveFields(t reflect.Type) bool {
	t = Deref(t)
	switch t.Kind() {
	case reflect.Struct:
		return true
	case reflect.Slice, reflect.Array:
		return mayHaveFields(t.Elem())
	}
	return false
}
