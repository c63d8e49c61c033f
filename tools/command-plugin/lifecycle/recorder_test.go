package lifecycle

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestLinesAreLoggedWhole(t *testing.T) {
	var recorder Recorder
	var logged []string
	stream := recorder.Stdout(func(line string) { logged = append(logged, line) })
	for _, chunk := range []string{"on", "e\ntwo\n\nfo", "ur"} {
		_, _ = io.WriteString(stream, chunk)
	}
	_ = stream.Close()
	if want := []string{"one", "two", "", "four"}; !slices.Equal(logged, want) {
		t.Fatalf("logged %q, want %q", logged, want)
	}
	if got := recorder.Outputs().Stdout; got != "one\ntwo\n\nfour" {
		t.Fatalf("kept %q", got)
	}
}

func TestALongLineIsLoggedInPieces(t *testing.T) {
	var recorder Recorder
	var logged []string
	stream := recorder.Stderr(func(line string) { logged = append(logged, line) })
	line := strings.Repeat("x", 2*longestLogLine+1)
	_, _ = io.WriteString(stream, line+"\nnext\n")
	_ = stream.Close()
	if len(logged) != 4 || strings.Join(logged[:3], "") != line || logged[3] != "next" {
		t.Fatalf("%d pieces", len(logged))
	}
	if recorder.Outputs().Stderr != line+"\nnext" {
		t.Fatal("not kept whole")
	}
}

func TestAFailureHasBothStreamsInOrder(t *testing.T) {
	var recorder Recorder
	_, _ = io.WriteString(recorder.Stdout(nil), "first\n")
	_, _ = io.WriteString(recorder.Stderr(nil), "second\n")
	err := recorder.Failure(errors.New("exit status 1"), "cmd")
	if want := "exit status 1: running \"cmd\":\nfirst\nsecond\n"; err.Error() != want {
		t.Fatalf("got %q, want %q", err, want)
	}
}
