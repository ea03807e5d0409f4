package audit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSoundLog(t *testing.T) {
	for _, n := range []int{1, 2, 3, 50} {
		entries := chain(t, "market", n)
		want := Report{
			Log: entries[0].Hash, Project: "market", Tip: Tip{uint64(n), entries[n-1].Hash}, Begun: 1_700_000_000, Last: 1_699_999_999 + int64(n),
		}
		text := file(entries)
		if diff := cmp.Diff(want, verify(t, text, nil)); diff != "" {
			t.Errorf("%d entries (-want +got):\n%s", n, diff)
		}
		if written := writeAll(t, entries); written != text {
			t.Errorf("%d entries: Write writes something else", n)
		}
		// a head of any of its entries is one of it, whatever came later
		for i, e := range entries {
			if r := verify(t, text, sign(t, entries[0].Hash, e.Tip(), auditor), addressOf(stranger), addressOf(auditor)); !r.Sound() {
				t.Errorf("%d entries, head of %d: %v", n, i+1, r.Problems)
			}
		}
	}
}

// TestTampering is what somebody may do to a log, and what is found.
func TestTampering(t *testing.T) {
	entries := chain(t, "market", 9)
	text := file(entries)
	lines := slices.Collect(strings.Lines(text))
	log := entries[0].Hash
	head := sign(t, log, entries[8].Tip(), auditor)
	// written anew with right hashes: from the middle on, and from the first entry on
	later := file(rewrite(t, entries, 4, func(e *Entry) { e.Time++ }))
	whole := file(rewrite(t, entries, 0, func(e *Entry) { e.Time++ }))
	other := chain(t, "another", 9)

	for name, test := range map[string]struct {
		text  string
		head  *Head
		want  What // empty if it cannot be found
		entry uint64
	}{
		"first entry out":          {join(lines[1:]), nil, Missing, 1},
		"middle entry out":         {join(slices.Delete(slices.Clone(lines), 4, 5)), nil, Missing, 5},
		"three entries out":        {join(slices.Delete(slices.Clone(lines), 4, 7)), nil, Missing, 5},
		"last entry out":           {join(lines[:8]), nil, "", 0},
		"last entry out, head":     {join(lines[:8]), head, Cut, 9},
		"one entry left, head":     {lines[0], head, Cut, 2},
		"nothing left":             {"", nil, Empty, 0},
		"nothing left, head":       {"", head, Empty, 0},
		"two swapped":              {join(swap(lines, 3, 4)), nil, Reordered, 4},
		"first two swapped":        {join(swap(lines, 0, 1)), nil, Reordered, 1},
		"last two swapped":         {join(swap(lines, 7, 8)), nil, Reordered, 8},
		"two far apart swapped":    {join(swap(lines, 2, 7)), nil, Reordered, 3},
		"twice in a row":           {join(slices.Insert(slices.Clone(lines), 4, lines[3])), nil, Duplicate, 5},
		"twice, at the end":        {text + lines[3], nil, Duplicate, 10},
		"all of it twice":          {text + text, nil, Duplicate, 10},
		"changed":                  {join(onLine(lines, 4, "step 4", "step 7")), nil, Changed, 5},
		"changed and hashed":       {join(slices.Replace(slices.Clone(lines), 4, 5, string(rewrite(t, entries[:5], 4, func(e *Entry) { e.Time++ })[4].Encode())+"\n")), nil, Changed, 6},
		"last changed and hashed":  {later[:len(join(lines[:4]))] + strings.SplitAfter(later, "\n")[4], head, Cut, 6},
		"from another log":         {join(slices.Replace(slices.Clone(lines), 4, 5, string(other[4].Encode())+"\n")), nil, Changed, 5},
		"end of another log":       {join(lines[:4]) + file(other[4:]), nil, Changed, 5},
		"written anew":             {later, nil, "", 0},
		"written anew, head":       {later, head, Rewritten, 9},
		"written anew, early head": {later, sign(t, log, entries[3].Tip(), auditor), "", 0},
		"all anew":                 {whole, nil, "", 0},
		"all anew, head":           {whole, head, OtherLog, 0},
		"head of another log":      {text, sign(t, other[0].Hash, other[8].Tip(), auditor), OtherLog, 0},
		"head of a stranger":       {text, sign(t, log, entries[8].Tip(), stranger), WrongSigner, 0},
		"first is no beginning":    {file(rewrite(t, entries, 0, func(e *Entry) { e.Kind = RunBegun })), nil, Changed, 1},
		"first has one before it":  {file(rewrite(t, entries, 0, func(e *Entry) { e.Previous = common.Hash{1} })), nil, Changed, 1},
		"later version":            {join(onLine(lines, 4, `"version":1`, `"version":2`)), nil, UnknownVersion, 5},
		"a line that is not JSON":  {join(lines[:4]) + "entry\n" + join(lines[5:]), nil, Unreadable, 5},
		"an empty line":            {join(lines[:4]) + "\n" + join(lines[4:]), nil, Unreadable, 5},
		"cut within a line":        {text[:len(text)-20], nil, Unreadable, 9},
		"no end of the last line":  {text[:len(text)-1], nil, Unreadable, 9},
		"a huge line":              {join(lines[:4]) + strings.Repeat("x", 3*MaxEntry) + "\n" + join(lines[4:]), nil, Unreadable, 5},
		"a huge last line":         {text + strings.Repeat("x", MaxEntry+1), nil, Unreadable, 10},
		"two lines in one":         {replace(text, "}\n{", "}{"), nil, Unreadable, 1},
		"zeros at the end":         {text + "\x00\x00\x00", nil, Unreadable, 10},
	} {
		t.Run(name, func(t *testing.T) {
			report := verify(t, test.text, test.head, addressOf(auditor))
			if test.want == "" {
				if !report.Sound() {
					t.Errorf("%v, which nobody can know", report.Problems)
				}
				return
			}
			if len(report.Problems) == 0 || report.Problems[0].What != test.want || report.Problems[0].Entry != test.entry {
				t.Errorf("%v; want %s at entry %d", report.Problems, test.want, test.entry)
			}
		})
	}
}

// TestProblemsSaySo holds some of what people read.
func TestProblemsSaySo(t *testing.T) {
	entries := chain(t, "market", 9)
	lines := slices.Collect(strings.Lines(file(entries)))
	head := sign(t, entries[0].Hash, entries[8].Tip(), auditor)
	for _, test := range []struct {
		text string
		head *Head
		want string
	}{
		{join(slices.Delete(slices.Clone(lines), 4, 5)), nil, "entry 5: missing: entry 6 stands in its place"},
		{join(slices.Delete(slices.Clone(lines), 4, 7)), nil, "entry 5: missing: entries 5 to 7 are not there"},
		{join(swap(lines, 3, 4)), nil, "entry 4: re-ordered: in its place stands entry 5; it comes later"},
		{join(lines[:7]), head, "entry 8: cut: the log ends with entry 7, and had 9 entries when the head was signed"},
		{join(lines[:2]) + "?\n", nil, "entry 3: unreadable: line 3: it is not an entry: invalid character '?' looking for beginning of value"},
		{"", nil, "empty: there is no entry in it"},
		// what comes later is not what is missing
		{join(slices.Delete(slices.Clone(lines), 4, 5)) + onLine(lines, 4, "step 4", "step 5")[4], nil, "entry 5: missing: entry 6 stands in its place"},
		{
			file(rewrite(t, entries, 0, func(e *Entry) { e.Previous = common.Hash{1} })), nil,
			fmt.Sprintf("entry 1: changed: it does not begin a log, but says that %s comes before it", common.Hash{1}),
		},
		{
			file(rewrite(t, entries, 0, func(e *Entry) { e.Kind = RunBegun })), nil,
			"entry 1: changed: it does not begin a log, but is run.begun",
		},
	} {
		if r := verify(t, test.text, test.head); len(r.Problems) != 1 || r.Problems[0].String() != test.want {
			t.Errorf("%v\nwant %s", r.Problems, test.want)
		}
	}
}

// TestEveryByteCounts changes each byte of a file, in two ways.
func TestEveryByteCounts(t *testing.T) {
	text := []byte(file(chain(t, "market", 4)))
	for i := range text {
		for _, mask := range []byte{1, 0x20} {
			text[i] ^= mask
			if verify(t, string(text), nil).Sound() {
				t.Errorf("byte %d as %q is not found: ...%s...", i, text[i], text[max(0, i-20):min(len(text), i+20)])
			}
			text[i] ^= mask
		}
	}
}

// TestAnyOneChangeIsFound: with a head of its end, whatever is done to a file is found.
func TestAnyOneChangeIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []Entry
		var tip Tip
		for i := range rapid.IntRange(1, 12).Draw(t, "entries") {
			kind, body := rapid.SampledFrom(Kinds()).Draw(t, "kind"), any(map[string]string{
				rapid.String().Draw(t, "key"): rapid.String().Draw(t, "value"),
			})
			if i == 0 {
				kind, body = LogBegun, Begun{Project: rapid.String().Draw(t, "project")}
			}
			e, err := tip.Next(rapid.Int64Range(0, maxInteger).Draw(t, "time"), kind, rapid.Uint64Range(0, maxInteger).Draw(t, "chain id"), body)
			if err != nil {
				t.Fatal(err)
			}
			entries, tip = append(entries, e), e.Tip()
		}
		key := mustKey("auditor")
		head := sign(t, entries[0].Hash, tip, key)
		text := file(entries)
		if r, err := Verify(Read(strings.NewReader(text)), head, addressOf(key)); err != nil || !r.Sound() {
			t.Fatalf("%v, %v:\n%s", r.Problems, err, text)
		}
		changed := mutate(t, text)
		if changed == text {
			t.Skip("nothing has changed")
		}
		r, err := Verify(Read(strings.NewReader(changed)), head, addressOf(key))
		if err != nil || r.Sound() {
			t.Fatalf("not found, %v:\n%s\nwas\n%s", err, changed, text)
		}
	})
}

// mutate does one thing to a file.
func mutate(t *rapid.T, text string) string {
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	lines := slices.Collect(strings.Lines(text))
	one, two := rapid.IntRange(0, len(lines)-1).Draw(t, "line"), rapid.IntRange(0, len(lines)-1).Draw(t, "other line")
	switch rapid.SampledFrom([]string{"byte", "insert", "cut", "out", "swap", "move", "delete", "double"}).Draw(t, "what") {
	case "byte":
		return text[:at] + string([]byte{rapid.Byte().Draw(t, "byte")}) + text[at+1:]
	case "insert":
		return text[:at] + string(rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "bytes")) + text[at:]
	case "cut":
		return text[:at]
	case "out":
		return text[:at] + text[rapid.IntRange(at, len(text)).Draw(t, "to"):]
	case "swap":
		return join(swap(lines, one, two))
	case "move":
		moved := lines[one]
		return join(slices.Insert(slices.Delete(lines, one, one+1), min(two, len(lines)-1), moved))
	case "delete":
		return join(slices.Delete(lines, one, one+1))
	default:
		return join(slices.Insert(lines, two, lines[one]))
	}
}

// FuzzVerify: whatever a file holds, it is judged; and what is sound is exactly what Write would write.
func FuzzVerify(f *testing.F) {
	entries := chain(f, "market", 5)
	text := file(entries)
	for _, seed := range []string{text, text[:len(text)-3], "", "\n", "{}\n", replace(text, "step 1", "step 2"), file(entries[:1]), file(entries[1:])} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := Verify(Read(strings.NewReader(string(data))), nil)
		if err != nil {
			t.Fatal(err)
		}
		var again strings.Builder
		tip, err := Write(&again, Read(strings.NewReader(string(data))))
		switch {
		case report.Sound() && (err != nil || again.String() != string(data) || tip != report.Tip):
			t.Fatalf("sound, but written again it is different, %v:\n%s", err, again.String())
		case !report.Sound() && report.Problems[0].Detail == "":
			t.Fatalf("%+v", report.Problems)
		}
	})
}

// TestUnreadableFile: what cannot be read is neither sound nor wrong.
func TestUnreadableFile(t *testing.T) {
	disk := errors.New("input/output error")
	text := file(chain(t, "market", 3))
	for name, r := range map[string]io.Reader{
		"at once":            iotest.ErrReader(disk),
		"after some entries": io.MultiReader(strings.NewReader(text), iotest.ErrReader(disk)),
		"within a huge line": io.MultiReader(strings.NewReader(strings.Repeat("x", MaxEntry+5)), iotest.ErrReader(disk)),
		"within a line":      io.MultiReader(strings.NewReader(text[:len(text)-9]), iotest.ErrReader(disk)),
	} {
		if report, err := Verify(Read(r), nil); !errors.Is(err, disk) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if _, err := Write(io.Discard, Read(strings.NewReader(text+"?\n"))); err == nil || !strings.HasPrefix(err.Error(), "entry after 3: line 4: ") {
		t.Errorf("written: %v", err)
	}
}

// TestReadStops: a reader that has enough gets no more.
func TestReadStops(t *testing.T) {
	n := 0
	for _, err := range Read(strings.NewReader("?\n?\n?\n")) {
		if n++; err == nil {
			t.Error("a question mark is an entry")
		}
		if n == 2 {
			break
		}
	}
	if n != 2 {
		t.Error(n)
	}
}

func BenchmarkVerify(b *testing.B) {
	const n = 10_000
	text := file(chain(b, "market", n))
	var plain, checked float64
	b.Run("sha256 alone", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			hashAlone(text)
		}
		plain = b.Elapsed().Seconds() / float64(b.N)
	})
	b.Run("verified", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if r, err := Verify(Read(strings.NewReader(text)), nil); err != nil || !r.Sound() {
				b.Fatal(r, err)
			}
		}
		checked = b.Elapsed().Seconds() / float64(b.N)
		b.ReportMetric(n/checked, "entries/s")
		if plain > 0 {
			b.ReportMetric(checked/plain, "x-sha256")
		}
	})
}
