package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var seeAlso = regexp.MustCompile(`(?m)^(\* \[lockstep.*\))\t - (.*)$`)

// Reference returns the reference of all commands in Markdown, generated from their help.
func Reference() (string, error) {
	root := newRoot(&env{configPath: "lockstep.yaml"})
	root.DisableAutoGenTag = true
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Command reference\n\nGenerated from the program's own help by `make generate`; CI checks that it is current.\n\n%s\n\n", exitCodes)
	anchor := func(name string) string {
		return "#" + strings.ReplaceAll(strings.TrimSuffix(name, ".md"), "_", "-")
	}
	var walk func(c *cobra.Command) error
	walk = func(c *cobra.Command) error {
		if !c.IsAvailableCommand() && c != root {
			return nil
		}
		if err := doc.GenMarkdownCustom(c, &b, anchor); err != nil {
			return fmt.Errorf("reference of %s: %w", c.CommandPath(), err)
		}
		for _, sub := range c.Commands() {
			if err := walk(sub); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(root)
	// a link and what it leads to are too long for one line
	text := seeAlso.ReplaceAllString(b.String(), "$1:\n  $2")
	return strings.TrimRight(text, "\n") + "\n", err
}
