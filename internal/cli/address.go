package cli

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

func newAddress(e *env) *cobra.Command {
	return group("address", "Compute addresses", newAddressCreate2(e))
}

func newAddressCreate2(e *env) *cobra.Command {
	var factory, salt, initCodeHash, sender string
	var chainID uint64
	c := &cobra.Command{
		Use:   "create2",
		Short: "Compute the address that a CREATE2 factory gives",
		Long: `Compute the address of a contract that is created through a CREATE2 factory (EIP-1014): the
deterministic deployment proxy of Arachnid, the Safe singleton factory, or CreateX. CreateX changes
the salt: one that begins with an address is that sender's alone, and byte 20 says whether the chain
id is mixed in.`,
		Example: "  lockstep address create2 --factory arachnid --salt 0x00 --init-code-hash 0x5f3c…",
		RunE: func(*cobra.Command, []string) error {
			r := create2.Request{Factory: factory, ChainID: chainID}
			var err error
			if r.Salt, err = word("salt", salt, false); err != nil {
				return err
			}
			if r.InitCodeHash, err = word("init-code-hash", initCodeHash, true); err != nil {
				return err
			}
			if sender != "" {
				if !common.IsHexAddress(sender) {
					return usageError{fmt.Errorf("--sender %s is not an address", sender)}
				}
				r.Sender = common.HexToAddress(sender)
			}
			if f, ok := network.LookupFactory(factory); ok {
				r.Address = f.Address
			}
			address, used, err := r.Compute()
			if err != nil {
				return usageError{err}
			}
			if e.json {
				return e.printJSON(map[string]any{
					"address": address, "factory": r.Address, "salt": r.Salt, "create2Salt": used, "initCodeHash": r.InitCodeHash,
				})
			}
			fmt.Fprintln(e.stdout, address)
			return nil
		},
	}
	c.Flags().StringVar(&factory, "factory", create2.Arachnid, "arachnid, safe or createx")
	completes(c, "factory", oneOf(factoryNames()...))
	c.Flags().StringVar(&salt, "salt", "0x00", "up to 32 bytes in hex; filled up at the left")
	c.Flags().StringVar(&initCodeHash, "init-code-hash", "", "keccak256 of the init code with its arguments")
	c.Flags().StringVar(&sender, "sender", "", "who calls the factory (CreateX)")
	c.Flags().Uint64Var(&chainID, "chain-id", 0, "chain id (CreateX, if the salt mixes it in)")
	return c
}

// word reads 32 bytes in hex, or fewer unless all are needed.
func word(flag, text string, all bool) (common.Hash, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) > 32 || all && len(raw) != 32 {
		return common.Hash{}, usageError{fmt.Errorf("--%s %q is not 32 bytes in hex", flag, text)}
	}
	return common.BytesToHash(raw), nil
}
