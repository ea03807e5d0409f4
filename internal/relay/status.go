package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// askStatus asks a status API in the form of Flashbots', which MEV Blocker has as well:
// https://docs.flashbots.net/flashbots-protect/rpc/status-api,
// https://docs.cow.fi/mevblocker/orderflow-originators/API-reference/Transactions-status
func askStatus(ctx context.Context, c *client, hash common.Hash) (Status, error) {
	code, body, err := c.get(ctx, hash.Hex())
	if err != nil {
		return Unknown, err
	}
	var answer struct {
		Status string      `json:"status"`
		Hash   common.Hash `json:"hash"`
	}
	if code != http.StatusOK {
		return Unknown, inDoubt(c.name, fmt.Sprintf("answers with HTTP status %d when it is asked for a status: look at the chain", code))
	}
	if json.Unmarshal(body, &answer) != nil {
		return Unknown, inDoubt(c.name, "gives an answer that is not a status: check the URL of its status API")
	}
	if answer.Hash != hash {
		return Unknown, inDoubt(c.name, "gives the status of another transaction: check the URL of its status API")
	}
	switch s := Status(strings.ToLower(answer.Status)); s {
	case Pending, Included, Failed, Cancelled, Unknown:
		return s, nil
	}
	return Unknown, inDoubt(c.name, "gives a status that is not known: look at the chain")
}
