//go:build !wasip1

package entry

func flush() {}
