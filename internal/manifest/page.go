package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Sizes of the page format, in bytes, and its limits. The contract's half is contracts/src/lib/Page.sol.
const (
	pageHeader    = 6
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

// pinned is a route as a page holds it.
type pinned struct {
	selector Selector
	facet    common.Address
	codeHash common.Hash
}

// split distributes routes over the least number of pages on which none is empty and none holds more than limit.
// The page of a selector is the selector modulo the number of pages.
func split(routes []pinned, limit int) ([][]pinned, error) {
	for pages := (len(routes) + limit - 1) / limit; pages <= MaxPages; pages++ {
		out := make([][]pinned, pages)
		for _, r := range routes {
			i := int(r.selector.uint32() % uint32(pages))
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
	return nil, fmt.Errorf("%d routes do not fit on %d pages of %d", len(routes), MaxPages, limit)
}

// encodePage returns the bytes of one page. The result depends on the set of routes, not on their order.
func encodePage(routes []pinned, pages, index int) ([]byte, error) {
	n := len(routes)
	if n == 0 || n > MaxPageRoutes {
		return nil, fmt.Errorf("a page holds 1 to %d routes, not %d", MaxPageRoutes, n)
	}
	selectors := make([]uint32, n)
	bySelector := make(map[uint32]pinned, n)
	codeHashes := map[common.Address]common.Hash{}
	for i, r := range routes {
		selectors[i] = r.selector.uint32()
		bySelector[selectors[i]] = r
		codeHashes[r.facet] = r.codeHash
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
	b.Write([]byte{0, byte(pages), byte(index), byte(n), byte(seed >> 8), byte(seed)})
	b.Write(displacements)
	for _, s := range order {
		r := bySelector[s]
		b.Write(r.selector[:])
		b.WriteByte(facetIndex[r.facet])
	}
	for _, a := range facets {
		b.Write(a[:])
		b.Write(codeHashes[a].Bytes())
	}
	return b.Bytes(), nil
}

// perfectHash finds the least seed, and for it displacements, with which every selector has an entry of its own:
// with h = selector*seed mod P and b buckets, entry (h/b + displacement[h mod b]) mod n. It is the "hash, displace"
// scheme of Pagh (1999): the largest buckets choose their displacement first.
func perfectHash(selectors []uint32) (seed uint16, displacements []byte, order []uint32, err error) {
	n := uint64(len(selectors))
	b := (n + 3) / 4
	sorted := append([]uint32(nil), selectors...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	type key struct {
		selector uint32
		slot     uint64
	}
	for s := uint64(1); s <= 0xffff; s++ {
		buckets := make([][]key, b)
		for _, sel := range sorted {
			h := uint64(sel) * s % hashPrime
			buckets[h%b] = append(buckets[h%b], key{sel, h / b})
		}
		byLoad := make([]int, b)
		for i := range byLoad {
			byLoad[i] = i
		}
		sort.SliceStable(byLoad, func(i, j int) bool { return len(buckets[byLoad[i]]) > len(buckets[byLoad[j]]) })

		displacements = make([]byte, b)
		order = make([]uint32, n)
		taken := make([]bool, n)
		placed := true
		for _, bucket := range byLoad {
			found := false
			for d := uint64(0); d < n && !found; d++ {
				found = true
				done := 0
				for _, k := range buckets[bucket] {
					slot := (k.slot + d) % n
					if taken[slot] {
						found = false
						break
					}
					taken[slot] = true
					order[slot] = k.selector
					done++
				}
				if found {
					displacements[bucket] = byte(d)
					break
				}
				for _, k := range buckets[bucket][:done] {
					taken[(k.slot+d)%n] = false
				}
			}
			if placed = found; !placed {
				break
			}
		}
		if placed {
			return uint16(s), displacements, order, nil
		}
	}
	return 0, nil, nil, errors.New("no perfect hash found: is a selector there twice?")
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
		return PageContent{}, errors.New("not a page: it must begin with 0x00 and have a header of 6 bytes")
	}
	pages, index, n := int(page[1]), int(page[2]), int(page[3])
	seed := uint64(binary.BigEndian.Uint16(page[4:6]))
	b := (n + 3) / 4
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
		if at := (h/uint64(b) + uint64(page[pageHeader+int(h%uint64(b))])) % uint64(n); at != uint64(i) {
			return PageContent{}, fmt.Errorf("selector %s stands at entry %d, its hash leads to %d", selector, i, at)
		}
		at := facetsAt + f*pageFacet
		out.Routes[i] = PageRoute{selector, common.BytesToAddress(page[at : at+20]), common.BytesToHash(page[at+20 : at+52])}
	}
	var last []byte
	for f := range m {
		at := facetsAt + f*pageFacet
		address := page[at : at+20]
		if !used[f] || bytes.Compare(address, last) <= 0 && f > 0 {
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
