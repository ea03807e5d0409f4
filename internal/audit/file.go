package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Write writes entries to a file, one a line.
func Write(w io.Writer, entries iter.Seq2[Entry, error]) (Tip, error) {
	var last Tip
	b := bufio.NewWriter(w)
	for e, err := range entries {
		if err != nil {
			return last, fmt.Errorf("entry after %d: %w", last.Seq, err)
		}
		// what goes wrong is kept for Flush
		_, _ = b.Write(e.Encode())
		_ = b.WriteByte('\n')
		last = e.Tip()
	}
	return last, b.Flush()
}

// Read reads the entries of a file, one a line. A line that is not an entry gives an UnreadableError, and what follows is
// read nevertheless; any other error is the last.
func Read(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		b := bufio.NewReaderSize(r, MaxEntry+1)
		for number := 1; ; number++ {
			line, err := b.ReadSlice('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			var e Entry
			switch {
			case err == nil:
				e, err = Decode(bytes.TrimSuffix(line, []byte("\n")))
			case errors.Is(err, bufio.ErrBufferFull):
				if err = skipLine(b); err == nil {
					err = &UnreadableError{Unreadable, fmt.Sprintf("it is longer than %d bytes", MaxEntry)}
				}
			case errors.Is(err, io.EOF):
				err = &UnreadableError{Unreadable, "the file ends before the line does"}
			}
			var unreadable *UnreadableError
			if errors.As(err, &unreadable) {
				err = &UnreadableError{unreadable.What, fmt.Sprintf("line %d: %s", number, unreadable.Detail)}
			}
			if !yield(e, err) || err != nil && unreadable == nil {
				return
			}
		}
	}
}

// skipLine reads to the end of a line, or of the file.
func skipLine(b *bufio.Reader) error {
	for {
		_, err := b.ReadSlice('\n')
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
