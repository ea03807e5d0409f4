package e2e

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// walState tells one state of a SQLite write-ahead log from another: its generation, and how many transactions it holds. See
// https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
type walState struct {
	salts   [8]byte
	commits int
}

// readWAL reads the state of the log beside a database; the zero state if there is none.
func readWAL(database string) (walState, error) {
	const header, frameHeader = 32, 24
	data, err := os.ReadFile(database + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) < header {
		return walState{}, nil
	}
	if err != nil {
		return walState{}, err
	}
	var s walState
	copy(s.salts[:], data[16:24])
	page := int(binary.BigEndian.Uint32(data[8:12]))
	for frame := data[header:]; len(frame) >= frameHeader+page; frame = frame[frameHeader+page:] {
		if [8]byte(frame[8:16]) != s.salts {
			break // left over from an earlier generation
		}
		if binary.BigEndian.Uint32(frame[4:8]) != 0 { // the last frame of a transaction
			s.commits++
		}
	}
	return s, nil
}

// killAfterEachWrite runs a command, kills it as soon as its journal holds one transaction more than before, and so again
// until it ends by itself. Leases are such transactions, and no process can use those of another; so every second time it is killed
// when the audit log has one entry more, or some more if nothing has come of the last starts. It returns how often it was killed.
func (m *market) killAfterEachWrite(most int, args ...string) int {
	m.t.Helper()
	database := filepath.Join(m.dir, "lockstep.db")
	var stalled int
	progress := m.auditEntries(database, ofTransactions)
	for kills := range most {
		if now := m.auditEntries(database, ofTransactions); now > progress {
			stalled, progress = 0, now
		} else {
			stalled++
		}
		before, err := readWAL(database)
		if err != nil {
			m.t.Fatal(err)
		}
		wrote := func() bool {
			now, err := readWAL(database)
			if err != nil {
				m.t.Fatal(err)
			}
			return now.commits > 0 && now != before
		}
		if kills%2 == 1 {
			entries, more := m.auditEntries(database, notOfLeases), 1+stalled/4
			wrote = func() bool { return m.auditEntries(database, notOfLeases) >= entries+more }
		}
		running := m.start(args...)
		if !m.killWhen(running, database, wrote) {
			return kills
		}
	}
	m.t.Fatalf("it did not end within %d kills", most)
	return 0
}

// What auditEntries may count.
const (
	notOfLeases    = `kind <> 'lease.taken'`
	ofTransactions = `kind LIKE 'transaction.%'`
)

// auditEntries counts some of the entries of an audit log that others may write; it is 0 if there is none.
func (m *market) auditEntries(database, which string) (n int) {
	m.t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(m.t.Context(), `SELECT count(*) FROM audit WHERE `+which).Scan(&n); err != nil {
		return 0
	}
	return n
}

// killWhen kills a process after a write to its journal. It returns false if the process ended by itself, which must be with success.
func (m *market) killWhen(running *process, database string, wrote func() bool) bool {
	m.t.Helper()
	var last fs.FileInfo
	deadline := time.Now().Add(3 * patience)
	for {
		select {
		case <-running.ended:
			if code := running.code(); code != 0 {
				m.t.Fatalf("exit code %d after a kill\n%s", code, running.output())
			}
			return false
		default:
		}
		if time.Now().After(deadline) {
			running.kill()
			m.t.Fatalf("it neither wrote nor ended\n%s", running.output())
		}
		info, err := os.Stat(database + "-wal")
		if err != nil || last != nil && info.Size() == last.Size() && info.ModTime().Equal(last.ModTime()) {
			time.Sleep(50 * time.Microsecond)
			continue
		}
		last = info
		if !wrote() {
			continue
		}
		running.kill()
		if code := running.code(); code != -1 && code != 0 {
			m.t.Fatalf("exit code %d\n%s", code, running.output())
		}
		return running.code() == -1
	}
}

// TestWALState writes with the program's own store and sees each transaction counted.
func TestWALState(t *testing.T) {
	t.Parallel()
	m := &market{t: t, dir: t.TempDir()}
	database := filepath.Join(m.dir, "lockstep.db")
	if s, err := readWAL(database); err != nil || s != (walState{}) {
		t.Fatalf("without a log: %+v, %v", s, err)
	}
	journal := openJournal(t, database)
	first, err := readWAL(database)
	if err != nil || first.commits == 0 {
		t.Fatalf("after the schema was made: %+v, %v", first, err)
	}
	if err := journal.SaveManifest(t.Context(), [32]byte{1}, [32]byte{2}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	second, err := readWAL(database)
	if err != nil || second.commits != first.commits+1 || second.salts != first.salts {
		t.Errorf("after one transaction: %+v, %v; before it %+v", second, err, first)
	}
}
