package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// noticeTerms are those of a sink that nothing limits.
var noticeTerms = notice.Terms{Sink: "chat", PerMinute: 100, Together: true, Most: 100, Urgent: 100, MaxAge: 24 * 3600_000}

func queued(sink, id, fingerprint string, severity rule.Severity) notice.Queued {
	return notice.Queued{ID: id, Sink: sink, Fingerprint: fingerprint, Severity: severity, Body: []byte(`{"id":"` + id + `"}`)}
}

func enqueueAll(t testing.TB, s *Store, all ...notice.Queued) {
	t.Helper()
	if err := s.EnqueueNotices(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
}

var claims int

func claim(t testing.TB, s *Store, terms notice.Terms) notice.Claimed {
	t.Helper()
	claims++
	c, err := s.ClaimNotices(t.Context(), terms, fmt.Sprintf("claim%d", claims))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// held writes what was claimed: the ids of messages, those that leave together with + between them.
func held(c notice.Claimed) string {
	var out []string
	for _, h := range c.Held {
		var ids []string
		for _, item := range h.Items {
			ids = append(ids, strings.TrimSuffix(strings.TrimPrefix(string(item.Body), `{"id":"`), `"}`))
		}
		out = append(out, strings.Join(ids, "+"))
	}
	return strings.Join(out, " ")
}

func mustClaim(t testing.TB, c notice.Claimed, want string) {
	t.Helper()
	if got := held(c); got != want {
		t.Errorf("claimed %q, want %q", got, want)
	}
}

// wait lets time pass, in milliseconds, as far as the queue knows.
func wait(t testing.TB, s *Store, ms int64) {
	t.Helper()
	for _, update := range []string{
		`UPDATE notices SET queued_ms = queued_ms - ?, next_ms = next_ms - ?, claimed_ms = claimed_ms - ?`,
		`UPDATE notice_sinks SET filled_ms = filled_ms - ?, held_ms = held_ms - ?`,
	} {
		args := slices.Repeat([]any{ms}, strings.Count(update, "?"))
		if _, err := (querier{s.db, s.engine}).exec(t.Context(), update, args...); err != nil {
			t.Fatal(err)
		}
	}
}

func finished(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noticeStory leaves a message that waits, one that is in somebody's hands, and one that is said again.
func noticeStory(t testing.TB, s *Store) {
	t.Helper()
	ctx := t.Context()
	enqueueAll(t, s, queued("chat", "a", "1", rule.High), queued("chat", "b", "2", rule.Warning))
	c := claim(t, s, noticeTerms)
	finished(t, s.NoticesSent(ctx, c.Held[0], map[int64]bool{c.Held[0].Items[0].Number: true}, 1000))
	finished(t, s.NoticesFailed(ctx, c.Held[1], "it is full", 1000, 1000))
	enqueueAll(t, s, queued("chat", "c", "3", rule.Critical))
	mustClaim(t, claim(t, s, noticeTerms), "c")
}

// TestNewsFirst: what nobody has been told goes before what was queued earlier about others.
func TestNewsFirst(t *testing.T) { onEach(t, testNewsFirst) }

func testNewsFirst(t *testing.T, on *database) {
	s := on.fresh(t)
	for i := range 85 {
		row := queued("chat", fmt.Sprint("old", i), fmt.Sprint(i), rule.High)
		row.Kind = notice.Renewed
		enqueueAll(t, s, row)
	}
	fresh := queued("chat", "new", "new", rule.High)
	fresh.Kind = notice.Raised
	enqueueAll(t, s, fresh)
	terms := noticeTerms
	terms.Together, terms.PerMinute = false, 2
	mustClaim(t, claim(t, s, terms), "new old0")
}

func TestNotices(t *testing.T) { onEach(t, testNotices) }

func testNotices(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	due := func(want ...string) {
		t.Helper()
		got, err := s.DueNotices(ctx)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("due are %v, %v; want %v", got, err, want)
		}
	}
	due()
	mustClaim(t, claim(t, s, noticeTerms), "")
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning), queued("mail", "a", "1", rule.Warning), queued("chat", "b", "2", rule.High))
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning)) // again changes nothing
	due("chat", "mail")
	c := claim(t, s, noticeTerms)
	mustClaim(t, c, "b a") // the gravest first
	due("mail")
	mustClaim(t, claim(t, s, noticeTerms), "") // they are in somebody's hands
	if h := c.Held[0]; h.ID != "b" || h.Attempts != 1 || h.Failures != 0 || h.Sink != "chat" || h.Renewal {
		t.Errorf("%+v", h)
	}
	finished(t, s.NoticesSent(ctx, c.Held[0], nil, 0))
	finished(t, s.NoticesFailed(ctx, c.Held[1], "no\x00 \xff room", 60_000, 2000))
	due("mail")
	sinks, waiting, err := s.Notices(ctx)
	if err != nil || len(sinks) != 1 || sinks[0].SentAt == 0 || sinks[0].Error != "no\uFFFD \uFFFD room" || sinks[0].ErrorAt == 0 || sinks[0].Lost != 0 {
		t.Errorf("%+v, %v", sinks, err)
	}
	if len(waiting) != 2 || waiting[0].ID != "a" || waiting[0].Sink != "chat" || waiting[0].Attempts != 1 || waiting[0].Error == "" || waiting[0].QueuedAt == 0 {
		t.Errorf("%+v", waiting)
	}
	wait(t, s, 30_000)
	mustClaim(t, claim(t, s, noticeTerms), "")
	wait(t, s, 30_000)
	due("chat", "mail")
	c = claim(t, s, noticeTerms)
	mustClaim(t, c, "a")
	if h := c.Held[0]; h.ID != "a" || h.Attempts != 2 || h.Failures != 1 {
		t.Errorf("%+v", h)
	}
	finished(t, s.NoticesRefused(ctx, c.Held[0], "go away"))
	wait(t, s, math.MaxInt32)
	mustClaim(t, claim(t, s, noticeTerms), "")
	if sinks, waiting, err = s.Notices(ctx); err != nil || len(waiting) != 1 || sinks[0].Lost != 1 || sinks[0].Error != "go away" {
		t.Errorf("%+v, %+v, %v", sinks, waiting, err)
	}
	mustBeSound(t, s)
}

// A message is told of with what it is about, or not at all.
func TestNoticesInATransaction(t *testing.T) { onEach(t, testNoticesInATransaction) }

func testNoticesInATransaction(t *testing.T, on *database) {
	s := on.fresh(t)
	for _, fails := range []bool{true, false} {
		err := s.within(t.Context(), func(tx *tx) error {
			if err := enqueueNotices(t.Context(), tx, queued("chat", "a", "1", rule.Critical)); err != nil {
				return err
			}
			if fails {
				return context.Canceled
			}
			return nil
		})
		if (err != nil) != fails {
			t.Fatal(err)
		}
		want := "a"
		if fails {
			want = ""
		}
		mustClaim(t, claim(t, s, noticeTerms), want)
	}
}

// Who dies with a message in hand leaves it to others, with the same id.
func TestNoticesOfTheDead(t *testing.T) { onEach(t, testNoticesOfTheDead) }

func testNoticesOfTheDead(t *testing.T, on *database) {
	where := on.place(t)
	s, ctx := open(t, where), t.Context()
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning), queued("chat", "b", "1", rule.Warning))
	lost := claim(t, s, noticeTerms)
	mustClaim(t, lost, "a")
	other := open(t, where)
	wait(t, s, notice.ClaimTime/2)
	mustClaim(t, claim(t, other, noticeTerms), "")
	wait(t, s, notice.ClaimTime/2)
	again := claim(t, other, noticeTerms)
	mustClaim(t, again, "a")
	if h := again.Held[0]; h.ID != lost.Held[0].ID || h.Attempts != 2 {
		t.Errorf("%+v", h)
	}
	// the first one was only slow: what it says has no weight any more
	finished(t, s.NoticesRefused(ctx, lost.Held[0], "late"))
	finished(t, s.NoticesFailed(ctx, lost.Held[0], "late", 1, 1))
	finished(t, s.NoticesSent(ctx, lost.Held[0], nil, 0))
	mustClaim(t, claim(t, other, noticeTerms), "") // b waits for a
	finished(t, other.NoticesSent(ctx, again.Held[0], nil, 0))
	mustClaim(t, claim(t, other, noticeTerms), "b")
}

// A transaction that is run again, since nobody knows whether it was committed, takes what it took.
func TestNoticesClaimedAgain(t *testing.T) { onEach(t, testNoticesClaimedAgain) }

func testNoticesClaimedAgain(t *testing.T, on *database) {
	s := on.fresh(t)
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning))
	for range 2 {
		c, err := s.ClaimNotices(t.Context(), noticeTerms, "mine")
		finished(t, err)
		mustClaim(t, c, "a")
	}
	mustClaim(t, claim(t, s, noticeTerms), "")
}

// A clock that was ahead leaves nothing alone for as long as it was off.
func TestNoticesClockIsSetBack(t *testing.T) { onEach(t, testNoticesClockIsSetBack) }

func testNoticesClockIsSetBack(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	const ahead = 2 * 3600_000
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning))
	terms := noticeTerms
	terms.PerMinute = 1
	mustClaim(t, claim(t, s, terms), "a")
	wait(t, s, -ahead)
	mustClaim(t, claim(t, s, terms), "") // the limit is counted from now
	wait(t, s, 60_000)
	c := claim(t, s, terms)
	mustClaim(t, c, "a")
	finished(t, s.NoticesFailed(ctx, c.Held[0], "full", 1000, 1000))
	wait(t, s, -ahead)
	mustClaim(t, claim(t, s, terms), "")
	wait(t, s, 60_000)
	mustClaim(t, claim(t, s, terms), "a")
}

// Each message is in the hands of one, however many look for some.
func TestNoticesAreClaimedOnce(t *testing.T) { onEach(t, testNoticesAreClaimedOnce) }

func testNoticesAreClaimedOnce(t *testing.T, on *database) {
	where := on.place(t)
	stores := []*Store{open(t, where), open(t, where)}
	const messages = 60
	var all []notice.Queued
	for i := range messages {
		all = append(all, queued("chat", fmt.Sprint("m", i), fmt.Sprint("f", i%20), []rule.Severity{rule.Critical, rule.Warning}[i/20%2]))
	}
	enqueueAll(t, stores[0], all...)
	terms := noticeTerms
	terms.Most, terms.PerMinute, terms.Together = 3, 1000, false
	var mu sync.Mutex
	order, seen, live := map[string][]string{}, map[string]int{}, map[string]bool{}
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() {
			s := stores[i%2]
			for try := 0; ; try++ {
				c, err := s.ClaimNotices(t.Context(), terms, fmt.Sprintf("%d-%d", i, try))
				if err != nil {
					t.Error(err)
					return
				}
				for _, h := range c.Held {
					var n int
					_, _ = fmt.Sscanf(h.ID, "m%d", &n)
					of := fmt.Sprint("f", n%20)
					mu.Lock()
					if live[of] {
						t.Errorf("%s is sent while another message of %s is", h.ID, of)
					}
					seen[h.ID]++
					order[of], live[of] = append(order[of], h.ID), true
					mu.Unlock()
					mu.Lock()
					live[of] = false
					mu.Unlock()
					if err := s.NoticesSent(t.Context(), h, nil, 0); err != nil {
						t.Error(err)
					}
				}
				if left, err := s.DueNotices(t.Context()); err != nil || len(left) == 0 {
					return
				}
			}
		})
	}
	senders.Wait()
	for i := range 20 {
		// m20.. are a warning between two that are critical, and can be taken out by the second
		first, second, third := fmt.Sprint("m", i), fmt.Sprint("m", 20+i), fmt.Sprint("m", 40+i)
		got := order[fmt.Sprint("f", i)]
		if !slices.Equal(got, []string{first, second, third}) && !slices.Equal(got, []string{first, third}) {
			t.Errorf("%d: %v", i, got)
		}
		for _, id := range got {
			if seen[id] != 1 {
				t.Errorf("%s was taken %d times", id, seen[id])
			}
		}
	}
}

// What is over the limit leaves together, under an id that it keeps; what is critical never waits.
func TestNoticesTogether(t *testing.T) { onEach(t, testNoticesTogether) }

func testNoticesTogether(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	terms := noticeTerms
	terms.PerMinute = 3
	for i := range 6 {
		enqueueAll(t, s, queued("chat", fmt.Sprint("w", i), fmt.Sprint(i), rule.Warning))
	}
	enqueueAll(t, s, queued("chat", "resolved", "5", rule.Warning), queued("chat", "high", "7", rule.High))
	c := claim(t, s, terms)
	mustClaim(t, c, "high w0 w1+w2+w3+w4+w5+resolved")
	batch := c.Held[2]
	for _, h := range c.Held[:2] {
		finished(t, s.NoticesSent(ctx, h, nil, 0))
	}
	enqueueAll(t, s, queued("chat", "late", "8", rule.Warning), queued("chat", "now", "9", rule.Critical))
	c = claim(t, s, terms)
	mustClaim(t, c, "now") // the limit is used up
	finished(t, s.NoticesSent(ctx, c.Held[0], nil, 0))
	finished(t, s.NoticesFailed(ctx, batch, "full", 1000, 1000))
	wait(t, s, 21_000) // one more is allowed
	c = claim(t, s, terms)
	mustClaim(t, c, "w1+w2+w3+w4+w5+resolved") // as it was: it may have arrived
	if h := c.Held[0]; h.ID != batch.ID || h.Attempts != 2 {
		t.Errorf("%+v", h)
	}
	finished(t, s.NoticesFailed(ctx, c.Held[0], "full", 1000, 1000))
	wait(t, s, 20_000)
	c = claim(t, s, terms)
	mustClaim(t, c, "w1+w2+w3+w4+w5+resolved")
	if h := c.Held[0]; h.ID != batch.ID || h.Attempts != 3 {
		t.Errorf("%+v", h)
	}
	finished(t, s.NoticesSent(ctx, c.Held[0], nil, 0))
	mustClaim(t, claim(t, s, terms), "")
	wait(t, s, 20_000)
	mustClaim(t, claim(t, s, terms), "late")
	// a bucket holds no more than a minute's
	wait(t, s, 3_600_000)
	for i := range 9 {
		enqueueAll(t, s, queued("chat", fmt.Sprint("x", i), fmt.Sprint("x", i), rule.Info))
	}
	mustClaim(t, claim(t, s, terms), "late x0 x1+x2+x3+x4+x5+x6+x7+x8")
}

// A message that grows too old is given up, unless it is critical.
func TestNoticesGrowOld(t *testing.T) { onEach(t, testNoticesGrowOld) }

func testNoticesGrowOld(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	enqueueAll(t, s, queued("chat", "a", "1", rule.High), queued("chat", "b", "2", rule.Critical))
	for _, h := range claim(t, s, noticeTerms).Held {
		finished(t, s.NoticesFailed(ctx, h, "full", 1000, 1000))
	}
	wait(t, s, noticeTerms.MaxAge-10_000)
	c := claim(t, s, noticeTerms)
	mustClaim(t, c, "b a")
	for _, h := range c.Held {
		finished(t, s.NoticesFailed(ctx, h, "full", 1000, 1000))
	}
	wait(t, s, 20_000)
	c = claim(t, s, noticeTerms)
	mustClaim(t, c, "b")
	if len(c.Lost) != 1 || string(c.Lost[0].Body) != `{"id":"a"}` || c.Lost[0].QueuedAt == 0 {
		t.Errorf("given up are %+v", c.Lost)
	}
	if sinks, _, err := s.Notices(ctx); err != nil || sinks[0].Lost != 1 {
		t.Errorf("%+v, %v", sinks, err)
	}
}

// While a sink fails, one message finds out whether it is there again.
func TestNoticesOfASinkThatFails(t *testing.T) { onEach(t, testNoticesOfASinkThatFails) }

func testNoticesOfASinkThatFails(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	for i := range 4 {
		enqueueAll(t, s, queued("chat", fmt.Sprint("w", i), fmt.Sprint(i), rule.Warning))
	}
	terms := noticeTerms
	terms.Most = 2
	c := claim(t, s, terms)
	mustClaim(t, c, "w0 w1")
	for _, h := range c.Held {
		finished(t, s.NoticesFailed(ctx, h, "full", 1000, 20_000))
	}
	wait(t, s, 1500)
	enqueueAll(t, s, queued("chat", "now", "9", rule.Critical))
	c = claim(t, s, terms)
	mustClaim(t, c, "now")
	wait(t, s, 20_000)
	probe := claim(t, s, terms)
	mustClaim(t, probe, "w0")
	finished(t, s.NoticesSent(ctx, probe.Held[0], nil, 0))
	mustClaim(t, claim(t, s, terms), "w1 w2")
}

// What a sink has been told is said again while its alert fires, and no longer.
func TestNoticesStand(t *testing.T) { onEach(t, testNoticesStand) }

func testNoticesStand(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	terms := noticeTerms
	terms.Renews = true
	stand := func(h notice.Held) {
		t.Helper()
		numbers := map[int64]bool{}
		for _, item := range h.Items {
			numbers[item.Number] = true
		}
		finished(t, s.NoticesSent(ctx, h, numbers, 60_000))
	}
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning), queued("chat", "b", "2", rule.Critical))
	for _, h := range claim(t, s, terms).Held {
		stand(h)
	}
	wait(t, s, 30_000)
	mustClaim(t, claim(t, s, terms), "")
	wait(t, s, 30_000)
	c := claim(t, s, terms)
	mustClaim(t, c, "a+b")
	if h := c.Held[0]; !h.Renewal || h.Urgent() || h.Items[0].Before != nil {
		t.Errorf("%+v", h)
	}
	// while they are said again, nothing overtakes them
	enqueueAll(t, s, queued("chat", "a-high", "1", rule.High), queued("chat", "b-gone", "2", rule.Critical))
	mustClaim(t, claim(t, s, terms), "")
	stand(c.Held[0])
	wait(t, s, 60_000)
	c = claim(t, s, terms) // and what is new is said, and nothing again
	mustClaim(t, c, "b-gone a-high")
	if before := string(c.Held[1].Items[0].Before); before != `{"id":"a"}` {
		t.Errorf("before a-high it was told %q", before)
	}
	finished(t, s.NoticesSent(ctx, c.Held[0], nil, 0))
	finished(t, s.NoticesFailed(ctx, c.Held[1], "full", 1000, 1000))
	wait(t, s, 1000)
	c = claim(t, s, terms)
	mustClaim(t, c, "a-high")
	if before := string(c.Held[0].Items[0].Before); before != `{"id":"a"}` {
		t.Errorf("before a-high it was told %q, still", before)
	}
	stand(c.Held[0])
	wait(t, s, 60_000)
	c = claim(t, s, terms)
	mustClaim(t, c, "a-high")
	finished(t, s.NoticesFailed(ctx, c.Held[0], "full", 1000, 1000))
	wait(t, s, 1000)
	c = claim(t, s, terms)
	mustClaim(t, c, "a-high")
	// a sink of another type by the same name says nothing again
	wait(t, s, notice.ClaimTime)
	mustClaim(t, claim(t, s, noticeTerms), "")
	if _, waiting, err := s.Notices(ctx); err != nil || len(waiting) != 0 {
		t.Errorf("%+v, %v", waiting, err)
	}
}

func TestNoticesWaiting(t *testing.T) { onEach(t, testNoticesWaiting) }

func testNoticesWaiting(t *testing.T, on *database) {
	s := on.fresh(t)
	waiting := func(want int, least, most time.Duration) {
		t.Helper()
		n, oldest, err := s.NoticesWaiting(t.Context())
		if err != nil || n != want || oldest < least || oldest > most {
			t.Errorf("%d wait, the oldest for %s, %v; want %d, %s to %s", n, oldest, err, want, least, most)
		}
	}
	waiting(0, 0, 0)
	enqueueAll(t, s, queued("chat", "a", "1", rule.Warning))
	wait(t, s, 3600_000)
	enqueueAll(t, s, queued("mail", "b", "1", rule.Warning))
	waiting(2, time.Hour, 2*time.Hour)
	c := claim(t, s, noticeTerms)
	finished(t, s.NoticesSent(t.Context(), c.Held[0], map[int64]bool{c.Held[0].Items[0].Number: true}, 1000))
	waiting(1, 0, 30*time.Minute)
	wait(t, s, -3600_000)
	waiting(1, 0, 0)
}

// Notices of an earlier schema are none.
func TestNoticesOfAnEarlierRelease(t *testing.T) {
	s, err := openBlank(t.Context(), ":memory:", 9)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sinks, waiting, err := s.Notices(t.Context())
	if diff := cmp.Diff(0, len(sinks)+len(waiting)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
