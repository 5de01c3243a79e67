package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"kellion.dev/kellion/model"
)

// event is what the caller sees: how far the work is, and pieces of the summary as they are made.
type event struct {
	// Round counts how often what came of the parts was summarised again.
	Round int `json:"round,omitempty"`
	// Part is done, of Parts.
	Part  int `json:"part,omitempty"`
	Parts int `json:"parts,omitempty"`
	// Text is a piece of the summary.
	Text string `json:"text,omitempty"`
	// Usage comes last: what all the questions cost.
	Usage *model.Usage `json:"usage,omitempty"`
}

const modelID = "us.anthropic.claude-sonnet-4-20250514-v1:0"

// summarise maps parts of the text to summaries, and these to fewer, until they fit one question. The answer to that is the
// summary, and goes out as it is made. It stops without an error when nobody is there to see the events.
func summarise(text string, chunk int, show func(event) bool) error {
	var usage model.Usage
	for round := 1; len(text) > chunk; round++ {
		parts := split(text, chunk)
		summaries := make([]string, 0, len(parts))
		for i, part := range parts {
			response, err := model.Converse(question("Summarise this part of a document in a few sentences.", part))
			if err != nil {
				return fmt.Errorf("part %d of %d: %w", i+1, len(parts), err)
			}
			usage.Add(response.Usage)
			summaries = append(summaries, response.Text())
			if !show(event{Round: round, Part: i + 1, Parts: len(parts)}) {
				return nil
			}
		}
		shorter := strings.Join(summaries, "\n")
		if len(shorter) >= len(text) {
			return errors.New("the summaries of the parts are not shorter than the parts; take a larger chunk")
		}
		text = shorter
	}
	stream, err := model.ConverseStream(question("Summarise this document in one paragraph.", text))
	if err != nil {
		return err
	}
	defer stream.Close()
	for piece, err := range stream.Text() {
		if err != nil {
			return err
		}
		if !show(event{Text: piece}) {
			return nil
		}
	}
	response, err := stream.Response()
	if err != nil {
		return err
	}
	usage.Add(response.Usage)
	show(event{Usage: &usage})
	return nil
}

func question(task, text string) *model.Request {
	return &model.Request{
		Model:     modelID,
		System:    []model.Content{model.Text(task)},
		Messages:  []model.Message{model.FromUser(text)},
		Inference: model.Inference{MaxTokens: 1000, Temperature: model.Float(0)},
	}
}

// split cuts a text into parts of at most so many bytes: behind a paragraph, a sentence or a word if there is one in the
// part's second half, and never inside a character.
func split(text string, most int) []string {
	var parts []string
	for len(text) > most {
		at := most
		for at > 0 && !utf8.RuneStart(text[at]) {
			at--
		}
		for _, end := range []string{"\n\n", ". ", " "} {
			if found := strings.LastIndex(text[:at], end); found >= most/2 {
				at = found + len(end)
				break
			}
		}
		parts = append(parts, text[:at])
		text = text[at:]
	}
	return append(parts, text)
}
