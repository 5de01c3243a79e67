package main

import (
	"iter"
	"strconv"

	"kellion.dev/kellion"
	"kellion.dev/kellion/model"
)

const defaultModel = "us.anthropic.claude-sonnet-4-20250514-v1:0"

func request(prompt, name string) *model.Request {
	if name == "" {
		name = defaultModel
	}
	return &model.Request{Model: name, Messages: []model.Message{model.FromUser(prompt)}}
}

func ask(prompt, name string) (any, error) {
	response, err := model.Converse(request(prompt, name))
	if err != nil {
		return nil, err
	}
	return map[string]any{"text": response.Text(), "usage": response.Usage}, nil
}

func stream(prompt, name string) kellion.Streamed {
	var pieces iter.Seq2[string, error] = model.ConverseText(request(prompt, name))
	return kellion.Stream(pieces)
}

// held outlives its turn, but what it holds does not.
var held *model.Stream

func hold(prompt, name string) (any, error) {
	var err error
	if held, err = model.ConverseStream(request(prompt, name)); err != nil {
		return nil, err
	}
	if _, err = held.Next(); err != nil {
		return nil, err
	}
	return "held", nil
}

var assistant = &kellion.Agent{
	Model:  defaultModel,
	System: "You do sums.",
	Tools:  []kellion.Tool{kellion.NewTool("calculator", "Evaluates an arithmetic expression.", calculate)},
}

func converse(prompt string) (any, error) {
	reply, err := assistant.Ask(prompt)
	if err != nil {
		return nil, err
	}
	return reply.Text, nil
}

type calculation struct {
	Expression string `json:"expression" description:"Whole numbers with + - * between them, worked out from left to right."`
}

// calculate knows no precedence: the tests ask it one operation at a time.
func calculate(calculation calculation) (string, error) {
	sum, operator, number := 0, byte('+'), ""
	for _, each := range []byte(calculation.Expression + "=") {
		if each >= '0' && each <= '9' {
			number += string(each)
			continue
		}
		if each == ' ' {
			continue
		}
		value, err := strconv.Atoi(number)
		if err != nil {
			return "", err
		}
		switch operator {
		case '+':
			sum += value
		case '-':
			sum -= value
		default:
			sum *= value
		}
		operator, number = each, ""
	}
	return strconv.Itoa(sum), nil
}
