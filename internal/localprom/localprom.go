// Package localprom runs Prometheus and Alertmanager as processes on free loopback ports, for tests.
package localprom

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// startTime bounds how long a server may take until it answers.
const startTime = 60 * time.Second

// Server is a running process.
type Server struct {
	URL  string // of its API and pages, without a slash at the end
	name string
	dir  string
	cmd  *exec.Cmd
	read chan struct{} // closed when all that it said has been read

	mu   sync.Mutex
	said strings.Builder
}

// Prometheus starts a Prometheus whose prometheus.yml has the given text. files are others beside it, such as rules, by their names,
// which is how rule_files names them. Alerts that fire are sent again every 2 s. The caller must Stop it.
func Prometheus(config string, files map[string]string) (*Server, error) {
	return start([]string{"prometheus"}, "prometheus.yml", config, files, func(config, data string) []string {
		return []string{
			"--config.file=" + config, "--storage.tsdb.path=" + data, "--web.listen-address=127.0.0.1:0", "--rules.alert.resend-delay=2s",
		}
	})
}

// Alertmanager starts an Alertmanager, without a cluster, whose alertmanager.yml has the given text. The caller must Stop it.
func Alertmanager(config string) (*Server, error) {
	return start([]string{"prometheus-alertmanager", "alertmanager"}, "alertmanager.yml", config, nil, func(config, data string) []string {
		return []string{"--config.file=" + config, "--storage.path=" + data, "--web.listen-address=127.0.0.1:0", "--cluster.listen-address="}
	})
}

// Find gives the path of a program, of which any of the names will do: from PATH, else of those that make tools has unpacked.
func Find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", names[0], err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, ".tools", "debian", "usr", "bin", name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: it is neither on PATH nor in .tools: run make tools, which fetches it from Debian's packages", names[0])
}

func start(names []string, file, config string, files map[string]string, args func(config, data string) []string) (_ *Server, err error) {
	s := &Server{name: names[0], read: make(chan struct{})}
	binary, err := Find(names...)
	if err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "lockstep-"+s.name+"-"); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	all := map[string]string{file: config}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("start %s: %w", s.name, err)
		}
	}
	cmd := exec.Command(binary, args(filepath.Join(s.dir, file), filepath.Join(s.dir, "data"))...) //nolint:noctx // lives until Stop
	cmd.Dir = filepath.Join(filepath.Dir(binary), "..", "..")                                      // see fetch.sh
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	s.cmd = cmd
	address := make(chan string, 1)
	go s.listen(out, address)
	select {
	case <-s.read:
	case a := <-address:
		s.URL = "http://" + a
	case <-time.After(startTime):
	}
	if s.URL == "" {
		return nil, fmt.Errorf("start %s: it does not listen; it said:\n%s", s.name, s.Said())
	}
	return s, s.ready()
}

// listen reads what the server says until it has ended, and tells once where it listens.
func (s *Server) listen(out io.Reader, address chan<- string) {
	defer close(s.read)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		s.mu.Lock()
		s.said.WriteString(line)
		s.mu.Unlock()
		if strings.Contains(line, `msg="Listening on"`) {
			_, at, _ := strings.Cut(line, " address=")
			select {
			case address <- strings.TrimSpace(at):
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// ready waits until the server serves.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/-/ready", nil)
		if err != nil {
			return fmt.Errorf("start %s: %w", s.name, err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.read:
			return fmt.Errorf("start %s: it ended; it said:\n%s", s.name, s.Said())
		case <-ctx.Done():
			return fmt.Errorf("start %s: it is not ready (%w); it said:\n%s", s.name, err, s.Said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Said is the server's log until now.
func (s *Server) Said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// Stop ends the process, waits for it, and deletes its data.
func (s *Server) Stop() error {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have ended already
		<-s.read                 // before Wait, which closes the pipe
		_ = s.cmd.Wait()         // killed
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	return nil
}
