// Package localpg runs a private PostgreSQL as a process on a free loopback port, for tests.
package localpg

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Server is a running PostgreSQL. Its superuser is postgres, and needs no password.
type Server struct {
	binaries   string
	dir        string
	port       int
	settings   []string
	credential *syscall.Credential
	cmd        *exec.Cmd
}

// Start makes a database cluster in a folder of its own and starts a server on it, with settings such as fsync=off, with which it is in memory where
// there is room. The caller must Stop it.
func Start(settings ...string) (_ *Server, err error) {
	s := &Server{settings: settings}
	if s.binaries, err = find(); err != nil {
		return nil, err
	}
	if s.credential, err = unprivileged(); err != nil {
		return nil, err
	}
	parent := ""
	if slices.Contains(settings, "fsync=off") {
		parent = memory()
	}
	if s.dir, err = os.MkdirTemp(parent, "lockstep-postgres-"); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	if s.credential != nil {
		if err := os.Chown(s.dir, int(s.credential.Uid), int(s.credential.Gid)); err != nil {
			return nil, fmt.Errorf("start postgres: %w", err)
		}
	}
	initdb := s.command("initdb", "--pgdata", s.data(), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
		"--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a database cluster: %w: %s", err, out)
	}
	for range 5 { // another process may take the port first
		if s.port, err = freePort(); err != nil {
			return nil, fmt.Errorf("start postgres: %w", err)
		}
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// room is how much memory must be free for a cluster, in bytes.
const room = 2 << 30

// memory is the folder of Linux that is in memory, if there is room in it: each test has databases of its own, and file systems on disk get slow
// where thousands of files are made and removed. It is empty elsewhere.
func memory() string {
	const shm = "/dev/shm"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(shm, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room { //nolint:gosec // a block has a size
		return ""
	}
	return shm
}

// find gives the folder of the programs. Debian keeps them where no PATH leads.
func find() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	for i := range folders {
		if dir := folders[len(folders)-1-i]; exists(filepath.Join(dir, "postgres")) && exists(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("start postgres: there is none in /usr/lib/postgresql/*/bin or PATH: install PostgreSQL 15 or newer (on Debian: " +
			"apt-get install postgresql)")
	}
	return filepath.Dir(path), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// unprivileged is whom the server runs as: it refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("start postgres: it does not run as root, and there is no other user: %w", err)
		}
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.binaries, name), args...) //nolint:noctx // lives until Stop
	c.Dir = s.dir                                               // it must be one that the user may enter
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	return c
}

// run starts the server and waits until it takes connections.
func (s *Server) run() error {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	c := s.command("postgres", args...)
	out, err := c.StderrPipe()
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	said := bufio.NewReader(out)
	var log strings.Builder
	for {
		line, err := said.ReadString('\n')
		log.WriteString(line)
		if strings.Contains(line, "ready to accept connections") {
			break
		}
		if err != nil {
			return errors.Join(errors.New("start postgres: it ended: "+log.String()), c.Wait())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // a full pipe would stop it
	s.cmd = c
	return nil
}

// URL is that of a database, by which the superuser connects.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// end tells the server to end, and waits until it has: by SIGINT in order, by SIGQUIT as in a crash.
func (s *Server) end(how syscall.Signal) error {
	if err := s.cmd.Process.Signal(how); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// Crash ends the server at once, as if the machine had lost its power, and leaves the data.
func (s *Server) Crash() error {
	if err := s.end(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash postgres: %w", err)
	}
	return nil
}

// Shutdown ends the server in order, and leaves the data.
func (s *Server) Shutdown() error {
	if err := s.end(syscall.SIGINT); err != nil {
		return fmt.Errorf("shut postgres down: %w", err)
	}
	return nil
}

// Again starts the server after a Crash or a Shutdown, on the same port and data.
func (s *Server) Again() error { return s.run() }

// Stop ends the server and deletes its data.
func (s *Server) Stop() error {
	if err := errors.Join(s.end(syscall.SIGINT), os.RemoveAll(s.dir)); err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	return nil
}
