package manifest

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// contractTakes says whether the dispatcher would take a page, but for reserved selectors and live code: a transcription
// of _checkPage in ManifestDispatcher.sol.
func contractTakes(page []byte) bool {
	if len(page) < 5 || page[0] != 0 {
		return false
	}
	pages, index, n, seed := uint64(page[1]), uint64(page[2]), int(page[3]), uint64(page[4])
	if n == 0 || n > 100 {
		return false
	}
	b := (n + 2) / 3
	offset := 5 + b + n*5
	if len(page) <= offset || (len(page)-offset)%52 != 0 || index >= pages {
		return false
	}
	m := (len(page) - offset) / 52
	used := map[int]bool{}
	for i := range n {
		entry := page[5+b+i*5:]
		selector, f := uint64(binary.BigEndian.Uint32(entry)), int(entry[4])
		h := selector * seed % 4294967311
		if f >= m || selector%pages != index || h*(uint64(page[5+h%uint64(b)])+1)%4294967311%uint64(n) != uint64(i) {
			return false
		}
		used[f] = true
	}
	last := make([]byte, 20)
	for f := range m {
		address := page[offset+f*52:][:20]
		if bytes.Compare(address, last) <= 0 {
			return false
		}
		last = address
	}
	return len(used) == m
}

// contractLookup is how the dispatcher finds a route on a page: a transcription of Page.lookup.
func contractLookup(page []byte, selector Selector) (facet common.Address, codeHash common.Hash, found bool) {
	n, seed := uint64(page[3]), uint64(page[4])
	b := (n + 2) / 3
	h := uint64(binary.BigEndian.Uint32(selector[:])) * seed % 4294967311
	entry := page[5+b+h*(uint64(page[5+h%b])+1)%4294967311%n*5:]
	if !bytes.Equal(entry[:4], selector[:]) {
		return facet, codeHash, false
	}
	at := 5 + b + n*5 + uint64(entry[4])*52
	return common.Address(page[at : at+20]), common.Hash(page[at+20 : at+52]), true
}

func checkPage(t rapid.TB, routes []PageRoute, pages, index int) []byte {
	t.Helper()
	page, err := encodePage(routes, pages, index)
	if err != nil {
		t.Fatalf("%d routes: %v", len(routes), err)
	}
	got, err := DecodePage(page)
	if err != nil {
		t.Fatalf("%d routes: decode: %v", len(routes), err)
	}
	want := PageContent{Pages: pages, Index: index}
	for _, r := range routes {
		want.Routes = append(want.Routes, PageRoute{r.Selector, r.Facet, r.CodeHash})
	}
	got.Routes, want.Routes = bySelector(got.Routes), bySelector(want.Routes)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%d routes (-want +got):\n%s", len(routes), diff)
	}
	if !contractTakes(page) {
		t.Fatalf("%d routes: the dispatcher would refuse page %x", len(routes), page)
	}
	for _, r := range routes {
		facet, codeHash, found := contractLookup(page, r.Selector)
		if !found || facet != r.Facet || codeHash != r.CodeHash {
			t.Fatalf("%d routes: the dispatcher finds %s %s %v for %s", len(routes), facet, codeHash, found, r.Selector)
		}
	}
	return page
}

func TestEveryNumberOfRoutesFitsOnAPage(t *testing.T) {
	for n := 1; n <= MaxPageRoutes; n++ {
		page := checkPage(t, randomRoutes(1, n, min(n, 1+n%7)), 1, 0)
		if want := 5 + (n+2)/3 + 5*n + 52*min(n, 1+n%7); len(page) != want {
			t.Errorf("%d routes: page of %d bytes, want %d", n, len(page), want)
		}
	}
}

// A full page must be found whatever its selectors are: the search for a perfect hash may not give up. The selector of
// receive() is zero, and its entry is the first whatever the seed.
func TestPerfectHashOfFullPagesIsFound(t *testing.T) {
	for _, n := range []int{44, 50, 75, 100} {
		for seed := range uint64(8) {
			routes := randomRoutes(100+seed, n, 5)
			checkPage(t, routes, 1, 0)
			routes[seed].Selector = Selector{}
			checkPage(t, routes, 1, 0)
		}
	}
}

func TestPageDoesNotDependOnTheOrderOfRoutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "routes")
		pages := rapid.IntRange(1, MaxPages).Draw(t, "pages")
		index := rapid.IntRange(0, pages-1).Draw(t, "index")
		facets := rapid.IntRange(1, min(n, 9)).Draw(t, "facets")
		routes := routesOn(uint32(pages), uint32(index), rapid.Uint64().Draw(t, "seed"), n, facets)
		page := checkPage(t, routes, pages, index)
		shuffled := rapid.Permutation(routes).Draw(t, "order")
		if again := checkPage(t, shuffled, pages, index); !bytes.Equal(again, page) {
			t.Fatalf("another order of routes gives another page:\n%x\n%x", page, again)
		}
	})
}

func TestSelectorNotOnThePageIsNotFound(t *testing.T) {
	routes := randomRoutes(3, 50, 5)
	page := checkPage(t, routes, 1, 0)
	for _, r := range randomRoutes(4, 1000, 1) {
		if facet, _, found := contractLookup(page, r.Selector); found {
			t.Errorf("selector %s is not on the page, but leads to %s", r.Selector, facet)
		}
	}
}

func TestEncodePageRefusesWhatIsNoPage(t *testing.T) {
	twice := randomRoutes(1, 3, 1)
	twice[2] = twice[0]
	for name, routes := range map[string][]PageRoute{
		"no route": nil, "too many routes": randomRoutes(1, MaxPageRoutes+1, 1), "selector twice": twice,
	} {
		if page, err := encodePage(routes, 1, 0); err == nil {
			t.Errorf("%s: page %x, want an error", name, page)
		}
	}
}

// Every byte of pages of several shapes is replaced by every other value, or has each bit flipped if it is of a facet. What DecodePage takes the dispatcher takes too,
// and finds the same routes there.
func TestDecodePageFindsEveryCorruption(t *testing.T) {
	for _, shape := range []struct{ routes, facets int }{{1, 1}, {4, 2}, {10, 3}, {13, 1}} {
		page := checkPage(t, randomRoutes(9, shape.routes, shape.facets), 1, 0)
		before, err := DecodePage(page)
		if err != nil {
			t.Fatal(err)
		}
		facetsAt := len(page) - shape.facets*pageFacet
		for at := range page {
			for value := range 256 {
				if flipped := bits.OnesCount8(byte(value) ^ page[at]); flipped == 0 || at >= facetsAt && flipped > 1 {
					continue
				}
				bad := bytes.Clone(page)
				bad[at] = byte(value)
				content, err := DecodePage(bad)
				if (err == nil) != contractTakes(bad) {
					t.Fatalf("byte %d = %#02x of %x: DecodePage says %v, the dispatcher takes it: %v", at, value, page, err, contractTakes(bad))
				}
				if err != nil {
					continue
				}
				if at == 0 || at == 3 {
					t.Fatalf("byte %d = %#02x of %x: accepted", at, value, page)
				}
				for _, r := range content.Routes {
					facet, codeHash, found := contractLookup(bad, r.Selector)
					if !found || facet != r.Facet || codeHash != r.CodeHash {
						t.Fatalf("byte %d = %#02x of %x: %s is decoded to %s, the dispatcher finds %s", at, value, page, r.Selector, r.Facet, facet)
					}
				}
				if at >= facetsAt && slices.Equal(before.Routes, content.Routes) {
					t.Fatalf("byte %d = %#02x of %x: an address or code hash changed unseen", at, value, page)
				}
			}
		}
	}
}

func TestDecodePageRefusesOtherShapes(t *testing.T) {
	page := checkPage(t, randomRoutes(2, 5, 2), 1, 0)
	swapped := bytes.Clone(page[:len(page)-2*pageFacet])
	swapped = append(append(swapped, page[len(page)-pageFacet:]...), page[len(page)-2*pageFacet:len(page)-pageFacet]...)
	double := append(bytes.Clone(page[:len(page)-pageFacet]), page[len(page)-2*pageFacet:len(page)-pageFacet]...)
	zero := bytes.Clone(page)
	copy(zero[len(page)-2*pageFacet:], make([]byte, 20))
	for name, bad := range map[string][]byte{
		"empty":                  {},
		"header alone":           page[:pageHeader],
		"cut":                    page[:len(page)-1],
		"longer":                 append(bytes.Clone(page), 0),
		"no facets":              page[:len(page)-2*pageFacet],
		"unused facet":           append(bytes.Clone(page), bytes.Repeat([]byte{0xff}, pageFacet)...),
		"facets not ascending":   swapped,
		"facet twice":            double,
		"facet is zero address":  zero,
		"101 routes":             append([]byte{0, 1, 0, 101, 0, 1}, make([]byte, 26+101*5+52)...),
		"pages zero":             append([]byte{0, 0, 0}, page[3:]...),
		"index beyond the pages": append([]byte{0, 1, 1}, page[3:]...),
	} {
		if content, err := DecodePage(bad); err == nil {
			t.Errorf("%s: decoded as %+v, want an error", name, content)
		}
	}
}

func FuzzDecodePage(f *testing.F) {
	for _, n := range []int{1, 3, 8} {
		page, err := encodePage(randomRoutes(5, n, min(n, 2)), 1, 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(page)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 1, 0, 1, 0, 1, 0})
	f.Fuzz(func(t *testing.T, page []byte) {
		content, err := DecodePage(page)
		if (err == nil) != contractTakes(page) {
			t.Fatalf("DecodePage(%x) says %v, the dispatcher takes it: %v", page, err, contractTakes(page))
		}
		for _, r := range content.Routes {
			if facet, codeHash, found := contractLookup(page, r.Selector); !found || facet != r.Facet || codeHash != r.CodeHash {
				t.Fatalf("page %x: %s is decoded to %s, the dispatcher finds %s", page, r.Selector, r.Facet, facet)
			}
		}
	})
}

func checkSplit(t rapid.TB, routes []PageRoute, limit int) {
	t.Helper()
	parts, err := split(routes, limit)
	if err != nil {
		t.Fatalf("%d routes, %d a page: %v", len(routes), limit, err)
	}
	if len(parts) > MaxPages {
		t.Fatalf("%d routes, %d a page: %d pages", len(routes), limit, len(parts))
	}
	left := map[Selector]PageRoute{}
	for _, r := range routes {
		left[r.Selector] = r
	}
	for i, part := range parts {
		if len(part) == 0 || len(part) > limit {
			t.Fatalf("%d routes, %d a page: page %d has %d", len(routes), limit, i, len(part))
		}
		for _, r := range part {
			if left[r.Selector] != r {
				t.Fatalf("%d routes, %d a page: %s stands twice or is another route", len(routes), limit, r.Selector)
			}
			delete(left, r.Selector)
			if int(binary.BigEndian.Uint32(r.Selector[:])%uint32(len(parts))) != i {
				t.Fatalf("%d routes, %d a page: %s is on page %d of %d", len(routes), limit, r.Selector, i, len(parts))
			}
		}
	}
	if len(left) > 0 {
		t.Fatalf("%d routes, %d a page: %d are on no page", len(routes), limit, len(left))
	}
}

func TestSplitLeavesNoPageEmptyOrTooFull(t *testing.T) {
	for n := 1; n <= 1000; n++ {
		checkSplit(t, randomRoutes(6, n, 1), DefaultPageSize)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "routes")
		checkSplit(t, randomRoutes(rapid.Uint64().Draw(t, "seed"), n, 1), rapid.IntRange(40, MaxPageRoutes).Draw(t, "limit"))
	})
}

func TestSplitTakesTheLeastNumberOfPages(t *testing.T) {
	var routes []PageRoute
	for i := range 100 {
		routes = append(routes, PageRoute{Selector: Selector{3: byte(i)}})
	}
	for limit, want := range map[int]int{100: 1, 99: 2, 50: 2, 49: 3, 25: 4, 1: 100} {
		if parts, err := split(routes, limit); err != nil || len(parts) != want {
			t.Errorf("100 consecutive selectors, %d a page: %d pages, %v; want %d", limit, len(parts), err, want)
		}
	}
}

func TestSplitRefusesWhatDoesNotFit(t *testing.T) {
	if parts, err := split(randomRoutes(6, 256, 1), 1); err == nil {
		t.Errorf("256 routes, 1 a page: %d pages, want an error", len(parts))
	}
}

func TestSplitTakesMorePagesRatherThanAnEmptyOne(t *testing.T) {
	for _, c := range []struct {
		selectors []byte
		limit     int
		want      int
	}{
		{[]byte{1, 2, 3, 5, 11, 14}, 3, 5}, // 2 or 3 pages would be too full, 4 would leave the first empty
		{[]byte{0, 60, 120, 180}, 2, 0},    // on 4 pages, the most that 4 routes can fill, all are on the first
	} {
		var routes []PageRoute
		for _, s := range c.selectors {
			routes = append(routes, PageRoute{Selector: Selector{3: s}})
		}
		parts, err := split(routes, c.limit)
		if len(parts) != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%v, %d a page: %d pages, %v; want %d", c.selectors, c.limit, len(parts), err, c.want)
		}
	}
}

func TestSelectors(t *testing.T) {
	for signature, want := range map[string]string{
		"transfer(address,uint256)":                       "0xa9059cbb",
		"burn(uint256)":                                   "0x42966c68",
		"collate_propagate_storage(bytes16)":              "0x42966c68", // the known collision
		"safeTransferFrom(address,address,uint256,bytes)": "0xb88d4fde",
		"receive()": "0x00000000",
	} {
		if got := SelectorOf(signature).String(); got != want {
			t.Errorf("SelectorOf(%s) = %s, want %s", signature, got, want)
		}
	}
}

func TestSelectorText(t *testing.T) {
	for text, ok := range map[string]bool{
		"0xa9059cbb": true, "0xA9059CBB": true, "a9059cbb": false, "0xa9059c": false, "0xa9059cbb00": false, "": false, "0xa9059cbg": false,
	} {
		s := Selector{1}
		if err := s.UnmarshalText([]byte(text)); (err == nil) != ok {
			t.Errorf("UnmarshalText(%q): %v", text, err)
		} else if ok && s != SelectorOf("transfer(address,uint256)") {
			t.Errorf("UnmarshalText(%q) = %s", text, s)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var s, again Selector
		binary.BigEndian.PutUint32(s[:], rng.Uint32())
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(text); err != nil || again != s {
			t.Errorf("%s: read back as %s, %v", s, again, err)
		}
	}
}
