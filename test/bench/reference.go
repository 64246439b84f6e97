package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"
)

// How long a manager gets to come to rest before its memory is read.
const settleTime = 10 * time.Second

// reference starts the operator and the bare manager by turns, without an object, and in the end lets both come to rest.
func (s *scene) reference(ctx context.Context) (Reference, error) {
	const starts = 7
	sayf("reference")
	var r Reference
	both := []*contestant{
		{idler: &r.Operator, program: "manager", start: s.operator},
		{idler: &r.Bare, program: "bare", start: func(ctx context.Context, args ...string) (*process, error) { return s.manager(ctx, "bare", args...) }},
	}
	for n := range starts {
		for _, c := range both {
			if err := c.startAnew(ctx); err != nil {
				return r, err
			}
			if n == starts-1 {
				defer c.process.stop()
			} else {
				c.process.stop()
			}
		}
	}
	if err := pause(ctx, settleTime/2); err != nil {
		return r, err
	}
	for _, c := range both {
		binary, err := os.Stat(filepath.Join(s.Dir, c.program))
		if err != nil {
			return r, err
		}
		used, err := c.process.usage()
		if err != nil {
			return r, err
		}
		c.idler.BinaryBytes, c.idler.RSSBytes = binary.Size(), used.rss
	}
	return r, nil
}

// contestant is one of two managers that are compared.
type contestant struct {
	idler   *Idler
	program string
	start   func(context.Context, ...string) (*process, error)
	process *process
}

// startAnew starts it once more. The quickest start counts: the others had to wait for something else on the machine.
func (c *contestant) startAnew(ctx context.Context) error {
	var err error
	if c.process, err = c.start(ctx); err != nil {
		return err
	}
	took := c.process.startTook.Seconds()
	c.idler.StartSeconds = min(cmp.Or(c.idler.StartSeconds, took), took)
	return nil
}
