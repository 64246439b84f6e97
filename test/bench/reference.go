package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// How often the two managers are started, and how many of the last stay, for their memory to be read.
	starts = 15
	stay   = 3
	// How long they get to come to rest before that.
	settleTime = 5 * time.Second
)

// reference starts the operator and the bare manager by turns, without an object, and in the end lets some of both come to rest.
func (s *scene) reference(ctx context.Context) (Reference, error) {
	sayf("reference")
	var r Reference
	both := []*contestant{
		{idler: &r.Operator, program: "manager", start: s.operator},
		{idler: &r.Bare, program: "bare", start: func(ctx context.Context, args ...string) (*process, error) { return s.manager(ctx, "bare", args...) }},
	}
	for n := range starts {
		for _, c := range both {
			p, err := c.startAnew(ctx)
			if err != nil {
				return r, err
			}
			if n < starts-stay {
				p.stop()
				continue
			}
			defer p.stop()
			c.resting = append(c.resting, p)
		}
	}
	if err := pause(ctx, settleTime); err != nil {
		return r, err
	}
	for _, c := range both {
		if err := c.weigh(ctx, filepath.Join(s.Dir, c.program)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// contestant is one of two managers that are compared.
type contestant struct {
	idler   *Idler
	program string
	start   func(context.Context, ...string) (*process, error)
	resting []*process
}

// startAnew starts it once more. The quickest start counts: the others had to wait for something else on the machine.
func (c *contestant) startAnew(ctx context.Context) (*process, error) {
	p, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	took := p.startTook.Seconds()
	c.idler.StartSeconds = min(cmp.Or(c.idler.StartSeconds, took), took)
	return p, nil
}

// weigh takes the median of those that rest: one alone may be a megabyte off.
func (c *contestant) weigh(ctx context.Context, path string) error {
	binary, err := os.Stat(path)
	if err != nil {
		return err
	}
	var all []Memory
	for _, p := range c.resting {
		used, err := p.memory(ctx)
		if err != nil {
			return err
		}
		all = append(all, used)
	}
	slices.SortFunc(all, func(a, b Memory) int { return cmp.Compare(a.RSSBytes, b.RSSBytes) })
	c.idler.BinaryBytes, c.idler.Memory = binary.Size(), all[len(all)/2]
	return nil
}
