//go:build wasip1

package model

import (
	"kellion.dev/kellion/internal/host"
	wit "kellion.dev/kellion/internal/wit/imports/kellion_agent_model"
	"kellion.dev/kellion/internal/wit/imports/kellion_agent_response"
	"kellion.dev/kellion/internal/wit/types"
)

// broker is the host's models.
type broker struct{}

func (broker) Converse(request *Request) (*Response, error) {
	lowered := lowerRequest(request)
	return liftResponse(host.Call(func() types.Result[wit.Response, wit.Error] {
		return wit.Converse(lowered)
	}))
}

func (broker) ConverseStream(request *Request) (*Stream, error) {
	lowered := lowerRequest(request)
	result := host.Call(func() types.Result[*wit.ResponseStream, wit.Error] {
		return wit.ConverseStream(lowered)
	})
	if result.Tag() == types.ResultErr {
		return nil, liftError(result.Err())
	}
	return NewStream(source{result.Ok()}), nil
}

func (broker) CountTokens(request *Request) (uint64, error) {
	lowered := lowerRequest(request)
	result := host.Call(func() types.Result[uint64, wit.Error] { return wit.CountTokens(lowered) })
	if result.Tag() == types.ResultErr {
		return 0, liftError(result.Err())
	}
	return result.Ok(), nil
}

func (broker) InvokeModel(model string, body []byte) ([]byte, error) {
	result := host.Call(func() types.Result[[]uint8, wit.Error] { return wit.InvokeModel(utf8(model), body) })
	if result.Tag() == types.ResultErr {
		return nil, liftError(result.Err())
	}
	return result.Ok(), nil
}

// source is a stream of the host's.
type source struct{ stream *wit.ResponseStream }

func (s source) Next() (Event, error) {
	result := host.Call(func() types.Result[types.Option[wit.Event], wit.Error] { return s.stream.Next() })
	if result.Tag() == types.ResultErr {
		return nil, liftError(result.Err())
	}
	if result.Ok().Tag() == types.OptionNone {
		return nil, nil
	}
	return liftEvent(result.Ok().Some()), nil
}

func (s source) Forward() (*Response, error) {
	return liftResponse(host.Call(func() types.Result[wit.Response, wit.Error] {
		return kellion_agent_response.Forward(s.stream, kellion_agent_response.Framing_Sse)
	}))
}

func (s source) Close() {
	host.Call(func() types.Unit {
		s.stream.Drop()
		return types.Unit{}
	})
}
