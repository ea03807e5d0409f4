package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes of PostgreSQL.
const (
	connectionException  = "08" // a class
	readOnlyTransaction  = "25006"
	idleInTransaction    = "25P03"
	invalidAuthorization = "28000"
	invalidPassword      = "28P01"
	unknownDatabase      = "3D000"
	insufficientRights   = "42501"
	unknownTable         = "42P01"
	duplicateTable       = "42P07"
	internalError        = "XX" // a class
	diskFull             = "53100"
	tooManyConnections   = "53300"
	lockTimeout          = "55P03"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
)

func (postgres) broken(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return strings.HasPrefix(refused.Code, connectionException) ||
			slices.Contains([]string{idleInTransaction, adminShutdown, crashShutdown, cannotConnectNow}, refused.Code)
	}
	var network net.Error
	var connecting *pgconn.ConnectError
	for _, gone := range []error{driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return errors.As(err, &network) || errors.As(err, &connecting) || pgconn.SafeToRetry(err)
}

func (p postgres) explain(err error) error {
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	reached := !errors.As(err, &connecting)
	switch {
	case errors.As(err, &refused):
		if remedy := p.remedy(refused.Code); remedy != "" {
			return &explainedError{refused.Message + ": " + remedy, err}
		}
	case !reached:
		return &explainedError{"no connection to the database (" + attempts(connecting.Unwrap()) + "): see that the server runs and can be " +
			"reached from here, and that the URL is right", err}
	case p.broken(err):
		return &explainedError{fmt.Sprintf("the connection to the database broke (%v): see that the server runs, and run the command again", err), err}
	}
	return err
}

// attempts are the reasons why no connection was made, each once: with TLS and without it, by IPv6 and IPv4.
func attempts(err error) string {
	return strings.Join(slices.Compact(strings.Split(err.Error(), "\n")), "; ")
}

func (p postgres) remedy(code string) string {
	switch code {
	case insufficientRights:
		return fmt.Sprintf("the owner of the database must grant that to role %s; to make or change tables, as the first start and each new release "+
			"do, it needs CREATE on the schema, and must own the tables", p.role)
	case readOnlyTransaction:
		return "the server is a standby, or was told to write nothing: name the primary, or several hosts and target_session_attrs=read-write"
	case invalidAuthorization, invalidPassword:
		return fmt.Sprintf("see the password of role %s (in the URL, PGPASSWORD or a passfile), and pg_hba.conf of the server", p.role)
	case unknownDatabase:
		return "make it with createdb, or correct the URL"
	case unknownTable:
		return "it is not a journal, or not a whole one: see the database and the search_path of the URL"
	case duplicateTable:
		return "another program uses the database: give the journal one of its own, or a schema of its own with ?search_path=SCHEMA"
	case diskFull:
		return "make room on the server"
	case tooManyConnections:
		return "raise max_connections of the server, or run fewer programs on it"
	case lockTimeout:
		return "another process has been writing the journal for long (see pg_stat_activity): try again"
	case adminShutdown, crashShutdown, cannotConnectNow, idleInTransaction:
		return "see that the server runs, and run the command again"
	}
	return ""
}

// explainedError is an error of the driver in other words.
type explainedError struct {
	text string
	err  error
}

func (e *explainedError) Error() string { return e.text }

func (e *explainedError) Unwrap() error { return e.err }
