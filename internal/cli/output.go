package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// printJSON prints one document.
func (e *env) printJSON(v any) error {
	e.printed = true
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints rows in columns; the first row is the heading.
func (e *env) table(rows [][]string) { table(e.stdout, rows) }

func table(out io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // as fmt.Fprintln above: a closed standard output is nobody's to repair
}

// listing prints rows in columns as table does, and below each a text that is too long for a column.
func (e *env) listing(rows [][]string, below []string) {
	var b strings.Builder
	table(&b, rows)
	i := 0
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(e.stdout, strings.TrimRight(line, " \n"))
		if below[i] != "" {
			fmt.Fprint(e.stdout, wrapped(ascii(below[i])))
		}
		i++
	}
}

// printOutcomes prints what a command did.
func (e *env) printOutcomes(outcomes []app.Outcome, err error) error {
	e.endProgress(outcomes)
	if len(outcomes) == 0 {
		return err
	}
	if e.json {
		if jsonErr := e.printJSON(map[string]any{"networks": outcomes}); jsonErr != nil {
			return jsonErr
		}
		return err
	}
	rows := [][]string{{"NETWORK", "CHAIN ID", "STATUS", "TRANSACTIONS", "GAS", "SECONDS"}}
	for _, o := range outcomes {
		if o.Status == "planned" || o.Status == "refused" {
			continue
		}
		rows = append(rows, []string{
			o.Network, fmt.Sprint(o.ChainID), o.Status, fmt.Sprint(len(o.Transactions)), fmt.Sprint(o.GasUsed),
			fmt.Sprintf("%.1f", o.Seconds),
		})
	}
	if len(rows) > 1 {
		e.table(rows)
	}
	for _, o := range outcomes {
		if o.Status != "planned" && len(o.Steps) == 0 {
			continue
		}
		fmt.Fprintf(e.stdout, "%s (chain id %d), dispatcher %s\n", o.Network, o.ChainID, o.Dispatcher)
		if len(o.Steps) == 0 {
			fmt.Fprintln(e.stdout, "  nothing to do")
		}
		for i, s := range o.Steps {
			if s.Data == "" {
				fmt.Fprintf(e.stdout, "  %2d  %s\n", i+1, s.Step)
				continue
			}
			gas := "not simulated"
			if s.Gas > 0 {
				gas = fmt.Sprintf("gas limit %d", s.Gas)
			}
			if s.Refused != "" {
				gas = "WOULD REVERT"
			}
			fmt.Fprintf(e.stdout, "  %2d  %-34s by %-9s %6d bytes of call data, %s\n", i+1, s.Step, s.By, len(s.Data)/2-1, gas)
		}
	}
	return err
}

// columns is how wide what is printed for people may be.
const columns = 100

// shortened cuts a text to some columns.
func shortened(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return text
}

// wrapped breaks a text into lines, between words where they are not too long, indented.
func wrapped(text string) string {
	const indent = "  "
	var words []string
	for word := range strings.FieldsSeq(text) {
		words = append(words, slices.Collect(broken(word, columns-2*len(indent)))...)
	}
	var b strings.Builder
	line := indent
	for _, word := range words {
		if len(line) > len(indent) && len([]rune(line))+len([]rune(word)) >= columns {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent + "  "
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

// broken breaks a word into parts of so many columns.
func broken(word string, width int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for part := range slices.Chunk([]rune(word), width) {
			if !yield(string(part)) {
				return
			}
		}
	}
}

// writeFile writes a file under a temporary name and renames it, so that it is there whole or not at all.
func writeFile(path string, data []byte, mode os.FileMode) error {
	return writeStream(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeStream is writeFile for what is not in memory.
func writeStream(path string, mode os.FileMode, write func(io.Writer) error) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
