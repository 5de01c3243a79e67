package main

import (
	"encoding/json"
	"errors"
	"strconv"
)

// The users, 1 to 5.
var names = [...]string{"Maira", "Mani", "Mark", "Ishan", "Dhawal"}

// userID is a user's number, also as text: callers write both 1 and "1".
type userID string

func (id *userID) UnmarshalJSON(text []byte) error {
	var number json.Number
	if err := json.Unmarshal(text, &number); err == nil {
		*id = userID(number)
		return nil
	}
	var words string
	if err := json.Unmarshal(text, &words); err != nil {
		return errors.New("expected a number, or a number in quotes")
	}
	*id = userID(words)
	return nil
}

// name gives the user's name, if there is such a user.
func (id userID) name() (string, bool) {
	number, err := strconv.Atoi(string(id))
	if err != nil || number < 1 || number > len(names) {
		return "", false
	}
	return names[number-1], true
}
