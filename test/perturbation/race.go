package perturbation

// turns hands out the right to make the next effect, so that two processes interleave as a schedule says.
type turns struct {
	arrived chan struct{} // the process stands before an effect, or (closed) has come to its end
	granted chan struct{}
}

func (t *turns) await() {
	t.arrived <- struct{}{}
	<-t.granted
}

// runner is a process whose effects are granted one by one.
type runner struct {
	turns   *turns
	stands  bool // before an effect
	effects int
}

// start runs work up to its first effect.
func (r *replica) start(work func()) *runner {
	r.turns = &turns{arrived: make(chan struct{}), granted: make(chan struct{})}
	started := &runner{turns: r.turns}
	go func() {
		defer close(r.turns.arrived)
		work()
	}()
	_, started.stands = <-r.turns.arrived
	return started
}

// step makes one effect, if there is one, and goes on to the next.
func (r *runner) step() bool {
	if !r.stands {
		return false
	}
	r.effects++
	r.turns.granted <- struct{}{}
	_, r.stands = <-r.turns.arrived
	return true
}

// race lets the old leader finish the pass that it is in, while a new one has begun to work. It returns how many effects each of them had.
func (w *world) race(r *race) (ofOld, ofNew int) {
	old := w.leader
	before := old.mutations
	w.leader = w.newReplica()
	next := w.leader
	if r.atSlot {
		w.round() // it meets the objects, and learns when they are due
		if at, ever := next.nextWake(); ever {
			w.clock.SetTime(at)
		}
	}
	w.disturbedByOthers = true // neither can know what the other is about to do
	// The old leader is in a pass of one object; the new one begins with a look at all.
	a := old.start(func() {
		for _, name := range old.due() {
			effects := len(w.bus.trace)
			old.reconcile(name)
			if len(w.bus.trace) > effects {
				return
			}
		}
	})
	b := next.start(func() {
		for _, name := range next.due() {
			next.reconcile(name)
		}
	})
	for _, turn := range r.schedule {
		if turn == 'a' {
			a.step()
		} else {
			b.step()
		}
	}
	for a.step() {
	}
	for b.step() {
	}
	next.turns = nil
	w.ended()
	w.excused += old.mutations - before // its successor knows nothing of them
	return a.effects, b.effects
}

// schedules are all the orders in which a's and b's effects can follow each other.
func schedules(a, b int) []string {
	if a == 0 || b == 0 {
		order := make([]byte, 0, a+b)
		for range a {
			order = append(order, 'a')
		}
		for range b {
			order = append(order, 'b')
		}
		return []string{string(order)}
	}
	var all []string
	for _, rest := range schedules(a-1, b) {
		all = append(all, "a"+rest)
	}
	for _, rest := range schedules(a, b-1) {
		all = append(all, "b"+rest)
	}
	return all
}
