package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"kellion.dev/kellion"
	"kellion.dev/kellion/kelliontest"
	"kellion.dev/kellion/model"
)

// session gives the agent without a document, with a model that follows a script.
func session(script *kelliontest.Script) func(contentType, payload string) kelliontest.Result {
	kelliontest.Reset()
	kellion.Handle(answer)
	document.Reset()
	model.Default = script
	return func(contentType, payload string) kelliontest.Result {
		return kelliontest.Run(kelliontest.Turn{ContentType: contentType, Payload: []byte(payload)})
	}
}

func TestADocumentComesInPartsAndIsSummarised(t *testing.T) {
	script := kelliontest.NewScript().Says("First.").Says("Second.").Says("All of it.")
	turn := session(script)
	first := turn("text/plain", strings.Repeat("one ", 40)+"caf\xc3")
	if string(first.Body) != `{"bytes":164,"words":41}` {
		t.Errorf("%s, error %v", first.Body, first.Err)
	}
	turn("text/plain; charset=utf-8", "\xa9 "+strings.Repeat("two ", 40))
	result := turn("", `{"do": "summarise", "chunk": 200}`)
	want := "data: {\"round\":1,\"part\":1,\"parts\":2}\n\n" +
		"data: {\"round\":1,\"part\":2,\"parts\":2}\n\n" +
		"data: {\"text\":\"All \"}\n\ndata: {\"text\":\"of \"}\n\ndata: {\"text\":\"it.\"}\n\n" +
		"data: {\"usage\":{\"input_tokens\":30,\"output_tokens\":15,\"cache_read_tokens\":0,\"cache_write_tokens\":0}}\n\n"
	if string(result.Body) != want || result.Err != nil {
		t.Errorf("%s, error %v", result.Body, result.Err)
	}
	if asked := script.Requests[0].Messages[0].Text(); !strings.Contains(asked, "café") {
		t.Errorf("a character was lost between two parts: %q", asked)
	}
	if last := script.Requests[2].Messages[0].Text(); last != "First.\nSecond." {
		t.Errorf("%q", last)
	}
}

func TestWhatCannotBeSummarisedIsRefused(t *testing.T) {
	turn := session(kelliontest.NewScript())
	for _, refused := range []kelliontest.Result{
		turn("", `{"do": "summarise"}`),
		turn("", `{"do": "sing"}`),
		turn("application/octet-stream", "\x00"),
		turn("text/plain", strings.Repeat("x", mostBytes+1)),
	} {
		if !refused.PayloadBlamed {
			t.Errorf("%s, error %v", refused.Body, refused.Err)
		}
	}
	turn("text/plain", "short")
	if failed := turn("", `{"do": "summarise"}`); failed.Err == nil || failed.PayloadBlamed {
		t.Errorf("the model's failure is %v", failed.Err)
	}
	model.Default = kelliontest.NewScript().Says(strings.Repeat("x", 200)).Says(strings.Repeat("y", 200))
	turn("text/plain", strings.Repeat("word ", 70))
	if endless := turn("", `{"do": "summarise", "chunk": 200}`); !strings.Contains(fmt.Sprint(endless.Err), "not shorter") {
		t.Errorf("%s, error %v", endless.Body, endless.Err)
	}
	if forgotten := turn("", `{"do": "forget"}`); string(forgotten.Body) != `{"bytes":0,"words":0}` {
		t.Errorf("%s", forgotten.Body)
	}
}

func TestPartsAreWholeWordsAndLoseNothing(t *testing.T) {
	text := strings.Repeat("Ein Satz über Öl. ", 100) + strings.Repeat("é", 500)
	parts := split(text, 201)
	if strings.Join(parts, "") != text {
		t.Error("something was lost")
	}
	for _, part := range parts {
		if len(part) > 201 || !utf8.ValidString(part) {
			t.Errorf("%d bytes: %q", len(part), part)
		}
	}
	if !strings.HasSuffix(parts[0], ". ") {
		t.Errorf("cut inside a sentence: %q", parts[0])
	}
}
