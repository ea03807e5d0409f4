package signer

import (
	"fmt"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/crypto"
)

// SignText signs a text as wallets do: EIP-191, personal_sign. Such a signature is never one of a transaction.
func (s *Signer) SignText(text string) ([]byte, error) {
	key, err := s.unlock()
	if err != nil {
		return nil, err
	}
	signature, err := crypto.Sign(accounts.TextHash([]byte(text)), key)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.address, err)
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}
