// Command generate writes docs/reference/cli.md. Run it from the root of the repository: make generate.
package main

import (
	"log"
	"os"

	"github.com/seed-b6a97670/lockstep/internal/cli"
)

func main() {
	// a reader's environment must not change the documents
	for _, name := range []string{"LOCKSTEP_CONFIG", "LOCKSTEP_JOURNAL"} {
		if err := os.Unsetenv(name); err != nil {
			log.Fatal(err)
		}
	}
	text, err := cli.Reference()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("docs/reference/cli.md", []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}
