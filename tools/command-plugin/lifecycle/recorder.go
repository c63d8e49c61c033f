package lifecycle

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// A line longer than this many bytes reaches the log in pieces.
const longestLogLine = 16 << 10

// Recorder keeps all that one run prints, and passes it on line by line to the
// log as far as `logging` asks for it. Writing never waits for anything but the
// log call itself, so no length of line or of output can stall the command.
type Recorder struct {
	mu                   sync.Mutex
	stdout, stderr, both bytes.Buffer
}

// Stdout is the writer for standard output; Close logs a last line without
// newline.
func (r *Recorder) Stdout(log func(line string)) io.WriteCloser {
	return &stream{recorder: r, kept: &r.stdout, log: log}
}

// Stderr is to standard error what Stdout is to standard output.
func (r *Recorder) Stderr(log func(line string)) io.WriteCloser {
	return &stream{recorder: r, kept: &r.stderr, log: log}
}

// Outputs is what goes into state. Bytes that are no UTF-8 are replaced: the
// engine's protocol refuses them, and the command has run already.
func (r *Recorder) Outputs() Outputs {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Outputs{Stdout: text(&r.stdout), Stderr: text(&r.stderr)}
}

// Failure describes a run that ended badly: why, the command's text, and all it
// printed, both streams in the order they came.
func (r *Recorder) Failure(cause error, command string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Errorf("%w: running %q:\n%s", cause, command, strings.ToValidUTF8(r.both.String(), "\uFFFD"))
}

func text(kept *bytes.Buffer) string {
	return strings.TrimSuffix(strings.ToValidUTF8(kept.String(), "\uFFFD"), "\n")
}

type stream struct {
	recorder *Recorder
	kept     *bytes.Buffer
	log      func(line string)
	line     []byte
}

func (s *stream) Write(chunk []byte) (int, error) {
	s.recorder.mu.Lock()
	s.kept.Write(chunk)
	s.recorder.both.Write(chunk)
	s.recorder.mu.Unlock()

	if s.log == nil {
		return len(chunk), nil
	}
	s.line = append(s.line, chunk...)
	for {
		end := bytes.IndexByte(s.line, '\n')
		switch {
		case end >= 0 && end <= longestLogLine:
			s.send(end)
			s.line = s.line[1:]
		case len(s.line) > longestLogLine:
			s.send(longestLogLine)
		default:
			return len(chunk), nil
		}
	}
}

func (s *stream) Close() error {
	if len(s.line) > 0 {
		s.send(len(s.line))
	}
	return nil
}

func (s *stream) send(length int) {
	s.log(strings.ToValidUTF8(string(s.line[:length]), "\uFFFD"))
	s.line = s.line[length:]
}
