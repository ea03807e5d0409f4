package demo

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/signer"
)

// BenchmarkRollout rolls version 1 out to three fresh networks, side by side, and for a baseline to three others one
// after another. It reports how many times longer the baseline took.
func BenchmarkRollout(b *testing.B) {
	var together, inTurn time.Duration
	for b.Loop() {
		together += rolloutTime(b, func(ctx context.Context, d *Demo, v *version) error {
			_, err := v.app.Rollout(ctx, v.manifest, v.file, false)
			return err
		})
		inTurn += rolloutTime(b, func(ctx context.Context, d *Demo, v *version) error {
			for _, name := range d.names {
				if err := rolloutOne(ctx, d, v, name); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportMetric(float64(inTurn)/float64(together), "in-turn/side-by-side")
	b.ReportMetric(together.Seconds()/float64(b.N)*1000, "ms/side-by-side")
}

// rolloutTime deploys version 1 on three fresh networks and returns how long run takes.
func rolloutTime(b *testing.B, run func(context.Context, *Demo, *version) error) time.Duration {
	b.Helper()
	d, err := Start(Options{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler), Say: func(string) {}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	}()
	v, err := d.version("lockstep.yaml")
	if err != nil {
		b.Fatal(err)
	}
	defer v.close()
	if _, err := v.app.Deploy(b.Context(), v.manifest, false); err != nil {
		b.Fatal(err)
	}
	d.atTimelock = func(network string, now, until uint64) {
		if err := d.nets[network].AdvanceTime(time.Duration(until-now) * time.Second); err != nil {
			b.Error(err)
		}
	}
	start := time.Now()
	if err := run(b.Context(), d, v); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func rolloutOne(ctx context.Context, d *Demo, v *version, network string) error {
	cfg, err := d.config("lockstep.yaml")
	if err != nil {
		return err
	}
	signers := map[string]*signer.Signer{}
	for name := range cfg.Signers {
		signers[name] = signer.FromKey(d.address(name), d.keys[name])
	}
	a, err := app.New(app.Options{
		Config: cfg, Journal: d.journal(), Networks: []string{network}, Signers: signers, Log: d.opts.Log, Progress: d.progress,
	})
	if err != nil {
		return err
	}
	_, err = a.Rollout(ctx, v.manifest, v.file, false)
	if closeErr := a.Close(); err == nil {
		err = closeErr
	}
	return err
}
