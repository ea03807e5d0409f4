// Command measure runs a command and prints what it took: wall time in seconds, peak memory in bytes. On Linux a process
// begins with the peak of the one that started it, so what measures must be small; a test binary is not.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...) //nolint:noctx // who runs this bounds it
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		log.Fatal(err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		log.Fatal("this system tells no peak of memory")
	}
	fmt.Println(wall.Seconds(), usage.Maxrss*1024)
}
