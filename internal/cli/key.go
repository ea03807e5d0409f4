package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

func newKey(e *env) *cobra.Command {
	var password string
	command := func(use, short, example string, key func() (string, error)) *cobra.Command {
		c := &cobra.Command{
			Use: use + " FILE", Short: short, Example: example, Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				if password == "" {
					return usageError{fmt.Errorf("--password is missing: refer to it with env:NAME or file:PATH")}
				}
				if _, err := os.Stat(args[0]); err == nil {
					return fmt.Errorf("%s exists: key files are never overwritten", args[0])
				}
				secret, err := key()
				if err != nil {
					return err
				}
				file, address, err := app.EncryptKey(secret, password)
				if err != nil {
					return err
				}
				if err := writeKeyFile(args[0], file); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(map[string]any{"file": args[0], "address": address})
				}
				fmt.Fprintf(e.stdout, "wrote %s: address %s\n", args[0], address)
				return nil
			},
		}
		c.Flags().StringVar(&password, "password", "", "reference to the password: env:NAME or file:PATH")
		return c
	}
	return group("key", "Make key files (Web3 Secret Storage) for signers",
		command("new", "Make a new key", "  lockstep key new keys/deployer.json --password env:DEPLOYER_PASSWORD",
			func() (string, error) { return "", nil }),
		command("import", "Encrypt a private key that is read from standard input, in hex",
			"  lockstep key import keys/deployer.json --password env:DEPLOYER_PASSWORD < key.txt",
			func() (string, error) {
				line, err := bufio.NewReader(e.stdin).ReadString('\n')
				if line = strings.TrimSpace(line); line == "" {
					return "", fmt.Errorf("no key on standard input: %w", err)
				}
				return line, nil
			}),
	)
}

func writeKeyFile(path string, data []byte) error {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		if err := os.MkdirAll(path[:i], 0o700); err != nil {
			return err
		}
	}
	return writeFile(path, data, 0o600)
}
