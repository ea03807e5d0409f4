package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const (
	childTask    = "LOCKSTEP_TEST_TASK"
	childJournal = "LOCKSTEP_TEST_JOURNAL"
	childTarget  = "LOCKSTEP_TEST_TARGET"
	added        = "added"
)

// What a child process does with a journal.
const (
	addAndWait = "add"    // adds a transaction, says so and waits to be killed
	writeAlone = "write"  // writes for ever, as the only sender
	appendMany = "append" // appends shareOfChild entries, and sends as many transactions as it can
	usePlans   = "plans"  // begins and ends each of plansOfChild plans, unless it was used
	checkOnly  = "check"  // verifies the audit log, and prints how many entries it has

	backUpSmall  = "backup"  // backs up while no file can grow over a megabyte
	restoreSmall = "restore" // restores in the same way
)

const (
	shareOfChild = 40
	plansOfChild = 25
)

// TestMain is also the child of tests.
func TestMain(m *testing.M) {
	path := os.Getenv(childJournal)
	if path == "" {
		code := m.Run()
		if err := stopServer(); err != nil {
			fmt.Println(err)
			code = 1
		}
		os.Exit(code)
	}
	if err := child(context.Background(), os.Getenv(childTask), path); err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
}

func childProcess(t *testing.T, task, path string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childTask+"="+task, childJournal+"="+path)
	return c
}

func child(ctx context.Context, task, path string) error {
	switch task {
	case checkOnly:
		return childCheck(ctx, path)
	case backUpSmall, restoreSmall:
		return childCopy(ctx, task, path, os.Getenv(childTarget))
	}
	s, err := Open(ctx, path, "")
	if err != nil {
		return err
	}
	switch task {
	case writeAlone:
		for {
			if err := childWrite(ctx, s); err != nil {
				return err
			}
		}
	case appendMany:
		for i := range shareOfChild {
			if err := s.Append(ctx, audit.HeadSigned, 0, map[string]int{"process": os.Getpid(), "i": i}); err != nil {
				return err
			}
			if err := childWrite(ctx, s); err != nil && !errors.Is(err, rollout.ErrStale) {
				return err
			}
		}
		return s.Close()
	case usePlans:
		if err := childUsePlans(ctx, s); err != nil {
			return err
		}
		return s.Close()
	default:
		if _, err := addOne(ctx, s, transaction(0), rollout.Mark{}); err != nil {
			return err
		}
		fmt.Print(added)
		time.Sleep(time.Minute) // until the parent kills it
		return nil
	}
}

// childWrite takes every kind of step on a journal once.
func childWrite(ctx context.Context, s *Store) error {
	m, err := s.Read(ctx, chainID, signer)
	if err != nil {
		return err
	}
	var ts []rollout.Transaction
	for i := range uint64(3) {
		tx := transaction(m.NextNonce + i)
		tx.Hash[1], tx.Hash[2] = byte(tx.Nonce>>8), byte(os.Getpid())
		ts = append(ts, tx)
	}
	if ts, err = s.Add(ctx, ts, m); err != nil {
		return err
	}
	released, err := s.Release(ctx, ts[1:2])
	if err != nil {
		return err
	}
	if err := s.Void(ctx, ts[2:]); err != nil {
		return err
	}
	for i, tx := range []rollout.Transaction{ts[0], released[0]} {
		tx.Status, tx.BlockNumber, tx.BlockHash = rollout.Confirmed, tx.Nonce, common.Hash{3}
		if i > 0 {
			tx.Status = rollout.Reverted
		}
		if err := s.Finish(ctx, tx); err != nil {
			return err
		}
	}
	return s.Decide(ctx, chainID, audit.Decision{Network: "test", Kind: "wait", Steps: []string{}, Reason: fmt.Sprint(m.NextNonce)})
}

func savedPlans(ctx context.Context, s *Store) (out []common.Hash, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT digest FROM plans ORDER BY digest`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var digest string
		if err := rows.Scan(&digest); err != nil {
			return nil, err
		}
		out = append(out, common.HexToHash(digest))
	}
	return out, rows.Err()
}

func childUsePlans(ctx context.Context, s *Store) error {
	digests, err := savedPlans(ctx, s)
	if err != nil {
		return err
	}
	for _, digest := range digests {
		var used *UsedPlanError
		if err := s.BeginPlan(ctx, digest, chainID); errors.As(err, &used) {
			continue
		} else if err != nil {
			return err
		}
		if err := s.EndPlan(ctx, digest, chainID, PlanDone); err != nil {
			return err
		}
	}
	return nil
}

func childCheck(ctx context.Context, path string) error {
	s, err := OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	report, err := s.VerifyAudit(ctx, nil)
	if err == nil && !report.Sound() {
		err = fmt.Errorf("%v", report.Problems)
	}
	fmt.Print(report.Tip.Seq)
	return errors.Join(err, s.Close())
}

// childCopy copies a journal while files are small, as on a disk that is full.
func childCopy(ctx context.Context, task, path, target string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	most := uint64(1 << 20)
	if task == restoreSmall { // a copy of the backup can be made; what is written to the journal takes more
		most = uint64(info.Size()) + 1<<13
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	if task == backUpSmall {
		_, err = Backup(ctx, path, target, false)
	} else {
		_, err = Restore(ctx, path, target, "")
	}
	return err
}
