package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Sizes of the page format, in bytes, and its limits. The contract's half is contracts/src/lib/Page.sol.
const (
	pageHeader    = 5
	pageEntry     = 5
	pageFacet     = 52
	MaxPageRoutes = 100
	MaxPages      = 255

	// hashPrime is the least prime above 2^32.
	hashPrime = 4294967311
)

// Selector is the first four bytes of the keccak256 of a function signature.
type Selector [4]byte

// SelectorOf returns the selector of a signature such as "transfer(address,uint256)". "receive()" stands for a plain
// transfer, which the dispatcher routes as the selector zero.
func SelectorOf(signature string) Selector {
	if signature == ReceiveSignature {
		return Selector{}
	}
	return Selector(crypto.Keccak256([]byte(signature))[:4])
}

// ReceiveSignature names the route of a call without calldata.
const ReceiveSignature = "receive()"

func (s Selector) uint32() uint32 { return binary.BigEndian.Uint32(s[:]) }

// split distributes routes over the least number of pages on which none is empty and none holds more than limit.
// The page of a selector is the selector modulo the number of pages.
func split(routes []PageRoute, limit int) ([][]PageRoute, error) {
	for pages := (len(routes) + limit - 1) / limit; pages <= MaxPages; pages++ {
		out := make([][]PageRoute, pages)
		for _, r := range routes {
			i := int(r.Selector.uint32() % uint32(pages))
			out[i] = append(out[i], r)
		}
		fits := true
		for _, page := range out {
			fits = fits && len(page) > 0 && len(page) <= limit
		}
		if fits {
			return out, nil
		}
	}
	return nil, fmt.Errorf("%d routes cannot be spread over pages of %d so that none is empty: set a larger pageSize",
		len(routes), limit)
}

// encodePage returns the bytes of one page. The result depends on the set of routes, not on their order.
func encodePage(routes []PageRoute, pages, index int) ([]byte, error) {
	n := len(routes)
	if n == 0 || n > MaxPageRoutes {
		return nil, fmt.Errorf("a page holds 1 to %d routes, not %d", MaxPageRoutes, n)
	}
	selectors := make([]uint32, n)
	bySelector := make(map[uint32]PageRoute, n)
	codeHashes := map[common.Address]common.Hash{}
	for i, r := range routes {
		selectors[i] = r.Selector.uint32()
		bySelector[selectors[i]] = r
		codeHashes[r.Facet] = r.CodeHash
	}
	facets := make([]common.Address, 0, len(codeHashes))
	for a := range codeHashes {
		facets = append(facets, a)
	}
	sort.Slice(facets, func(i, j int) bool { return facets[i].Cmp(facets[j]) < 0 })
	facetIndex := make(map[common.Address]byte, len(facets))
	for i, a := range facets {
		facetIndex[a] = byte(i)
	}

	seed, displacements, order, err := perfectHash(selectors)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write([]byte{0, byte(pages), byte(index), byte(n), seed})
	b.Write(displacements)
	for _, s := range order {
		r := bySelector[s]
		b.Write(r.Selector[:])
		b.WriteByte(facetIndex[r.Facet])
	}
	for _, a := range facets {
		b.Write(a[:])
		b.Write(codeHashes[a].Bytes())
	}
	return b.Bytes(), nil
}

// buckets is the number of displacements on a page of n routes.
func buckets(n int) int { return (n + 2) / 3 }

// position is the entry at which a page of n routes holds the selector whose product with the seed is h.
func position(h uint64, displacement byte, n int) int {
	return int(h * (uint64(displacement) + 1) % hashPrime % uint64(n))
}

// perfectHash finds the least seed, and for it the least displacements, with which every selector has an entry of its
// own. It is the "hash, displace" scheme of Pagh (1999): selectors fall into buckets by h mod b, with
// h = selector * seed mod P; the largest buckets choose first, each the displacement d for which
// (h * (d + 1) mod P) mod n leads all its selectors to free entries. About one seed in three works.
func perfectHash(selectors []uint32) (seed byte, displacements []byte, order []uint32, err error) {
	for s := 1; s <= 0xff; s++ {
		if displacements, order, ok := placeAll(selectors, uint64(s)); ok {
			return byte(s), displacements, order, nil
		}
	}
	return 0, nil, nil, errors.New("no perfect hash found: is a selector there twice?")
}

// placeAll tries one seed.
func placeAll(selectors []uint32, seed uint64) (displacements []byte, order []uint32, ok bool) {
	n, b := len(selectors), buckets(len(selectors))
	byBucket := make([][]uint32, b)
	for _, sel := range selectors {
		i := uint64(sel) * seed % hashPrime % uint64(b)
		byBucket[i] = append(byBucket[i], sel)
	}
	largestFirst := make([]int, b)
	for i := range largestFirst {
		largestFirst[i] = i
	}
	slices.SortStableFunc(largestFirst, func(i, j int) int { return len(byBucket[j]) - len(byBucket[i]) })

	displacements, order = make([]byte, b), make([]uint32, n)
	taken := make([]bool, n)
	for _, i := range largestFirst {
		d := 0
		for ; d <= 0xff && !fits(byBucket[i], seed, byte(d), taken); d++ {
		}
		if d > 0xff {
			return nil, nil, false
		}
		displacements[i] = byte(d)
		for _, sel := range byBucket[i] {
			at := position(uint64(sel)*seed%hashPrime, byte(d), n)
			taken[at], order[at] = true, sel
		}
	}
	return displacements, order, true
}

// fits tells whether a displacement leads all selectors of a bucket to free entries, each to another.
func fits(bucket []uint32, seed uint64, displacement byte, taken []bool) bool {
	for i, sel := range bucket {
		at := position(uint64(sel)*seed%hashPrime, displacement, len(taken))
		if taken[at] {
			return false
		}
		for _, other := range bucket[:i] {
			if position(uint64(other)*seed%hashPrime, displacement, len(taken)) == at {
				return false
			}
		}
	}
	return true
}

// PageRoute is one route as the bytes of a page hold it.
type PageRoute struct {
	Selector Selector
	Facet    common.Address
	CodeHash common.Hash
}

// PageContent is a decoded page.
type PageContent struct {
	Pages, Index int
	Routes       []PageRoute // in the order of the page
}

// DecodePage reads the bytes of a page and checks all that the contract checks but reserved selectors and live code.
func DecodePage(page []byte) (PageContent, error) {
	if len(page) < pageHeader || page[0] != 0 {
		return PageContent{}, errors.New("not a page: it must begin with 0x00 and have a header of 5 bytes")
	}
	pages, index, n := int(page[1]), int(page[2]), int(page[3])
	seed, b := uint64(page[4]), buckets(n)
	facetsAt := pageHeader + b + n*pageEntry
	if n == 0 || n > MaxPageRoutes || index >= pages || len(page) <= facetsAt || (len(page)-facetsAt)%pageFacet != 0 {
		return PageContent{}, errors.New("not a page: its length and header do not agree")
	}
	m := (len(page) - facetsAt) / pageFacet
	out := PageContent{Pages: pages, Index: index, Routes: make([]PageRoute, n)}
	used := make([]bool, m)
	for i := range out.Routes {
		entry := page[pageHeader+b+i*pageEntry:]
		selector, f := Selector(entry[:4]), int(entry[4])
		if f >= m {
			return PageContent{}, fmt.Errorf("entry %d names facet %d of %d", i, f, m)
		}
		used[f] = true
		if int(selector.uint32()%uint32(pages)) != index {
			return PageContent{}, fmt.Errorf("selector %s does not belong on page %d of %d", selector, index, pages)
		}
		h := uint64(selector.uint32()) * seed % hashPrime
		if at := position(h, page[pageHeader+int(h%uint64(b))], n); at != i {
			return PageContent{}, fmt.Errorf("selector %s stands at entry %d, its hash leads to %d", selector, i, at)
		}
		at := facetsAt + f*pageFacet
		out.Routes[i] = PageRoute{selector, common.BytesToAddress(page[at : at+20]), common.BytesToHash(page[at+20 : at+52])}
	}
	last := make([]byte, 20)
	for f := range m {
		at := facetsAt + f*pageFacet
		address := page[at : at+20]
		if !used[f] || bytes.Compare(address, last) <= 0 {
			return PageContent{}, fmt.Errorf("facet %d is unused or not in ascending order", f)
		}
		last = address
	}
	return out, nil
}

// Leaf is the Merkle leaf of a page: hashed twice, so that no inner node of the tree can pass for a page.
func Leaf(page []byte) common.Hash {
	return crypto.Keccak256Hash(crypto.Keccak256(page))
}
