//go:build !wasip1

package model

// broker stands in where there is no host.
type broker struct{}

func absent() error {
	return &Error{Kind: Unavailable, Message: "there is no host here: give the agent a Client, such as kelliontest.Script"}
}

func (broker) Converse(*Request) (*Response, error)       { return nil, absent() }
func (broker) ConverseStream(*Request) (*Stream, error)   { return nil, absent() }
func (broker) CountTokens(*Request) (uint64, error)       { return 0, absent() }
func (broker) InvokeModel(string, []byte) ([]byte, error) { return nil, absent() }
