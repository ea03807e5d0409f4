package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// eventColumns are those of the table of events, in the order in which rows are written.
const (
	eventColumns = `chain_id, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, kind, name, fields, topics, data`
	eventWidth   = 13
)

// rowsAtOnce is how many rows one statement of SQLite inserts.
const rowsAtOnce = 64

// insertEvents inserts many rows with one statement that is compiled once: SQLite takes most of its time to begin and end one.
func (sqlite) insertEvents(ctx context.Context, t *tx, chainID uint64, logs []event.Decoded) (err error) {
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	insert := func(rows int) string {
		return `INSERT INTO events (` + eventColumns + `) VALUES ` + strings.Repeat(row+", ", rows-1) + row
	}
	args := make([]any, 0, rowsAtOnce*eventWidth)
	if len(logs) >= rowsAtOnce {
		stmt, prepareErr := t.conn.PrepareContext(ctx, insert(rowsAtOnce))
		if prepareErr != nil {
			return prepareErr
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for ; len(logs) >= rowsAtOnce; logs = logs[rowsAtOnce:] {
			if _, err := stmt.ExecContext(ctx, eventArgs(args, chainID, logs[:rowsAtOnce])...); err != nil {
				return err
			}
		}
	}
	if len(logs) > 0 {
		_, err = t.exec(ctx, insert(len(logs)), eventArgs(args, chainID, logs)...)
	}
	return err
}

// eventArgs appends what rows are inserted with.
func eventArgs(args []any, chainID uint64, logs []event.Decoded) []any {
	topics := make([]byte, 0, len(logs)*4*32)
	for i := range logs {
		l := &logs[i]
		start := len(topics)
		topics = appendTopics(topics, l)
		var fields any
		if l.Name != "" {
			fields = string(l.Fields)
		}
		data := l.Data
		if data == nil {
			data = []byte{}
		}
		args = append(args, int64(chainID), int64(l.Block.Number), int64(l.Index), l.Block.Hash[:], int64(l.Block.Time), l.Tx[:], int64(l.TxIndex),
			l.Address[:], l.Kind, l.Name, fields, topics[start:len(topics):len(topics)], data)
	}
	return args
}

func appendTopics(out []byte, l *event.Decoded) []byte {
	for i := range l.Topics {
		out = append(out, l.Topics[i][:]...)
	}
	return out
}

// insertEvents copies rows in the binary format of COPY: https://www.postgresql.org/docs/current/sql-copy.html.
func (postgres) insertEvents(ctx context.Context, t *tx, chainID uint64, logs []event.Decoded) error {
	if len(logs) == 0 {
		return nil
	}
	size := 32
	for i := range logs {
		size += 2 + eventWidth*4 + 4*8 + 4*8 + 32*2 + 20 + len(logs[i].Kind) + len(logs[i].Name) + len(logs[i].Fields) + len(logs[i].Topics)*32 + len(logs[i].Data)
	}
	out := append(make([]byte, 0, size), "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for i := range logs {
		out = appendCopyRow(out, chainID, &logs[i])
	}
	out = binary.BigEndian.AppendUint16(out, 0xffff)
	return t.conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", driver)
		}
		_, err := c.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(out), `COPY events (`+eventColumns+`) FROM STDIN (FORMAT binary)`)
		return err
	})
}

func appendCopyRow(out []byte, chainID uint64, l *event.Decoded) []byte {
	number := func(out []byte, n uint64) []byte {
		return binary.BigEndian.AppendUint64(append(out, 0, 0, 0, 8), n)
	}
	out = append(out, 0, eventWidth)
	out = number(out, chainID)
	out = number(out, l.Block.Number)
	out = number(out, uint64(l.Index))
	out = appendCopy(out, l.Block.Hash[:])
	out = number(out, l.Block.Time)
	out = appendCopy(out, l.Tx[:])
	out = number(out, uint64(l.TxIndex))
	out = appendCopy(out, l.Address[:])
	out = appendCopy(out, l.Kind)
	out = appendCopy(out, l.Name)
	if l.Name == "" {
		out = append(out, 0xff, 0xff, 0xff, 0xff) // NULL
	} else {
		out = appendCopy(out, l.Fields)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(32*len(l.Topics)))
	out = appendTopics(out, l)
	return appendCopy(out, l.Data)
}

func appendCopy[T string | []byte](out []byte, value T) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(value)))
	return append(out, value...)
}

// insertBlocks keeps headers. One that is kept already is replaced.
func insertBlocks(ctx context.Context, t *tx, chainID uint64, blocks []event.Header) error {
	const row = "(?, ?, ?, ?, ?)"
	for part := range slices.Chunk(blocks, rowsAtOnce) {
		args := make([]any, 0, len(part)*5)
		for i := range part {
			b := &part[i]
			var parent []byte
			if b.Parent != ([32]byte{}) {
				parent = b.Parent[:]
			}
			args = append(args, int64(chainID), int64(b.Number), b.Hash[:], parent, int64(b.Time))
		}
		_, err := t.exec(ctx, `INSERT INTO event_blocks (chain_id, number, hash, parent, time) VALUES `+strings.Repeat(row+", ", len(part)-1)+row+`
			ON CONFLICT (chain_id, number) DO UPDATE SET hash = excluded.hash, parent = coalesce(excluded.parent, event_blocks.parent), time = excluded.time`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
