package lease

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Holder names this process, for as long as it lives: host, process id, and what tells it from another process with both.
func Holder() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name this process: %w", err)
	}
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("name this process: %w", err)
	}
	start, _ := started(os.Getpid()) // where the system does not say, it is never known to have ended
	return strings.Join([]string{strings.ReplaceAll(host, "/", "_"), strconv.Itoa(os.Getpid()), machine(), start, hex.EncodeToString(random)}, "/"), nil
}

// Gone tells whether a process is known to have ended: it was of this machine, and is not there any more. Nothing is known of one
// elsewhere.
func Gone(holder string) bool {
	parts := strings.Split(holder, "/")
	if len(parts) != 5 || machine() == "" || parts[2] != machine() || parts[3] == "" {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 0 {
		return false
	}
	start, err := started(pid)
	if err != nil {
		// where /proc does not show the processes of other users (hidepid), there may be one nevertheless
		return ended(pid)
	}
	return start != parts[3]
}

// ended tells whether there is no process with an id.
func ended(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
	}
	return errors.Is(err, os.ErrProcessDone)
}

// machine tells one boot of one kernel and one space of process ids from any other; it is empty where the system does not say.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "-" + strings.Trim(strings.TrimPrefix(space, "pid:"), "[]")
}

// started is when a process began, in ticks since boot: an id may be used again. It is empty if only what is left of one is there.
func started(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// the name, in parentheses, may hold anything; the state is the first field after it, and the start the twentieth (proc_pid_stat(5))
	end := strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[end+1:]))
	const state, start = 0, 19
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return "", nil
	}
	return fields[start], nil
}
